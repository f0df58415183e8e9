import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import {
  type ChallengeDate,
  type Cosigned,
  decodeCosignedChallenge,
  decodeCosignedHead,
  type HeadDate,
  isCosignedChallenge,
} from '../../wire/message/anchor.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { HEAD_BYTES } from '../../wire/message/receipt.ts';
import type { UntrustedCode } from '../errors.ts';
import { isListed } from '../policy/readers.ts';
import type { WorkerPolicy } from '../policy/worker-policy.ts';
import type { Check } from '../result.ts';
import { type CheckName, checkOfError, notReached } from '../rules.ts';

/** A time that a cosigner of the policy vouches for: milliseconds since 1970, of the second that it signed. */
export interface Dated {
  readonly time: number;
  readonly cosigner: Uint8Array;
}

/** What third parties say about time in one archive, as far as the policy takes their word. */
export interface Dates {
  readonly head: Dated | null;
  readonly challenge: Dated | null;
}

export type DatesReport =
  | { readonly checks: readonly Check[]; readonly dates: Dates }
  | { readonly checks: readonly Check[]; readonly verdict: 'malformed'; readonly code: 'cosignature_invalid' }
  | { readonly checks: readonly Check[]; readonly verdict: 'untrusted'; readonly code: UntrustedCode };

const form: CheckName = { id: 'D0', title: 'cosignatures of head and challenge are well formed' };
const headDate: CheckName = { id: 'D1', title: 'a cosigner that the policy names dated this head and this document' };
const headSigned: CheckName = { id: 'D2', title: 'the signatures under those dates verify' };
const challengeDate: CheckName = { id: 'D3', title: 'a cosigner that the policy names dated the challenge' };

/** They run first, because the times that they give are what the rest is judged at. */
export const dateChecks: readonly CheckName[] = [form, headDate, headSigned, challengeDate];

export interface DatesOptions {
  readonly policy: WorkerPolicy;
  readonly purpose: 'live' | 'archive';
  readonly suite: Suite;
}

export async function checkDates(archive: Archive, options: DatesOptions): Promise<DatesReport> {
  const parsed = parseDates(archive);
  if (parsed instanceof WireError) {
    const checks = [checkOfError(form, parsed), ...notReached(dateChecks.slice(1))];
    return { verdict: 'malformed', code: 'cosignature_invalid', checks };
  }
  const { anchors } = options.policy;
  const written = parsed.heads.length + (parsed.challenge === null ? 0 : 1);
  const before: Check = { ...form, outcome: 'passed', detail: `${written} cosignatures` };
  if (anchors === 'none') {
    const checks = [before, ...notAskedFor([headDate, headSigned, challengeDate], 'the policy takes nobody’s word')];
    return { checks, dates: { head: null, challenge: null } };
  }
  const isNamed = ({ cosigner }: { readonly cosigner: Uint8Array }): boolean => isListed(anchors.cosigners, cosigner);
  const head = await checkHead(archive, parsed.heads.filter(isNamed), options);
  const upToHead = [before, ...head.checks];
  if (head.code !== null) {
    return { verdict: 'untrusted', code: head.code, checks: [...upToHead, ...notReached([challengeDate])] };
  }
  const named = parsed.challenge !== null && isNamed(parsed.challenge) ? parsed.challenge : null;
  const challenge = await checkChallenge(named, options.suite);
  const checks = [...upToHead, challenge.check];
  if (challenge.check.outcome === 'failed') return { verdict: 'untrusted', code: 'anchor_signature', checks };
  return { checks, dates: { head: head.dated, challenge: challenge.dated } };
}

interface Parsed {
  readonly heads: readonly Cosigned<HeadDate>[];
  readonly challenge: Cosigned<ChallengeDate> | null;
}

