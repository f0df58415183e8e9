import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { anchors } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { caseName, judgeCase, type Outcome, ROUND } from '../parity/cases.ts';
import { type ParityChain, startParity } from '../parity/chain.ts';
import { compare } from '../parity/compare.ts';
import { nitroCase } from '../parity/nitro/index.ts';
import { reportOn } from '../parity/report.ts';
import { runParity } from '../parity/run.ts';
import { snpCase } from '../parity/snp/index.ts';
import { nitroInTypeScript, snpInTypeScript } from '../parity/typescript.ts';
import { nitroEvidenceOf, nitroVectors, secondsOf, snpPartsOf, snpVectors } from '../parity/vectors.ts';
import type { Verdict } from '../parity/verdict.ts';
import { hasRealEvidence, realBytes, realNitroCases, realSnpCases } from '../support/real-evidence.ts';
import { realSnpEvidence, timeOfReal } from '../support/real-snp.ts';

/** C19: the TypeScript verifier and the contracts say the same of every piece of evidence, or one of them is wrong. */
interface Judged {
  readonly accepted: boolean;
  readonly why: readonly string[];
}

function judge(id: string, typescript: Verdict, contract: Verdict): Judged {
  const compared = compare({ typescript, contract, cache: 'cold', onlyKnownForged: false });
  return { accepted: typescript.accepted, why: compared.agrees ? [] : [`${id}: ${compared.why}`] };
}

/** A few at once, so that this side proves signatures while the chain checks others. */
async function each<Item, Result>(items: readonly Item[], act: (item: Item) => Promise<Result>): Promise<Result[]> {
  const left = [...items];
  const results: Result[] = [];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) results.push(await act(item));
  };
  await Promise.all([worker(), worker(), worker()]);
  return results;
}

describe('the verifier and the contracts', () => {
  let chain: ParityChain;
  beforeAll(async () => {
    chain = await startParity();
  }, 120_000);
  afterAll(() => chain.stop());

  it('agree on every kind of change, most of them one rule that was signed again', { timeout: 600_000 }, async () => {
    const names = Array.from({ length: ROUND }, (_, number) => caseName(number));
    expect(names.length).toBeGreaterThanOrEqual(300);
    const outcomes = await each(names, (id) => judgeCase(chain, id));
    const { lines, faults } = reportOn(outcomes, { everyKind: true });
    console.log(lines.join('\n'));
    expect(faults).toEqual([]);
    // Warm contracts were asked, and an answer from what they remember was compared.
    expect(outcomes.filter(({ caches }) => caches.includes('warm')).length).toBeGreaterThan(50);
    expect(outcomes.filter(({ caches }) => caches.includes('remembered')).length).toBeGreaterThan(10);
  });

  it('agree on every Nitro vector of the own corpus', { timeout: 300_000 }, async () => {
    const judged = await each(nitroVectors(), async (vector) => {
      const typescript = await nitroInTypeScript(vector.document, vector.at);
      return judge(vector.id, typescript, await chain.nitro(vector, 'cold'));
    });
    expect(judged.flatMap(({ why }) => why)).toEqual([]);
    expect(judged.filter(({ accepted }) => accepted).length).toBeGreaterThan(40);
  });

  it('agree on every SEV-SNP vector of the own corpus', { timeout: 300_000 }, async () => {
    const judged = await each(snpVectors(), async (vector) => {
      const typescript = await snpInTypeScript({ ...vector, revocationLists: [] }, vector.at);
      return judge(vector.id, typescript, await chain.snp(vector, 'cold'));
    });
    expect(judged.flatMap(({ why }) => why)).toEqual([]);
    expect(judged.filter(({ accepted }) => accepted).length).toBeGreaterThan(40);
  });
});

/** Nothing above can fail if a difference is not noticed. */
describe('a comparison', () => {
  const facts = { timestamp: '1', nonce: 'none' };
  const accepted = (changes: Readonly<Record<string, string>> = {}): Verdict => ({
    accepted: true,
    facts: { ...facts, ...changes },
  });
  const refused = (...causes: readonly string[]): Verdict => ({ accepted: false, causes });
  const at = (typescript: Verdict, contract: Verdict, more: Partial<Parameters<typeof compare>[0]> = {}) =>
    compare({ typescript, contract, cache: 'cold', onlyKnownForged: false, ...more });

  it('notices one side that accepts, other facts, and a cause that TypeScript does not know of', () => {
    expect(at(accepted(), refused('der_invalid')).agrees).toBe(false);
    expect(at(refused('der_invalid'), accepted()).agrees).toBe(false);
    expect(at(accepted(), accepted({ nonce: '0x00' })).agrees).toBe(false);
    expect(at(accepted(), accepted({ more: '1' })).agrees).toBe(false);
    expect(at(refused('der_invalid', 'pcrs_invalid'), refused('certificate_expired')).agrees).toBe(false);
    expect(at(accepted(), accepted())).toEqual({ agrees: true, tolerance: null });
    expect(at(refused('der_invalid', 'pcrs_invalid'), refused('pcrs_invalid'))).toEqual({
      agrees: true,
      tolerance: 'another-order',
    });
    expect(at(refused('pcrs_invalid'), refused('pcrs_invalid'))).toEqual({ agrees: true, tolerance: null });
  });

  it('tolerates what is named, and only where it is meant', () => {
    const late = at(refused('certificate_key'), refused('certificate_signature'));
    expect(late).toEqual({ agrees: true, tolerance: 'point-later' });
    expect(at(refused('certificate_key'), accepted()).agrees).toBe(false);
    const forged = { cache: 'warm', onlyKnownForged: true } as const;
    expect(at(refused('certificate_signature'), accepted(), forged)).toEqual({
      agrees: true,
      tolerance: 'known-signature',
    });
    expect(at(refused('certificate_signature'), accepted()).agrees).toBe(false);
    expect(at(refused('certificate_signature', 'pcrs_invalid'), accepted(), forged).agrees).toBe(false);
    expect(at(refused('certificate_signature'), accepted(), { ...forged, onlyKnownForged: false }).agrees).toBe(false);
    expect(at(refused('certificate_signature'), accepted(), { ...forged, cache: 'cold' }).agrees).toBe(false);
  });

  it('of a run finds fault with disagreements, empty kinds and what is not as it was meant', () => {
    const one: Outcome = {
      id: 'nitro:1',
      sort: 'valid',
      check: 'N8',
      kind: 'some',
      verdict: 'accepted',
      caches: ['cold'],
      tolerances: [],
      disagreements: [],
    };
    const wrong: Outcome = { ...one, sort: 'resigned', verdict: 'pcrs_invalid' };
    const good = [one, wrong];
    expect(reportOn(good, { everyKind: false }).faults).toEqual([]);
    expect(reportOn(good, { everyKind: true }).faults).not.toEqual([]);
    expect(reportOn([one, { ...wrong, disagreements: ['why'] }], { everyKind: false }).faults).toHaveLength(1);
    expect(reportOn([one, { ...wrong, verdict: 'accepted' }], { everyKind: false }).faults).toHaveLength(1);
    expect(reportOn([wrong], { everyKind: false }).faults).toHaveLength(1);
    expect(reportOn([one], { everyKind: false }).faults).toHaveLength(1);
  });
});

