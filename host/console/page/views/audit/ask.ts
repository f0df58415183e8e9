import {
  type AuditReport,
  judge,
  type LevelsAsked,
  type PolicyChoice,
  policyChoice,
  recognise,
  renderHtml,
  renderJson,
  usualLevelsAsked,
} from '../../../../../client/audit/index.ts';
import { parseUtc } from '../../../../../client/audit/utc.ts';
import { joinEvidence, levelEvidenceOf } from '../../../../../client/levels/index.ts';
import { type Purpose, parseWorkerPolicy, type WorkerPolicy } from '../../../../../verifier/index.ts';
import { fromHex, utf8 } from '../../../../../wire/bytes.ts';
import type { Suite } from '../../../../../wire/crypto/suite.ts';
import { chainOf, type Held } from './held.ts';
import { shippedPolicies } from './shipped.ts';

/** What the form holds, as it was typed. */
export interface Wishes {
  readonly policy: 'page' | 'shipped' | 'file';
  readonly purpose: 'live' | 'archive';
  /** Empty is now. */
  readonly at: string;
  /** Empty asks for none. */
  readonly challenge: string;
}

export const firstWishes: Wishes = { policy: 'page', purpose: 'live', at: '', challenge: '' };

export interface Policies {
  readonly page: WorkerPolicy | undefined;
  readonly file: WorkerPolicy | undefined;
}

export type WishProblem = 'time_invalid' | 'challenge_invalid';

export const wishProblems: Readonly<Record<WishProblem, string>> = {
  time_invalid: 'is no UTC time like 2026-01-31T12:00:00Z',
  challenge_invalid: 'is not 64 lower-case hex digits',
};

/** What in the form cannot be asked; undefined where all can. */
export function problemIn({ at, purpose, challenge }: Wishes): WishProblem | undefined {
  if (purpose === 'live' && at !== '' && parseUtc(at) === undefined) return 'time_invalid';
  return challenge === '' || /^[0-9a-f]{64}$/.test(challenge) ? undefined : 'challenge_invalid';
}

/** A policy that is wished for and not there leaves the shipped one, which accepts no image. */
export function chosenPolicies({ policy }: Wishes, { page, file }: Policies): PolicyChoice {
  const given = policy === 'page' ? page : policy === 'file' ? file : undefined;
  return given === undefined
    ? policyChoice(
        shippedPolicies.map((rules) => parseWorkerPolicy(rules)),
        'shipped',
      )
    : policyChoice([given], 'given');
}

export interface Audited {
  readonly report: AuditReport;
  /** The report as files: the same bytes that `proofmark audit` writes for the same question. */
  readonly html: Uint8Array;
  readonly json: Uint8Array;
}

export interface AuditAsked {
  readonly held: Held & { readonly evidence: NonNullable<Held['evidence']> };
  readonly wishes: Wishes;
  readonly policies: Policies;
  readonly suite: Suite;
  readonly now: number;
}

/** Whatever the bytes are, they get a report. The wishes have no problem in them. */
export async function audit({ held, wishes, policies, suite, now }: AuditAsked): Promise<Audited> {
  const { name, bytes } = held.evidence;
  const purpose: Purpose =
    wishes.purpose === 'archive' ? { kind: 'archive' } : { kind: 'live', now: parseUtc(wishes.at) ?? now };
  const recognised = await recognise(bytes, { name, tee: 'auto', suite });
  const report = await judge(recognised, {
    suite,
    tee: 'auto',
    chain: chainOf(held),
    policies: chosenPolicies(wishes, policies),
    levels: levelsAskedOf(held),
    purpose,
    challenge: wishes.challenge === '' ? 'any' : fromHex(wishes.challenge, 32),
    challengedAt: 'unknown',
    readAt: now,
  });
  return { report, html: utf8(await renderHtml(report, suite)), json: utf8(renderJson(report)) };
}

/** Of several levels policies the last one counts; without one, nobody is named. */
export function levelsAskedOf({ levels }: Pick<Held, 'levels'>): LevelsAsked {
  const files = levels.map(({ file }) => file);
  const named = files.flatMap((file) => (file.kind === 'levels-policy' ? [file.policy] : []));
  return {
    ...usualLevelsAsked,
    policy: named.at(-1) ?? usualLevelsAsked.policy,
    evidence: joinEvidence(levelEvidenceOf(files)),
  };
}

/** A file name that every system takes, whatever the evidence was called. */
export function savedName(name: string, extension: 'html' | 'json'): string {
  const plain = name
    .replace(/[^A-Za-z0-9._-]+/g, '_')
    .replace(/^[._]+/, '')
    .slice(0, 60);
  return `audit-${plain === '' ? 'evidence' : plain}.${extension}`;
}
