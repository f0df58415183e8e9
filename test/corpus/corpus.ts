import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type {
  parsePolicy,
  parseSnpPolicy,
  SnpOptions,
  verifyNitroDocument,
  verifySnpReport,
} from '../../verifier/index.ts';
import { fromBase64url, toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import type { CorpusCase as NitroCase } from '../vectors/corpus/case.ts';
import type { RefusedPolicy } from '../vectors/corpus/refused-policies.ts';
import type { SnpCorpusCase } from '../vectors/corpus/snp/case.ts';
import type { TableCase } from '../vectors/corpus/snp/tables.ts';
import type { WorkerCase } from '../vectors/corpus/snp/workers.ts';

/** The corpus as another implementation would read it: from the files, and by nothing but README.md beside them. */
export const CORPUS_FOLDER: string = join(import.meta.dirname, '../../attestations/vectors/evidence');

export type CorpusCase = NitroCase | SnpCorpusCase;
type Texts = { readonly [name: string]: string };
type Policies = { readonly [name: string]: JsonValue };

/** Files that hold something other than cases. */
const NOT_CASES: ReadonlySet<string> = new Set([
  'root.json',
  'roots.json',
  'policies.json',
  'refused-policies.json',
  'certificates.json',
  'tables.json',
  'workers.json',
  'worker-policies.json',
]);

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(CORPUS_FOLDER, name), 'utf8'));
}

function readCases(folder: string): readonly CorpusCase[] {
  return readdirSync(join(CORPUS_FOLDER, folder))
    .filter((name) => name.endsWith('.json') && !NOT_CASES.has(name))
    .sort()
    .flatMap((name) => read(join(folder, name)) as readonly CorpusCase[]);
}

export const corpusCases: readonly CorpusCase[] = [...readCases('nitro'), ...readCases('snp')];

export const corpusPolicies: { readonly [tee in CorpusCase['tee']]: Policies } = {
  'aws-nitro': read('nitro/policies.json') as Policies,
  'amd-sev-snp': read('snp/policies.json') as Policies,
};

export const refusedPolicies: readonly RefusedPolicy[] = ['nitro', 'snp'].flatMap(
  (folder) => read(`${folder}/refused-policies.json`) as readonly RefusedPolicy[],
);

export const tableCases: readonly TableCase[] = read('snp/tables.json') as readonly TableCase[];
export const workerCases: readonly WorkerCase[] = read('snp/workers.json') as readonly WorkerCase[];

export function evidenceOf({ evidence }: WorkerCase): Evidence {
  const { version, tee, certificates, revocationLists } = evidence;
  return {
    version,
    tee,
    document: fromBase64url(evidence.document),
    certificates: kept(certificates),
    revocationLists: kept(revocationLists),
    identity: fromBase64url(evidence.identity),
    configuration: fromBase64url(evidence.configuration),
    runtime: fromBase64url(evidence.runtime),
  };
}

export const workerPolicies: Policies = read('snp/worker-policies.json') as Policies;

const snpCertificates = read('snp/certificates.json') as Texts;

function kept(names: readonly string[]): readonly Uint8Array[] {
  return names.map((name) => fromBase64url(snpCertificates[name] as string));
}

export interface PublishedRoot {
  readonly privateKey: string;
  readonly publicKey: string;
  readonly certificate: string;
  readonly sha256: string;
}

export const publishedRoot: PublishedRoot = read('nitro/root.json') as PublishedRoot;

export function caseById(id: string): CorpusCase {
  const found = corpusCases.find((entry) => entry.id === id);
  if (found === undefined) throw new RangeError(`no case ${id}`);
  return found;
}

/** What judging takes of the verifier: the real one, or one with a check taken out. */
export interface Verifier {
  readonly parsePolicy: typeof parsePolicy;
  readonly parseSnpPolicy: typeof parseSnpPolicy;
  readonly verifyNitroDocument: typeof verifyNitroDocument;
  readonly verifySnpReport: typeof verifySnpReport;
}

export interface Judgement {
  readonly verdict: string;
  readonly code: string | null;
  /** Every check that failed, in order. */
  readonly failed: readonly string[];
  readonly checks: readonly string[];
  readonly documentId: string | null;
}

export async function judge(
  verifier: Verifier,
  entry: CorpusCase,
  policy: JsonValue = corpusPolicies[entry.tee][entry.policy] as JsonValue,
): Promise<Judgement> {
  const verdict =
    entry.tee === 'aws-nitro' ? await judgeNitro(verifier, entry, policy) : await judgeSnp(verifier, entry, policy);
  return {
    verdict: verdict.verdict,
    code: verdict.verdict === 'accepted' ? null : verdict.code,
    failed: verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id),
    checks: verdict.checks.map(({ id }) => id),
    documentId: verdict.verdict === 'accepted' ? toHex(verdict.proven.documentId) : null,
  };
}

function judgeNitro(verifier: Verifier, entry: NitroCase, policy: JsonValue): ReturnType<typeof verifyNitroDocument> {
  return verifier.verifyNitroDocument(fromBase64url(entry.document), {
    policy: verifier.parsePolicy(policy),
    now: Date.parse(entry.at),
    challenge: challengeOf(entry),
    suite: nodeSuite,
    cache: 'none',
  });
}

function judgeSnp(verifier: Verifier, entry: SnpCorpusCase, policy: JsonValue): ReturnType<typeof verifySnpReport> {
  return verifier.verifySnpReport(
    {
      report: fromBase64url(entry.report),
      certificates: kept(entry.certificates),
      revocationLists: kept(entry.revocationLists),
    },
    {
      policy: verifier.parseSnpPolicy(policy),
      now: Date.parse(entry.at),
      challenge: challengeOf(entry),
      product: entry.product as SnpOptions['product'],
      suite: nodeSuite,
      cache: 'none',
    },
  );
}

function challengeOf({ challenge }: CorpusCase): Uint8Array | 'any' {
  return challenge === 'any' ? 'any' : fromBase64url(challenge);
}