describe.skipIf(!hasRealEvidence)('real evidence (skipped where ../shared/vectors is absent)', () => {
  const genuine = (tee: string): ReadonlySet<string> =>
    new Set(anchors.filter((anchor) => anchor.tee === tee).map(({ sha256: digest }) => digest));
  const nitro = realNitroCases().map(({ id, file, at }) => ({
    id,
    ...nitroEvidenceOf(realBytes(file), secondsOf(at)),
  }));
  const snp = realSnpCases().flatMap((real) => {
    const parts = snpPartsOf(realSnpEvidence(real), Math.floor(timeOfReal(real) / 1_000));
    return parts === null ? [] : [{ id: real.id, ...parts }];
  });
  let chain: ParityChain;

  beforeAll(async () => {
    const rootsIn = (shown: readonly Uint8Array[], tee: string): readonly Uint8Array[] => {
      const wanted = genuine(tee);
      const found = new Map(shown.map((bytes) => [toHex(sha256(bytes)), bytes]));
      return [...found].filter(([digest]) => wanted.has(digest)).map(([, bytes]) => bytes);
    };
    const [root] = rootsIn(
      nitro.flatMap(({ certificates }) => certificates),
      'aws-nitro',
    );
    const roots = rootsIn(
      snp.flatMap(({ certificates }) => certificates),
      'amd-sev-snp',
    );
    expect(roots).toHaveLength(3);
    chain = await startParity({ nitro: root as Uint8Array, snp: roots });
  }, 120_000);
  afterAll(() => chain.stop());

  it('of AWS is judged alike', { timeout: 120_000 }, async () => {
    const judged = await each(nitro, async (document) => {
      const typescript = await nitroInTypeScript(document.document, document.at, 'attested');
      return judge(document.id, typescript, await chain.nitro(document, 'cold'));
    });
    expect(judged.flatMap(({ why }) => why)).toEqual([]);
    expect(judged.filter(({ accepted }) => accepted).length).toBeGreaterThan(1);
  });

  it('of AMD is judged alike', { timeout: 120_000 }, async () => {
    expect(snp.length).toBe(realSnpCases().length);
    const judged = await each(snp, async (report) => {
      const typescript = await snpInTypeScript({ ...report, revocationLists: [] }, report.at, 'attested');
      return judge(report.id, typescript, await chain.snp(report, 'cold'));
    });
    expect(judged.flatMap(({ why }) => why)).toEqual([]);
    expect(judged.filter(({ accepted }) => accepted).length).toBeGreaterThan(5);
  });
});

describe('a run', () => {
  const folder = mkdtempSync(join(tmpdir(), 'parity-'));
  afterAll(() => rmSync(folder, { recursive: true }));

  it('tells which case is which by its name', () => {
    expect([0, 1, 2, 3].map(caseName)).toEqual(['nitro:0', 'snp:0', 'nitro:1', 'snp:1']);
    expect(nitroCase(3).id).toBe('nitro:3');
    expect(snpCase(3).id).toBe('snp:3');
  });

  it('does its shard, and goes on where it was stopped', { timeout: 120_000 }, async () => {
    const said: string[] = [];
    const options = { count: 8, shard: 2, shards: 2, folder, say: (line: string) => void said.push(line) };
    const ids = (outcomes: readonly Outcome[]): readonly string[] => outcomes.map(({ id }) => id).sort();
    expect(ids(await runParity(options))).toEqual(['nitro:1', 'nitro:3', 'snp:1', 'snp:3']);
    const file = join(folder, 'parity-2-of-2.jsonl');
    const lines = readFileSync(file, 'utf8').split('\n');
    // As if it had been killed while it wrote its last line.
    writeFileSync(file, `${lines.slice(0, 3).join('\n')}\n${lines[3]?.slice(0, 40)}`);
    expect(ids(await runParity(options))).toEqual(['nitro:1', 'nitro:3', 'snp:1', 'snp:3']);
    expect(said).toContain('3 cases were done before');
  });
});
