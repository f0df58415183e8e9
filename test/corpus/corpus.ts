import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NitroFacts, NitroOptions, NitroPolicy, Verdict, Verified } from '../../verifier/index.ts';
import { fromBase64url } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import type { CorpusCase } from '../vectors/corpus/case.ts';
import type { RefusedPolicy } from '../vectors/corpus/refused-policies.ts';

/** The corpus as another implementation would read it: from the files, and by nothing but README.md beside them. */
export const CORPUS_FOLDER: string = join(import.meta.dirname, '../../attestations/vectors/evidence');
const NITRO = join(CORPUS_FOLDER, 'nitro');

const NOT_CASES: ReadonlySet<string> = new Set(['root.json', 'policies.json', 'refused-policies.json']);

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(NITRO, name), 'utf8'));
}

export const nitroCases: readonly CorpusCase[] = readdirSync(NITRO)
  .filter((name) => name.endsWith('.json') && !NOT_CASES.has(name))
  .sort()
  .flatMap((name) => read(name) as readonly CorpusCase[]);

export const nitroPolicies: { readonly [name: string]: JsonValue } = read('policies.json') as {
  readonly [name: string]: JsonValue;
};

export const refusedPolicies: readonly RefusedPolicy[] = read('refused-policies.json') as readonly RefusedPolicy[];

export interface PublishedRoot {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly certificate: string;
  readonly sha256: string;
}

export const publishedRoot: PublishedRoot = read('root.json') as PublishedRoot;

export function caseById(id: string): CorpusCase {
  const found = nitroCases.find((entry) => entry.id === id);
  if (found === undefined) throw new RangeError(`no case ${id}`);
  return found;
}

/** What judging takes of the verifier: the real one, or one with a check taken out. */
export interface NitroVerifier {
  readonly parsePolicy: (source: JsonValue) => NitroPolicy;
  readonly verifyNitroDocument: (document: Uint8Array, options: NitroOptions) => Promise<Verdict<Verified<NitroFacts>>>;
}

export interface Judgement {
  readonly verdict: string;
  readonly code: string | null;
  /** Every check that failed, in order. */
  readonly failed: readonly string[];
  readonly documentId: string | null;
}

export async function judge(
  verifier: NitroVerifier,
  entry: CorpusCase,
  policy: JsonValue = nitroPolicies[entry.policy] as JsonValue,
): Promise<Judgement> {
  const verdict = await verifier.verifyNitroDocument(fromBase64url(entry.document), {
    policy: verifier.parsePolicy(policy),
    now: Date.parse(entry.at),
    challenge: entry.challenge === 'any' ? 'any' : fromBase64url(entry.challenge),
    suite: nodeSuite,
    cache: 'none',
  });
  return {
    verdict: verdict.verdict,
    code: verdict.verdict === 'accepted' ? null : verdict.code,
    failed: verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id),
    documentId: verdict.verdict === 'accepted' ? Buffer.from(verdict.proven.documentId).toString('hex') : null,
  };
}
