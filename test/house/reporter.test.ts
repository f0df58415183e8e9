import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep } from './steps.ts';

const ROOT = resolve(import.meta.dirname, '../..');

const FILES: Readonly<Record<string, string>> = {
  'mixed.test.ts': `
    import { describe, expect, it } from 'vitest';
    it('passes', () => {});
    it('fails', () => expect(1).toBe(2));
    it('skips itself', ({ skip }) => skip('no device here'));
    describe.skipIf(true)('needs bubblewrap', () => it('is isolated', () => {}));
  `,
  'broken.test.ts': "import './nowhere.ts';",
  'hook.test.ts': `
    import { afterAll, it } from 'vitest';
    afterAll(() => { throw new Error('hook'); });
    it('passes before its hook fails', () => {});
  `,
};

let output = '';
let passed = true;
let fixture = '';

beforeAll(async () => {
  fixture = mkdtempSync(join(tmpdir(), 'proofmark-reporter-'));
  symlinkSync(join(ROOT, 'node_modules'), join(fixture, 'node_modules'));
  writeFileSync(join(fixture, 'package.json'), '{"type":"module"}');
  writeFileSync(
    join(fixture, 'vitest.config.ts'),
    `import { houseReporter } from ${JSON.stringify(join(ROOT, 'test/house/reporter.ts'))};
     export default { test: { reporters: [houseReporter()] } };`,
  );
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(fixture, name), text);
  const result = await runStep({ name: 'vitest', command: 'vitest', args: ['run'], cwd: fixture });
  ({ output, passed } = result);
});

afterAll(() => rmSync(fixture, { recursive: true, force: true }));

describe('the reporter', () => {
  it('counts a broken file and a broken hook as failures', () => {
    expect(output).toContain('2 passed, 3 failed, 2 skipped');
    expect(passed).toBe(false);
  });

  it('names what did not run, with its reason', () => {
    expect(output).toContain('not run: mixed.test.ts > skips itself (no device here)');
    expect(output).toContain('not run: mixed.test.ts > needs bubblewrap > is isolated');
  });
});

/** Runs .ci/run with `make` and `npm` replaced, so that only its own counting is under test. */
async function continuousRun(make: string): Promise<{ readonly last: string; readonly passed: boolean }> {
  const bin = join(fixture, 'bin');
  mkdirSync(bin, { recursive: true });
  for (const [name, text] of [
    ['make', make],
    // No inputs of images: the demo in a machine is left out, so that the count is the same everywhere.
    ['npm', 'case "$*" in *"image fetch"*) exit 1 ;; esac; exit 0'],
    ['bwrap', 'exit 0'],
  ] as const) {
    writeFileSync(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  }
  const result = await runStep({
    name: 'ci',
    command: join(ROOT, '.ci/run'),
    args: [],
    env: { PATH: `${bin}:${process.env['PATH'] ?? ''}` },
  });
  return { last: result.output.trimEnd().split('\n').at(-1) ?? '', passed: result.passed };
}

describe('.ci/run', () => {
  const totals = (line: string, code: number): string => `[ "$1" = test ] && { echo '${line}'; exit ${code}; }; exit 0`;

  it('adds the tests to its own four steps', async () => {
    expect(await continuousRun(totals('7 passed, 0 failed, 2 skipped', 0))).toEqual({
      last: '11 passed, 0 failed',
      passed: true,
    });
  });

  it('fails with one failed test', async () => {
    expect(await continuousRun(totals('6 passed, 1 failed, 0 skipped', 1))).toEqual({
      last: '10 passed, 1 failed',
      passed: false,
    });
  });

  it('fails when the runner fails although no test did', async () => {
    expect(await continuousRun(totals('7 passed, 0 failed, 0 skipped', 1))).toEqual({
      last: '11 passed, 1 failed',
      passed: false,
    });
  });

  it('fails when the tests end without totals', async () => {
    expect((await continuousRun('exit 0')).passed).toBe(false);
  });

  it('fails when the check fails', async () => {
    expect(await continuousRun(`[ "$1" = check ] && exit 1; echo '1 passed, 0 failed, 0 skipped'`)).toEqual({
      last: '4 passed, 1 failed',
      passed: false,
    });
  });
});
