import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeMeanings } from '../../verifier/errors.ts';
import {
  parsePolicy,
  parseSnpCertificateTable,
  parseSnpPolicy,
  parseWorkerPolicy,
  type SnpCertificateTable,
  type Verdict,
  VerifierError,
  verifyNitroDocument,
  verifySnpReport,
  verifyWorker,
} from '../../verifier/index.ts';
import { admissionRules, snpBindingRules, snpFreshnessRules } from '../../verifier/worker/rules.ts';
import { fromBase64url } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { corpusFiles } from '../vectors/corpus/files.ts';
import {
  CORPUS_FOLDER,
  caseById,
  corpusCases,
  corpusPolicies,
  evidenceOf,
  judge,
  refusedPolicies,
  tableCases,
  workerCases,
  workerPolicies,
} from './corpus.ts';

const verifier = { parsePolicy, parseSnpPolicy, verifyNitroDocument, verifySnpReport };
const TEES = ['aws-nitro', 'amd-sev-snp'] as const;
const casesOf = (wanted: string): typeof corpusCases => corpusCases.filter(({ tee }) => tee === wanted);
/** Made once: the signatures take a second or two. */
const files = corpusFiles();
const all = [...corpusCases, ...refusedPolicies, ...tableCases, ...workerCases];

describe('the corpus', () => {
  it.each([...files])('regenerates %s byte for byte', (name, text) => {
    expect(readFileSync(join(CORPUS_FOLDER, name), 'utf8') === text, 'run make vectors').toBe(true);
  });

  it('holds no other file', () => {
    const found = readdirSync(CORPUS_FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.json'),
    );
    expect(found.sort()).toEqual([...files.keys()].sort());
  });

  it.each([
    ['aws-nitro', 110],
    ['amd-sev-snp', 40],
  ])('has many cases for %s, most of which must fail', (tee, least) => {
    const cases = casesOf(tee);
    const failing = cases.filter(({ expect: { verdict } }) => verdict !== 'accepted');
    expect(cases.length).toBeGreaterThanOrEqual(least);
    expect(failing.length / cases.length).toBeGreaterThanOrEqual(0.7);
  });

  it('has no id twice', () => {
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it('takes no more than four megabytes', () => {
    const bytes = [...files.values()].reduce((sum, text) => sum + text.length, 0);
    expect(bytes).toBeLessThan(4_000_000);
  });

  it('has a case for every attack of the lists V, X, S and P that is about evidence', () => {
    const covered = new Set(all.map(({ list }) => list));
    const wanted = [
      ...Array.from({ length: 30 }, (_, index) => `V${index + 1}`),
      ...Array.from({ length: 22 }, (_, index) => `X${index + 1}`),
      ...Array.from({ length: 21 }, (_, index) => `S${index + 1}`),
      ...['P1', 'P2', 'P3', 'P4', 'P5', 'P10', 'P11', 'P14', 'P15'],
    ];
    expect(wanted.filter((id) => !covered.has(id))).toEqual([]);
  });

  it('names codes of the group that its verdict says', () => {
    for (const {
      id,
      expect: { verdict, code },
    } of corpusCases) {
      if (verdict === 'accepted') expect(code, id).toBeNull();
      else expect(Object.keys(codeMeanings[verdict]), id).toContain(code);
    }
  });

  it.each(TEES)('uses every one of its policies for %s', (tee) => {
    const used = new Set(casesOf(tee).map(({ policy }) => policy));
    expect(Object.keys(corpusPolicies[tee]).filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('evidence of the corpus', () => {
  it.each(corpusCases)('$id ($list): $title', async (entry) => {
    const { verdict, code, failed, checks } = await judge(verifier, entry);
    const wanted = entry.expect.check === null ? [] : [entry.expect.check];
    expect({ verdict, code, failed }).toEqual({
      verdict: entry.expect.verdict,
      code: entry.expect.code,
      failed: wanted,
    });
    expect(new Set(checks).size).toBe(checks.length);
  });

  it.each([
    ['nitro-ok-document-high-s', 'nitro-ok-document-low-s'],
    ['snp-ok-high-s', 'snp-ok-low-s'],
  ])('is the same behind both of its signatures: %s, %s (V13)', async (high, low) => {
    const [first, second] = [await judge(verifier, caseById(high)), await judge(verifier, caseById(low))];
    expect(caseById(high)).not.toEqual(caseById(low));
    expect(first.documentId).not.toBeNull();
    expect(first.documentId).toBe(second.documentId);
  });
});

describe('certificates in a table', () => {
  it.each(tableCases)('$id: $title', async ({ report, table, at, challenge, policy, expect: wanted }) => {
    let shown: SnpCertificateTable;
    try {
      shown = parseSnpCertificateTable(fromBase64url(table));
    } catch (error) {
      if (!(error instanceof VerifierError)) throw error;
      expect({ verdict: 'malformed', code: error.code, check: error.checkId }).toEqual(wanted);
      return;
    }
    const verdict = await verifySnpReport(
      { report: fromBase64url(report), ...shown },
      {
        policy: parseSnpPolicy(corpusPolicies['amd-sev-snp'][policy] as JsonValue),
        now: Date.parse(at),
        challenge: fromBase64url(challenge),
        product: 'any',
        suite: nodeSuite,
        cache: 'none',
      },
    );
    expect(outcomeOf(verdict)).toEqual(wanted);
  });
});

describe('workers', () => {
  it.each(workerCases)('$id: $title', async (entry) => {
    const { at, challenge, challengedAt, policy, expect: wanted } = entry;
    const verdict = await verifyWorker(evidenceOf(entry), {
      policy: parseWorkerPolicy(workerPolicies[policy] as JsonValue),
      now: Date.parse(at),
      challenge: challenge === 'any' ? 'any' : fromBase64url(challenge),
      challengedAt: challengedAt === 'unknown' ? 'unknown' : Date.parse(challengedAt),
      suite: nodeSuite,
      cache: 'none',
    });
    expect(outcomeOf(verdict)).toEqual(wanted);
  });

  it('use every one of their policies', () => {
    expect(new Set(workerCases.map(({ policy }) => policy))).toEqual(new Set(Object.keys(workerPolicies)));
  });

  it('must fail by every rule about workers, each in a case of its own', () => {
    const failing = new Set(workerCases.map(({ expect: { check } }) => check));
    const rules = [...snpBindingRules, ...admissionRules, ...snpFreshnessRules].map(({ id }) => id);
    expect(['W.tee', 'W0', ...rules].filter((id) => !failing.has(id))).toEqual([]);
  });
});

/** Verdict, code and the one check that failed, as the files have them. */
function outcomeOf(verdict: Verdict<unknown>): object {
  const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
  expect(failed.length).toBeLessThan(2);
  const code = verdict.verdict === 'accepted' ? null : verdict.code;
  return { verdict: verdict.verdict, code, check: failed[0] ?? null };
}

describe('texts that are no policy', () => {
  it.each(refusedPolicies)('$id ($list): $title', ({ tee, policy, expect: { code } }) => {
    let said: unknown;
    try {
      (tee === 'aws-nitro' ? parsePolicy : parseSnpPolicy)(fromBase64url(policy));
    } catch (error) {
      said = error;
    }
    expect(said).toBeInstanceOf(VerifierError);
    expect((said as VerifierError).code).toBe(code);
  });
});

describe('the corpus root', () => {
  const shipped = join(import.meta.dirname, '../../attestations/policies');
  const policies = readdirSync(shipped)
    .filter((name) => name.endsWith('.json') && !name.endsWith('.schema.json'))
    .map((name) => [name, JSON.parse(readFileSync(join(shipped, name), 'utf8')) as { readonly tee: string }] as const);

  it.each(policies)('is refused by the shipped policy %s', async (_, policy) => {
    const accepted = casesOf(policy.tee).filter(({ expect: { verdict } }) => verdict === 'accepted');
    expect(accepted.length).toBeGreaterThan(0);
    for (const entry of accepted) {
      expect(await judge(verifier, entry, policy as unknown as JsonValue), entry.id).toMatchObject({
        verdict: 'untrusted',
        code: 'root_not_trusted',
      });
    }
  });

  it('has a shipped policy to be tried against', () => {
    expect(policies.length).toBeGreaterThan(0);
  });
});