/** What is wrong with them, or what they say. Every one is read, whoever made it: a file has one form. */
function parseDates({ anchors, challenge: { preimage } }: Archive): Parsed | WireError {
  try {
    const heads = anchors
      .filter(({ kind }) => kind === 'cosignature')
      .map(({ evidence }) => decodeCosignedHead(Uint8Array.from(evidence)));
    const dated = preimage !== null && isCosignedChallenge(preimage);
    return { heads, challenge: dated ? decodeCosignedChallenge(Uint8Array.from(preimage)) : null };
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}

interface HeadReport {
  readonly checks: readonly Check[];
  readonly code: UntrustedCode | null;
  /** The earliest: the head existed then, whenever else it was seen. */
  readonly dated: Dated | null;
}

async function checkHead(
  archive: Archive,
  shown: readonly Cosigned<HeadDate>[],
  { purpose, suite }: DatesOptions,
): Promise<HeadReport> {
  if (purpose === 'live') {
    const checks = notAskedFor([headDate, headSigned], 'everything is judged at one time, which is given');
    return { checks, code: null, dated: null };
  }
  if (shown.length === 0) {
    const detail = 'nobody that the policy names dated it';
    const checks = [headDate, headSigned].map((name): Check => ({ ...name, outcome: 'not-reached', detail }));
    return { checks, code: null, dated: null };
  }
  const subject = await subjectOf(archive, suite);
  if (!shown.every(({ message }) => equalBytes(subjectIn(message), subject))) {
    const failed: Check = { ...headDate, outcome: 'failed', detail: 'it was another head, or another document' };
    return { checks: [failed, ...notReached([headSigned])], code: 'anchor_mismatch', dated: null };
  }
  const [first, ...others] = shown.map(datedBy).sort((a, b) => a.time - b.time) as [Dated, ...Dated[]];
  const detail = `${iso(first.time)}, ${others.length} later`;
  const named: Check = { ...headDate, outcome: 'passed', detail };
  for (const cosigned of shown) {
    if (await isSigned(cosigned, suite)) continue;
    const failed: Check = { ...headSigned, outcome: 'failed', detail: toHex(cosigned.cosigner) };
    return { checks: [named, failed], code: 'anchor_signature', dated: null };
  }
  const signed: Check = { ...headSigned, outcome: 'passed', detail: `${shown.length} ECDSA P-256, low s` };
  return { checks: [named, signed], code: null, dated: first };
}

async function checkChallenge(
  shown: Cosigned<ChallengeDate> | null,
  suite: Suite,
): Promise<{ readonly check: Check; readonly dated: Dated | null }> {
  if (shown === null) {
    const detail = 'nobody that the policy names dated it';
    return { check: { ...challengeDate, outcome: 'not-reached', detail }, dated: null };
  }
  if (!(await isSigned(shown, suite))) {
    return { check: { ...challengeDate, outcome: 'failed', detail: toHex(shown.cosigner) }, dated: null };
  }
  const dated = datedBy(shown);
  return { check: { ...challengeDate, outcome: 'passed', detail: iso(dated.time) }, dated };
}

const WORD = 32;

/** Log, size and root stand in a head as they stand in the statement; a head of another length is refused later (R0). */
async function subjectOf({ head, evidence }: Archive, suite: Suite): Promise<Uint8Array> {
  return concatBytes(head.slice(3 * WORD, HEAD_BYTES), await suite.sha256(evidence.document));
}

/** All of the statement between its tag and its time. */
function subjectIn(message: Uint8Array): Uint8Array {
  return message.subarray(WORD, 5 * WORD);
}

function datedBy({ statement, cosigner }: Cosigned<HeadDate | ChallengeDate>): Dated {
  return { time: Number(statement.time) * 1_000, cosigner };
}

async function isSigned({ message, cosigner, signature }: Cosigned<unknown>, suite: Suite): Promise<boolean> {
  try {
    return await verifyLowS(suite, concatBytes(Uint8Array.of(4), cosigner), message, signature);
  } catch (error) {
    // A key off its curve, or a signature of another form: it is signed by nobody.
    if (error instanceof WireError) return false;
    throw error;
  }
}

function notAskedFor(names: readonly CheckName[], detail: string): readonly Check[] {
  return names.map(({ id, title }) => ({ id, title, outcome: 'not-asked', detail }));
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
