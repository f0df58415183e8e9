import { readdirSync } from 'node:fs';

/** A part of the code and the tests that must notice every change of it: its own, not whatever happens to run it. */
export interface Slice {
  readonly mutate: readonly string[];
  readonly tests: readonly string[];
}

const everything = (folder: string): string => `${folder}/**/*.ts`;
const tests = (folder: string): string => `test/${folder}/**/*.test.ts`;

/** One folder and the tests that mirror it. */
function mirrored(folder: string, more: readonly string[] = []): Slice {
  return { mutate: [everything(folder)], tests: [tests(folder), ...more] };
}

const golden = 'test/vectors/golden.test.ts';
const checklist = 'test/verifier/checklist.test.ts';

export const slices: Readonly<Record<string, Slice>> = {
  words: {
    mutate: ['wire/*.ts'],
    tests: ['test/wire/*.test.ts', tests('wire/codec'), tests('wire/message'), golden],
  },
  'wire/codec': mirrored('wire/codec'),
  'wire/crypto': mirrored('wire/crypto', ['test/wire/message/encrypted-release.test.ts']),
  'wire/message': mirrored('wire/message', [golden]),
  'wire/noise': mirrored('wire/noise'),
  'wire/tree': mirrored('wire/tree'),
  'verifier/codec': mirrored('verifier/codec', [
    ...['malformed', 'rules', 'verify'].map((name) => `test/verifier/snp/${name}.test.ts`),
    tests('verifier/crypto'),
  ]),
  'verifier/crypto': mirrored('verifier/crypto'),
  'verifier/policy': mirrored('verifier/policy'),
  'verifier/nitro': {
    mutate: [everything('verifier/nitro')],
    // Without its random bytes, which every change that survives would get twice.
    tests: [...['rules', 'vectors', 'verify', 'words'].map((name) => `test/verifier/nitro/${name}.test.ts`), checklist],
  },
  'verifier/snp': mirrored('verifier/snp', [checklist]),
  'verifier/cache': mirrored('verifier/cache', ['test/verifier/nitro/verify.test.ts']),
  'verifier/worker': mirrored('verifier/worker'),
  'verifier/receipt': mirrored('verifier/receipt', ['test/verifier/archive/verify.test.ts', checklist]),
  'verifier/release': mirrored('verifier/release', [checklist]),
  'verifier/archive': mirrored('verifier/archive', [checklist]),
  verdicts: { mutate: ['verifier/*.ts'], tests: ['test/verifier/*.test.ts', tests('verifier/nitro')] },
};

/** `folder/name.ts`, `folder/*.ts` or `folder/**` + `/*.ts`, the last of which reaches into folders below. */
export function covers(pattern: string, file: string): boolean {
  const [before = '', after] = pattern.split('*').filter((part) => part !== '' && part !== '/');
  if (after === undefined) return pattern === file;
  if (!file.startsWith(before) || !file.endsWith(after.replace('/', ''))) return false;
  return pattern.includes('**') || !file.slice(before.length).includes('/');
}

/**
 * Those that start browsers see bundles of their own, without changes. The large ones say no more than the others, and
 * those that flip byte after byte take minutes to say what the others say in milliseconds.
 */
export function testFiles(patterns: readonly string[]): readonly string[] {
  return readdirSync('test', { recursive: true, encoding: 'utf8' })
    .map((name) => `test/${name}`)
    .filter((file) => !/\/(browser|flips|large)\.test\.ts$/.test(file))
    .filter((file) => patterns.some((pattern) => covers(pattern, file)))
    .sort();
}
