import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { codeMeanings } from '../../verifier/errors.ts';
import { parsePolicy, VerifierError, verifyNitroDocument } from '../../verifier/index.ts';
import { fromBase64url } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { corpusFiles } from '../vectors/corpus/files.ts';
import { CORPUS_FOLDER, caseById, judge, nitroCases, nitroPolicies, refusedPolicies } from './corpus.ts';

const verifier = { parsePolicy, verifyNitroDocument };
const all = [...nitroCases, ...refusedPolicies];

describe('the corpus', () => {
  it.each([...corpusFiles()])('regenerates %s byte for byte', (name, text) => {
    expect(readFileSync(join(CORPUS_FOLDER, name), 'utf8') === text, 'run make vectors').toBe(true);
  });

  it('holds no other file', () => {
    const files = readdirSync(CORPUS_FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
      name.endsWith('.json'),
    );
    expect(files.sort()).toEqual([...corpusFiles().keys()].sort());
  });

  it('is large enough, mostly of evidence that must fail, and has no id twice', () => {
    const failing = nitroCases.filter(({ expect: { verdict } }) => verdict !== 'accepted');
    expect(nitroCases.length).toBeGreaterThanOrEqual(110);
    expect(failing.length / nitroCases.length).toBeGreaterThanOrEqual(0.7);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it('takes no more than three megabytes', () => {
    const bytes = [...corpusFiles().values()].reduce((sum, text) => sum + text.length, 0);
    expect(bytes).toBeLessThan(3_000_000);
  });

  it('has a case for every attack of the lists V, X and P that is about evidence', () => {
    const covered = new Set(all.map(({ list }) => list));
    const wanted = [
      ...Array.from({ length: 30 }, (_, index) => `V${index + 1}`),
      ...Array.from({ length: 22 }, (_, index) => `X${index + 1}`).filter((id) => id !== 'X20'),
      ...['P1', 'P2', 'P3', 'P4', 'P5', 'P10', 'P11', 'P14', 'P15'],
    ];
    expect(wanted.filter((id) => !covered.has(id))).toEqual([]);
  });

  it('names codes of the group that its verdict says', () => {
    for (const {
      id,
      expect: { verdict, code },
    } of nitroCases) {
      if (verdict === 'accepted') expect(code, id).toBeNull();
      else expect(Object.keys(codeMeanings[verdict]), id).toContain(code);
    }
  });

  it('uses every one of its policies', () => {
    const used = new Set(nitroCases.map(({ policy }) => policy));
    expect(Object.keys(nitroPolicies).filter((name) => !used.has(name))).toEqual([]);
  });
});

describe('evidence of the corpus', () => {
  it.each(nitroCases)('$id ($list): $title', async (entry) => {
    const { verdict, code, failed } = await judge(verifier, entry);
    const wanted = entry.expect.check === null ? [] : [entry.expect.check];
    expect({ verdict, code, failed }).toEqual({
      verdict: entry.expect.verdict,
      code: entry.expect.code,
      failed: wanted,
    });
  });

  it('is the same document behind both of its signatures (V13)', async () => {
    const [high, low] = [caseById('nitro-ok-document-high-s'), caseById('nitro-ok-document-low-s')];
    expect(high.document).not.toBe(low.document);
    expect((await judge(verifier, high)).documentId).toBe((await judge(verifier, low)).documentId);
  });
});

describe('texts that are no policy', () => {
  it.each(refusedPolicies)('$id ($list): $title', ({ policy, expect: { code } }) => {
    let said: unknown;
    try {
      parsePolicy(fromBase64url(policy));
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
    .filter((name) => name.endsWith('.json') && name !== 'policy.schema.json')
    .map((name) => [name, JSON.parse(readFileSync(join(shipped, name), 'utf8')) as { readonly tee: string }] as const)
    .filter(([, { tee }]) => tee === 'aws-nitro');

  it.each(policies)('is refused by the shipped policy %s', async (_, policy) => {
    const accepted = nitroCases.filter(({ expect: { verdict } }) => verdict === 'accepted');
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
