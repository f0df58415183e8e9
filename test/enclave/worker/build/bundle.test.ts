import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type BuiltFile, buildWorker, workerClosure } from '../../../../enclave/worker/build/bundle.ts';

const root = join(import.meta.dirname, '../../../..');
let scratch: string;
let files: readonly BuiltFile[];
let inputs: readonly string[];

beforeAll(async () => {
  scratch = mkdtempSync(join(tmpdir(), 'proofmark-build-'));
  ({ files, inputs } = await buildWorker({ root, outDir: join(scratch, 'here') }));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

describe('the program', () => {
  it('is four files, whatever the umask', () => {
    expect(files.map(({ path }) => path)).toEqual([
      'guard.node',
      'libonnxruntime.so.1',
      'onnxruntime_binding.node',
      'worker.mjs',
    ]);
    for (const { path } of files) expect(statSync(join(scratch, 'here', path)).mode & 0o777).toBe(0o644);
  });

  it('has the same digests when it is built elsewhere, by another user’s habits', () => {
    const elsewhere = join(scratch, 'a folder with spaces', 'deeper');
    mkdirSync(elsewhere, { recursive: true });
    // Another path, another link to the packages, a misleading tsconfig above, and other file times.
    for (const folder of ['enclave', 'wire']) cpSync(join(root, folder), join(elsewhere, folder), { recursive: true });
    cpSync(join(root, 'package.json'), join(elsewhere, 'package.json'));
    symlinkSync(join(root, 'node_modules'), join(elsewhere, 'node_modules'));
    writeFileSync(join(elsewhere, '../tsconfig.json'), '{"compilerOptions":{"target":"ES5","strict":false}}');
    const out = join(scratch, 'there');
    const printed = execFileSync(
      'sh',
      ['-c', 'umask 077 && exec "$0" --import tsx enclave/worker/build/main.ts --out "$1"', process.execPath, out],
      {
        cwd: elsewhere,
        encoding: 'utf8',
        env: {
          PATH: '/usr/bin:/bin',
          HOME: scratch,
          TZ: 'Pacific/Chatham',
          LANG: 'tr_TR.UTF-8',
          LC_ALL: 'tr_TR.UTF-8',
        },
      },
    );
    expect(printed).toBe(files.map(({ path, sha256 }) => `${sha256}  ${path}\n`).join(''));
    for (const { path } of files) expect(statSync(join(out, path)).mode & 0o777).toBe(0o644);
  });

  it('names no path of the machine that built it', () => {
    const program = readFileSync(join(scratch, 'here/worker.mjs'), 'utf8');
    for (const trace of [root, scratch, tmpdir(), process.env['HOME'] ?? '/home']) {
      expect(program.split('\n').filter((line) => line.includes(`${trace}/`))).toEqual([]);
    }
  });

  it('loads its native code from beside itself only, and none at its start', () => {
    const program = readFileSync(join(scratch, 'here/worker.mjs'), 'utf8');
    expect(program.match(/require\w*\([^)]*\.node['"`]\)/g)).toEqual([
      expect.stringMatching(/\(["']\.\/onnxruntime_binding\.node["']\)/),
    ]);
    expect(program.match(/new URL\([^)]*\)/g)).toEqual(['new URL("./guard.node", import.meta.url)']);
    expect(program.match(/\bdlopen\(/g)).toHaveLength(1);
    const withoutAddons = ['--no-addons', '--disallow-code-generation-from-strings'];
    const run = (): string =>
      execFileSync(process.execPath, [...withoutAddons, join(scratch, 'here/worker.mjs')], {
        stdio: 'pipe',
      }).toString();
    expect(run).toThrow(/usage: worker\.mjs launcher/);
  });

  it('imports nothing beyond the platform', () => {
    const program = readFileSync(join(scratch, 'here/worker.mjs'), 'utf8');
    const imported = [...program.matchAll(/^import .* from "([^"]+)";$/gm)].map(([, name]) => name);
    expect(imported.length).toBeGreaterThan(5);
    expect(imported.filter((name) => name?.startsWith('node:') !== true)).toEqual([]);
  });
});

describe('the closure', () => {
  it('lists own files, packages and native code', async () => {
    const closure = await workerClosure({ root });
    const program = readFileSync(join(scratch, 'here/worker.mjs'), 'utf8');
    const marked = [...program.matchAll(/^\/\/ ((?:enclave|wire)\/\S+\.m?[jt]s)$/gm)].map(([, path]) => path);
    expect(closure.ownFiles.map(({ path }) => path)).toEqual([...new Set(marked)].sort());
    expect(closure.ownFiles.every(({ path }) => /^(enclave\/worker|wire)\//.test(path))).toBe(true);
    expect(closure.ownFiles.some(({ path }) => path.startsWith('enclave/worker/build/'))).toBe(false);
    expect(closure.packages).toEqual([
      '@huggingface/jinja',
      '@huggingface/tokenizers',
      'cbor-x',
      'onnxruntime-common',
      'onnxruntime-node',
    ]);
    expect(closure.native).toEqual(['guard.node', 'libonnxruntime.so.1', 'onnxruntime_binding.node']);
  });

  it('starts processes in the launcher only', () => {
    const spawning = inputs
      .filter((path) => !path.startsWith('node_modules/'))
      .filter((path) => readFileSync(join(root, path), 'utf8').includes('child_process'));
    expect(spawning).toEqual(['enclave/worker/launcher.ts']);
  });
});
