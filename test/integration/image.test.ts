import { execFile, execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCpio } from '../../enclave/image/formats/cpio-read.ts';
import { readEif } from '../../enclave/image/formats/eif-read.ts';
import { renderImageLock } from '../../enclave/image/lock.ts';
import type { NitroMeasurements } from '../../enclave/image/measurements.ts';
import { nitroConfig, syntheticBzImage } from '../enclave/image/formats/support/bzimage.ts';
import { withChecksum } from '../enclave/image/formats/support/eif.ts';
import { realInputs } from '../enclave/image/support/real-inputs.ts';
import { committedLock, syntheticLock } from '../enclave/image/support/workshop.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const inputs = await realInputs();
const STORE = inputs.kind === 'ready' ? inputs.store.folder : '';
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;
const otherUser = isRoot && has('setpriv') && has('faketime') && readableByOthers(root);
const BUILD_MS = 120_000;

let scratch: string;
let here: string;

beforeAll(() => {
  scratch = mkdtempSync(join(tmpdir(), 'proofmark-image-test-'));
  chmodSync(scratch, 0o755);
  here = install(join(scratch, 'here'), root, 'as-listed');
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

/** Files are created in the order in which they are given, which is the order in which some file systems list them. */
type Order = 'as-listed' | 'reversed';

/** Another installation: the sources elsewhere, no repository around them. */
function install(target: string, source: string, order: Order): string {
  const names = ['attestations', 'cli', 'client', 'contracts/integer', 'enclave', 'host', 'verifier', 'wire'];
  for (const name of order === 'reversed' ? names.reverse() : names)
    copyTree(join(source, name), join(target, name), order);
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json'])
    copyFileSync(join(source, name), join(target, name));
  symlinkSync(join(root, 'node_modules'), join(target, 'node_modules'));
  return target;
}

function copyTree(source: string, target: string, order: Order): void {
  if (!statSync(source).isDirectory()) {
    copyFileSync(source, target);
    return;
  }
  mkdirSync(target, { recursive: true });
  const names = readdirSync(source).sort();
  for (const name of order === 'reversed' ? names.reverse() : names)
    copyTree(join(source, name), join(target, name), order);
}

interface Habits {
  /** Programs before the command, each with its arguments. */
  readonly before: readonly string[];
  readonly umask: string;
  readonly env: Readonly<Record<string, string>>;
}

const usual: Habits = { before: [], umask: '022', env: {} };

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function proofmark(folder: string, args: readonly string[], habits: Habits = usual): Promise<Outcome> {
  const command = [...habits.before, process.execPath, '--import', 'tsx', 'cli/main.ts', 'image', ...args];
  const shell = ['-c', `umask ${habits.umask} && exec "$@"`, 'sh', ...command];
  const env = { PATH: process.env['PATH'] ?? '/usr/bin:/bin', HOME: scratch, ...habits.env };
  try {
    const { stdout, stderr } = await promisify(execFile)('sh', shell, { cwd: folder, env });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as {
      readonly code: number;
      readonly stdout: string;
      readonly stderr: string;
    };
    return { code, out: stdout, err: stderr };
  }
}

async function build(
  folder: string,
  out: string,
  options: { readonly store?: string; readonly habits?: Habits } = {},
): Promise<void> {
  const args = ['build', '--flavour', 'vm', '--out', out, '--store', options.store ?? STORE, '--json'];
  const { code, err } = await proofmark(folder, args, options.habits);
  expect([code, err]).toEqual([0, '']);
}

/** Everything but the statement differs in nothing; nor does that, because neither tree is in a repository. */
function expectSameFiles(a: string, b: string): void {
  expect(readdirSync(a).sort()).toEqual(['image.eif', 'measurements.json', 'sbom.cdx.json', 'statement.intoto.json']);
  expect(readdirSync(b).sort()).toEqual(readdirSync(a).sort());
  for (const name of readdirSync(a)) {
    expect([name, readFileSync(join(a, name)).equals(readFileSync(join(b, name)))]).toEqual([name, true]);
  }
}

const title = inputs.kind === 'ready' ? 'an image of the pinned inputs' : `an image (SKIPPED: ${inputs.reason})`;

describe.skipIf(inputs.kind === 'absent')(title, () => {
  const first = (): string => join(scratch, 'first');

  beforeAll(() => build(here, first()), BUILD_MS);

  it(
    'is the same bytes in another folder, umask, time zone, locale and order of files',
    async () => {
      const elsewhere = install(join(scratch, 'a folder with spaces', 'and deeper'), here, 'reversed');
      const store = join(scratch, 'other-store');
      copyTree(join(STORE, 'sha256'), join(store, 'sha256'), 'reversed');
      const out = join(scratch, 'second');
      const env = { TZ: 'Pacific/Chatham', LANG: 'tr_TR.UTF-8', LC_ALL: 'tr_TR.UTF-8', SOURCE_DATE_EPOCH: '1' };
      await build(elsewhere, out, { store, habits: { before: [], umask: '077', env } });
      expectSameFiles(first(), out);
      rmSync(store, { recursive: true });
    },
    BUILD_MS,
  );

  it.skipIf(!otherUser)(
    `is the same bytes for another user and at another time${otherUser ? '' : ' (SKIPPED: needs root, setpriv and faketime)'}`,
    async () => {
      const out = join(scratch, 'third');
      const ownFolder = join(scratch, 'nobody');
      for (const folder of [out, ownFolder]) {
        mkdirSync(folder);
        chownSync(folder, NOBODY, NOBODY);
      }
      // The store of root is not readable to others, wherever it is.
      const store = join(scratch, 'readable-store');
      copyTree(join(STORE, 'sha256'), join(store, 'sha256'), 'as-listed');
      const user = ['setpriv', '--reuid', `${NOBODY}`, '--regid', `${NOBODY}`, '--clear-groups'];
      const clock = ['faketime', '-f', '@2031-02-03 04:05:06'];
      const env = { HOME: ownFolder, TMPDIR: ownFolder, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
      const asked = [...user, ...clock, process.execPath, '-p', 'new Date().getUTCFullYear()'] as const;
      expect(execFileSync(asked[0] as string, asked.slice(1), { encoding: 'utf8' })).toBe('2031\n');
      await build(here, out, { store, habits: { before: [...user, ...clock], umask: '027', env } });
      expect(statSync(join(out, 'image.eif')).uid).toBe(NOBODY);
      expectSameFiles(first(), out);
      rmSync(store, { recursive: true });
    },
    BUILD_MS,
  );

  it(
    'is confirmed by building it again, and a changed one is not',
    async () => {
      const same = await proofmark(here, ['verify', first(), '--flavour', 'vm', '--store', STORE, '--json']);
      expect([same.code, same.err]).toEqual([0, '']);
      expect(JSON.parse(same.out)).toMatchObject({ equal: true });

      const eif = new Uint8Array(readFileSync(join(first(), 'image.eif')));
      const text = Buffer.from(eif.buffer).indexOf('// Proofmark worker');
      eif.set(Buffer.from('// Proofnark'), text);
      const changed = join(scratch, 'changed.eif');
      writeFileSync(changed, withChecksum(eif));
      const other = await proofmark(here, ['verify', changed, '--flavour', 'vm', '--store', STORE]);
      expect(other.code).toBe(20);
      expect(other.out).toContain('ramdisk 1: /app/worker.mjs: differs from byte');
    },
    BUILD_MS,
  );

  it(
    'has the same worker, and so the same PCR2, with a kernel for Nitro',
    async () => {
      const [kernel, configuration, lockFile] = ['bzImage', 'bzImage.config', 'nitro.lock.json'].map((name) =>
        join(scratch, name),
      ) as [string, string, string];
      writeFileSync(kernel, syntheticBzImage());
      writeFileSync(configuration, nitroConfig);
      const [given] = syntheticLock('nitro').artefacts;
      const [, ...others] = committedLock.artefacts;
      if (given === undefined) throw new TypeError('no kernel');
      writeFileSync(lockFile, renderImageLock({ flavour: 'nitro', artefacts: [given, ...others] }));

      const store = join(scratch, 'nitro-store');
      copyTree(join(STORE, 'sha256'), join(store, 'sha256'), 'as-listed');
      const out = join(scratch, 'nitro');
      const args = ['build', '--flavour', 'nitro', '--lock', lockFile, '--out', out, '--store', store, '--json'];
      const unfetched = await proofmark(here, args);
      expect(unfetched.code).toBe(1);
      expect(unfetched.out).toContain('input_missing: kernel');
      const built = await proofmark(here, [...args, '--kernel', kernel, '--kernel-config', configuration, '--split']);
      expect([built.code, built.err]).toEqual([0, '']);

      const [vm, nitro] = [first(), out].map(
        (folder) => JSON.parse(readFileSync(join(folder, 'measurements.json'), 'utf8')) as NitroMeasurements,
      ) as [NitroMeasurements, NitroMeasurements];
      expect(nitro.flavour).toBe('nitro');
      expect(nitro.images[0]?.pcr2).toBe(vm.images[0]?.pcr2);
      expect(nitro.images[0]?.pcr1).not.toBe(vm.images[0]?.pcr1);
      expect(readFileSync(join(out, 'kernel')).equals(readFileSync(kernel))).toBe(true);
      expect(statSync(join(out, 'initrd')).size).toBe(nitro.initrd.bytes);
    },
    BUILD_MS,
  );

  it.skipIf(!has('bwrap'))(
    `needs nothing that is not in it${has('bwrap') ? '' : ' (SKIPPED: needs bubblewrap)'}`,
    () => {
      const tree = join(scratch, 'tree');
      for (const ramdisk of readEif(new Uint8Array(readFileSync(join(first(), 'image.eif')))).ramdisks)
        unpackTo(tree, ramdisk);
      const program = `
        for (const name of ['onnxruntime_binding.node', 'guard.node']) process.dlopen({ exports: {} }, '/app/' + name);
        console.log(process.version, require('node:fs').readdirSync('/').join());
      `;
      const box = [
        '--unshare-all',
        '--die-with-parent',
        '--clearenv',
        '--ro-bind',
        tree,
        '/',
        '--proc',
        '/proc',
        '--dev',
        '/dev',
      ];
      const said = execFileSync('bwrap', [...box, '--', '/bin/node', '-e', program], { encoding: 'utf8' });
      expect(said).toBe('v24.21.0 app,bin,dev,etc,init,lib,lib64,proc,run,sys,tmp\n');
    },
    BUILD_MS,
  );
});

function unpackTo(tree: string, ramdisk: Uint8Array): void {
  for (const { entry } of readCpio(ramdisk)) {
    const path = join(tree, entry.path);
    if (entry.kind === 'directory') mkdirSync(path, { recursive: true });
    if (entry.kind !== 'file') continue;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, entry.content, { mode: entry.permissions });
  }
}

function has(program: string): boolean {
  return (process.env['PATH'] ?? '').split(':').some((folder) => existsSync(join(folder, program)));
}

/** Whether another user can enter a folder and all above it. */
function readableByOthers(folder: string): boolean {
  const parent = dirname(folder);
  return (statSync(folder).mode & 0o005) === 0o005 && (parent === folder || readableByOthers(parent));
}
