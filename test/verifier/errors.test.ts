import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { codeMeanings, VerifierError } from '../../verifier/index.ts';

const root = new URL('../../', import.meta.url);

function textOf(folder: string): string {
  const entries = readdirSync(new URL(folder, root), { recursive: true, withFileTypes: true });
  return entries
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== 'errors.test.ts')
    .map((entry) => readFileSync(`${entry.parentPath}/${entry.name}`, 'utf8'))
    .join('\n');
}

const codes = Object.values(codeMeanings).flatMap((group) => Object.entries<string>(group));

describe('the codes', () => {
  it('are each in one group, with a meaning on one line', () => {
    expect(new Set(codes.map(([code]) => code)).size).toBe(codes.length);
    for (const [, meaning] of codes) expect(meaning).toMatch(/^[^\n]{10,110}[^.\n]$/);
  });

  it('are each provoked by a test, as far as evidence verification raises them', () => {
    const folders = ['codec', 'crypto', 'nitro', 'snp', 'policy', 'worker', 'receipt', 'release', 'archive'];
    const sources = folders.map((folder) => textOf(`verifier/${folder}`)).join('\n');
    const tests = textOf('test/verifier');
    const raised = codes.map(([code]) => code).filter((code) => sources.includes(`'${code}'`));
    expect(raised.length).toBeGreaterThan(60);
    expect(raised.filter((code) => !new RegExp(`\\b${code}\\b`).test(tests))).toEqual([]);
  });
});

describe('VerifierError', () => {
  it('says code, detail and place, in words and as data', () => {
    const place = { checkId: 'C1', certificate: 2, field: 'serial', offset: 13 };
    const error = new VerifierError('der_invalid', 'trailing bytes', place);
    expect(error.message).toBe('der_invalid: trailing bytes in certificate 2 in serial at byte 13');
    expect(error).toMatchObject({ code: 'der_invalid', checkId: 'C1', detail: 'trailing bytes', place });
    expect(new VerifierError('argument_invalid', 'x').checkId).toBeNull();
  });
});
