import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { runStep, type StepResult } from './steps.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const ENTRIES = [
  'proofmark/wire',
  'proofmark/wire/node',
  'proofmark/verifier',
  'proofmark/client',
  'proofmark/client/web',
  'proofmark/client/audit',
  'proofmark/client/proofs',
] as const;
const PEERS = ['express', 'lmdb', 'node-forge', 'onnxruntime-node'] as const;
const TARBALL_BYTES = 4_000_000;

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

interface Packed {
  readonly filename: string;
  readonly size: number;
  readonly files: readonly { readonly path: string; readonly mode: number }[];
}

const manifest = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;
let scratch = '';
let source = '';
let consumer = '';
let packed: Packed;

async function run(cwd: string, command: string, ...args: readonly string[]): Promise<StepResult> {
  return runStep({
    name: command,
    command,
    args,
    cwd,
    env: { ONNXRUNTIME_NODE_INSTALL: 'skip', npm_config_audit: 'false' },
  });
}

async function mustRun(cwd: string, command: string, ...args: readonly string[]): Promise<string> {
  const result = await run(cwd, command, ...args);
  expect(result, result.output).toMatchObject({ passed: true });
  return result.output;
}

/**
 * A copy of what git would commit, so that building it cannot disturb tests that use this checkout's dist/. Nothing is
 * ever installed in it, nor linked into the consumer: npm removes what it does not know, through links as well.
 */
function copySource(): string {
  const copy = join(scratch, 'source');
  const listed = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], { cwd: ROOT });
  for (const path of listed.toString('utf8').split('\0')) {
    if (path === '' || (path.startsWith('test/') && !path.startsWith('test/house/'))) continue;
    mkdirSync(dirname(join(copy, path)), { recursive: true });
    cpSync(join(ROOT, path), join(copy, path));
  }
  symlinkSync(join(ROOT, 'node_modules'), join(copy, 'node_modules'));
  // What forge has compiled before, which it looks through and keeps where the sources are the same: a minute is saved.
  for (const made of ['contracts/out', 'contracts/cache']) {
    if (existsSync(join(ROOT, made))) cpSync(join(ROOT, made), join(copy, made), { recursive: true });
  }
  return copy;
}

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'proofmark-package-'));
  source = copySource();
  consumer = join(scratch, 'consumer');
  mkdirSync(consumer);
  writeFileSync(join(consumer, 'package.json'), '{"name":"consumer","private":true,"type":"module"}');
  await mustRun(source, 'npm', 'run', '-s', 'build');
  const answer = execFileSync('npm', ['pack', '--json', '--silent', '--pack-destination', scratch], { cwd: source });
  packed = (JSON.parse(answer.toString('utf8')) as [Packed])[0];
  await mustRun(consumer, 'npm', 'install', '--prefer-offline', join(scratch, packed.filename));
}, 300_000);

afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the packed package', () => {
  it('holds compiled code, types and documents, and nothing of a machine', () => {
    const paths = packed.files.map((file) => file.path);
    expect(paths).toEqual(expect.arrayContaining(['LICENSE', 'README.md', 'THREATS.md', 'dist/worker/worker.mjs']));
    const ofContracts = paths.filter((path) => /^dist\/contracts\/(?!prover\/|integer\/|circuit\/)/.test(path));
    expect(ofContracts).toEqual(['dist/contracts/compiled.json']);
    expect(paths).toEqual(expect.arrayContaining(['dist/worker/licences.txt', 'dist/contracts/integer/program.js']));
    const served = paths.filter((path) => path.startsWith('dist/console/'));
    expect(served).toEqual(
      ['console.css', 'console.js', 'icon.svg', 'index.html', 'licences.txt'].map((name) => `dist/console/${name}`),
    );
    // Our own native code comes built: its sources lie beside it, and a test of the repository builds the same bytes.
    const foreign = /(^|\/)(test|node_modules)\/|(?<!\.d)\.tsx?$|\.node$|\.so(\.|$)/;
    expect(paths.filter((path) => foreign.test(path))).toEqual(['enclave/native/prebuilt/linux-x64/guard.node']);
    expect(paths).toEqual(
      expect.arrayContaining(['enclave/native/guard.c', 'enclave/native/prebuilt/linux-x64/confine']),
    );
    expect(packed.size).toBeLessThan(TARBALL_BYTES);
  });

  it('passes publint without a warning', async () => {
    await mustRun(source, 'publint', 'run', '--strict', join(scratch, packed.filename));
  });

  it('installs with two dependencies, and what the second stands on', async () => {
    const names = await mustRun(consumer, 'npm', 'ls', '--all', '--parseable', '--omit=optional', '--silent');
    const installed = names
      .trim()
      .split('\n')
      .slice(1)
      .map((path) => path.split('node_modules/').at(-1) ?? '');
    // Whether the last lies within the one that needs it is npm's to choose.
    expect(
      installed.filter((name) => !/^(@cbor-extract\/|cbor-extract$|detect-libc$|node-gyp-build)/.test(name)).sort(),
    ).toEqual(['@noble/curves', '@noble/hashes', 'cbor-x', 'proofmark']);
  });

  it.each(ENTRIES)('%s imports without the heavy packages', async (entry) => {
    const script = `const m = await import(${JSON.stringify(entry)}); console.log(Object.keys(m).length)`;
    const output = await mustRun(consumer, process.execPath, '--input-type=module', '-e', script);
    expect(Number(output)).toBeGreaterThan(0);
  });

  it('the verifier loads no platform module for network, processes or crypto', async () => {
    const script = `
      const before = new Set(process.moduleLoadList);
      await import('proofmark/verifier');
      const reaching = ['http', 'https', 'child_process', 'dns', 'crypto'].map((name) => 'NativeModule ' + name);
      console.log(JSON.stringify(process.moduleLoadList.filter((name) => !before.has(name) && reaching.includes(name))));
    `;
    expect(await mustRun(consumer, process.execPath, '--input-type=module', '-e', script)).toBe('[]\n');
  });

  it('type-checks in a strict project', { timeout: 120_000 }, async () => {
    const lines = ENTRIES.map(
      (entry, index) =>
        `import * as e${index} from '${entry}';\nexport const n${index}: number = Object.keys(e${index}).length;`,
    );
    writeFileSync(join(consumer, 'use.ts'), lines.join('\n'));
    const options = [
      '--strict',
      '--exactOptionalPropertyTypes',
      '--module',
      'nodenext',
      '--target',
      'es2023',
      '--typeRoots',
      join(ROOT, 'node_modules/@types'),
      '--types',
      'node',
    ];
    await mustRun(consumer, 'tsc', '--noEmit', '--skipLibCheck', 'false', ...options, 'use.ts');
  });

  it('answers --help', { timeout: 60_000 }, async () => {
    expect(await mustRun(consumer, 'npx', '--no-install', 'proofmark', '--help')).toContain('demo');
  });

  it('runs the demo once its peers are installed', { timeout: 300_000 }, async () => {
    const pinned = PEERS.map((name) => `${name}@${manifest.devDependencies[name]}`);
    await mustRun(consumer, 'npm', 'install', '--prefer-offline', ...pinned);
    await mustRun(consumer, 'npx', '--no-install', 'proofmark', 'demo');
    const model = join('node_modules', 'proofmark', 'models', 'volatility-1h');
    const judged = await mustRun(consumer, 'npx', '--no-install', 'proofmark', 'model', 'check', model, '--run');
    expect(judged).toContain('a worker would load it, and it ran here');
  });
});
