import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type AuditReport, type InputFacts, judgeHost, renderJson } from '../client/audit/index.ts';
import { rejected } from '../client/audit/outcome.ts';
import { toHex } from '../wire/bytes.ts';
import { hexBytes, literal, nullable, object, type Reader, text } from '../wire/codec/fields.ts';
import { parseJson } from '../wire/codec/json.ts';
import { nodeSuite } from '../wire/crypto/node.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { decodeEvidence } from '../wire/message/evidence.ts';
import { readTime } from './audit/options.ts';
import { givenChoice } from './audit/policies.ts';
import { readSmallFile } from './audit/source.ts';
import { CommandError } from './exit-codes.ts';

/**
 * A folder with evidence of one occasion, so that somebody else can judge it later without the host: what a machine that
 * only one person can reach has to show for itself.
 */
export interface BundleInput {
  /** The host's answer, byte for byte. */
  readonly served: Uint8Array;
  readonly challenge: Uint8Array;
  /** Milliseconds since 1970, when it was judged. */
  readonly at: number;
  readonly policyFile: string;
  readonly name: string;
}

export interface Judged {
  readonly report: AuditReport;
  readonly policy: Uint8Array;
}

const FORMAT = 'proofmark evidence bundle v1';

export async function judgeBundle(input: BundleInput): Promise<Judged> {
  const { served, challenge, at } = input;
  const policy = await readSmallFile(input.policyFile, limits.policyBytes);
  const choice = await givenChoice([input.policyFile]);
  if (choice === null) throw new CommandError('a policy is required');
  const facts: InputFacts = {
    name: input.name,
    kind: 'host-evidence',
    encoding: 'json',
    bytes: served.length,
    sha256: toHex(nodeSuite.sha256(served)),
  };
  const question = {
    suite: nodeSuite,
    tee: 'auto',
    chain: NO_CHAIN,
    policies: choice,
    challenge,
    challengedAt: at,
    readAt: at,
  } as const;
  try {
    const evidence = decodeEvidence(served);
    return { policy, report: await judgeHost(evidence, facts, { ...question, purpose: { kind: 'live', now: at } }) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { policy, report: rejected(facts, { code: 'evidence_invalid', detail: error.message }) };
  }
}

const NO_CHAIN = { certificates: [], revocationLists: [] };

export function bundleFiles(bundle: {
  readonly served: Uint8Array;
  readonly challenge: Uint8Array;
  readonly at: number;
  readonly policy: Uint8Array;
  readonly report: AuditReport;
  readonly note: string;
}): Readonly<Record<string, Uint8Array | string>> {
  const { verdict, code } = bundle.report;
  const occasion: Occasion = {
    format: FORMAT,
    at: new Date(bundle.at).toISOString(),
    challenge: bundle.challenge,
    verdict,
    code,
    note: bundle.note,
  };
  return {
    'evidence.json': bundle.served,
    'policy.json': bundle.policy,
    'audit.json': `${renderJson(bundle.report)}`,
    'occasion.json': `${JSON.stringify({ ...occasion, challenge: toHex(bundle.challenge) }, null, 2)}\n`,
  };
}

interface Occasion {
  readonly format: typeof FORMAT;
  readonly at: string;
  readonly challenge: Uint8Array;
  readonly verdict: string;
  readonly code: string | null;
  readonly note: string;
}

const occasionReader: Reader<Occasion> = object<Occasion>({
  format: literal(FORMAT),
  at: text({ min: 20, max: 32 }),
  challenge: hexBytes(32),
  verdict: text({ min: 1, max: 32 }),
  code: nullable(text({ min: 1, max: 64 })),
  note: text({ min: 0, max: 4_096 }),
});

export interface Rejudged {
  readonly said: Pick<Occasion, 'verdict' | 'code' | 'note'>;
  readonly found: AuditReport;
}

/** Judges a saved bundle again, at the time that it names. What it says about itself is compared, never believed. */
export async function rejudge(folder: string): Promise<Rejudged> {
  const occasion = readOccasion(folder, await readSmallFile(join(folder, 'occasion.json'), limits.bundleBytes));
  const served = Uint8Array.from(await readFile(join(folder, 'evidence.json')));
  const { report } = await judgeBundle({
    served,
    challenge: occasion.challenge,
    at: readTime(occasion.at, 'at'),
    policyFile: join(folder, 'policy.json'),
    name: folder,
  });
  return { said: occasion, found: report };
}

function readOccasion(folder: string, bytes: Uint8Array): Occasion {
  try {
    return occasionReader(parseJson(bytes, limits.bundleBytes), 'occasion');
  } catch (error) {
    if (error instanceof WireError) throw new CommandError(`${folder}: ${error.message}`);
    throw error;
  }
}
