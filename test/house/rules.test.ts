import { describe, expect, it } from 'vitest';
import { limits } from './rules/limits.ts';
import { lockfile, npmrc, pins } from './rules/package.ts';
import { place } from './rules/place.ts';
import { purity } from './rules/purity.ts';
import { length, style } from './rules/style.ts';
import { unconditionalSkips } from './rules/tests.ts';
import { threats } from './rules/threats.ts';
import type { Rule } from './rules/tree.ts';

function broken(rule: Rule, files: Readonly<Record<string, string>>): readonly string[] {
  return rule.find(new Map(Object.entries(files))).map(({ path, line }) => `${path}:${line}`);
}

describe('purity of wire/ and verifier/', () => {
  it.each([
    'Date.now()',
    'new Date()',
    'Math.random()',
    'process.env',
    'fetch("https://example.org")',
    'setTimeout(() => 1, 1)',
    'await import("node:fs")',
    'new Function("return 1")',
    'eval("1")',
  ])('refuses %s', (text) => {
    expect(broken(purity, { 'verifier/a.ts': `const a = ${text};` })).toEqual(['verifier/a.ts:1']);
  });

  it('allows a date made from a number, a field named process, and the clock elsewhere', () => {
    const files = { 'wire/a.ts': 'new Date(0); job.process(1);', 'host/a.ts': 'Date.now();' };
    expect(broken(purity, files)).toEqual([]);
  });
});

describe('style', () => {
  it.each(['class Box {}', 'export default 1;', 'export default function f() {}', 'throw new Error("bad")'])(
    'refuses %s',
    (text) => {
      expect(broken(style, { 'host/a.ts': text })).toEqual(['host/a.ts:1']);
    },
  );

  it('allows an error class, and a default export where a tool asks for one', () => {
    const files = { 'host/a.ts': 'class A extends Error {}', 'vitest.config.ts': 'export default 1;' };
    expect(broken(style, files)).toEqual([]);
  });

  it('refuses the line after the last allowed one', () => {
    const lines = (count: number): string => 'a();\n'.repeat(count);
    expect(broken(length, { 'host/a.ts': lines(350), 'host/b.ts': lines(351) })).toEqual(['host/b.ts:351']);
  });
});

describe('tests', () => {
  it.each([
    'it.only("a", f)',
    'describe.skip("a", f)',
    'it.todo("a")',
    'it.concurrent.skip("a", f)',
    'test.fails("a", f)',
  ])('refuses %s', (text) => {
    expect(broken(unconditionalSkips, { 'test/a.test.ts': text })).toEqual(['test/a.test.ts:1']);
  });

  it('allows a condition', () => {
    const text = 'describe.skipIf(!here)("needs a file", f); it("a", ({ skip }) => skip("why"));';
    expect(broken(unconditionalSkips, { 'test/a.test.ts': text })).toEqual([]);
  });
});

describe('limits', () => {
  const home = 'export const limits = {\n  frameBytes: 1,\n} as const;\n';

  it('refuses a limit outside the list, and an entry that nothing enforces', () => {
    const files = { 'wire/limits.ts': home, 'host/a.ts': 'const MAX_SIZE = 16 * 1024;' };
    expect(broken(limits, files)).toEqual(['host/a.ts:1', 'wire/limits.ts:2']);
  });

  it('allows a limit that is read from the list', () => {
    const files = { 'wire/limits.ts': home, 'host/a.ts': 'const MAX_SIZE = limits.frameBytes;' };
    expect(broken(limits, files)).toEqual([]);
  });
});

describe('package', () => {
  it('refuses a range', () => {
    const text = JSON.stringify({ dependencies: { a: '^1.0.0' }, devDependencies: { b: '1.0.0' } });
    expect(broken(pins, { 'package.json': text })).toEqual(['package.json:1']);
  });

  const lock = (entry: object): Record<string, string> => ({
    'package-lock.json': JSON.stringify({ packages: { '': {}, 'node_modules/a': entry } }),
  });

  it.each([
    ['a registry address', { resolved: 'https://registry.example/a.tgz', integrity: 'sha512-x' }],
    ['a missing hash', {}],
    ['an optional package without an entry', { integrity: 'sha512-x', optionalDependencies: { b: '1.0.0' } }],
  ])('refuses %s in the lock file', (_, entry) => {
    expect(broken(lockfile, lock(entry))).toHaveLength(1);
  });

  it('allows a hashed entry without an address', () => {
    expect(broken(lockfile, lock({ integrity: 'sha512-x' }))).toEqual([]);
  });

  it('refuses a registry and missing settings in .npmrc', () => {
    const complete = 'ignore-scripts=true\nomit-lockfile-registry-resolved=true\nonnxruntime-node-install=skip\n';
    expect(broken(npmrc, { '.npmrc': complete })).toEqual([]);
    expect(broken(npmrc, { '.npmrc': `${complete}registry=https://registry.example\n` })).toHaveLength(1);
    expect(broken(npmrc, { '.npmrc': '' })).toHaveLength(3);
  });
});

describe('threats', () => {
  const test = "const cases = [{ says: 'a late root' }]; describe('path', () => it('refuses an expired leaf', f));";
  const table = (cell: string): Record<string, string> => ({
    'test/a.test.ts': test,
    'THREATS.md': `| id | threat | test |\n|---|---|---|\n| T1 | a | ${cell} |\n`,
  });

  it.each(['none', '`test/a.test.ts > refuses a missing leaf`', '`test/b.test.ts > refuses an expired leaf`'])(
    'refuses a row with %s',
    (cell) => {
      expect(broken(threats, table(cell))).toEqual(['THREATS.md:3']);
    },
  );

  it.each(['expired leaf', 'a late root'])('allows a row whose test exists: %s', (title) => {
    expect(broken(threats, table(`\`test/a.test.ts > ${title}\``))).toEqual([]);
  });
});

describe('place', () => {
  it('refuses a path of one machine, and the neighbour folder outside tests', () => {
    const home = ['', 'home', 'somebody', 'x'].join('/');
    const neighbour = ['..', 'shared', 'x'].join('/');
    expect(broken(place, { 'cli/a.ts': home, 'test/a.ts': home })).toEqual(['cli/a.ts:1', 'test/a.ts:1']);
    expect(broken(place, { 'cli/a.ts': neighbour, 'test/a.ts': neighbour })).toEqual(['cli/a.ts:1']);
  });
});
