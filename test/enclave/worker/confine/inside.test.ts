import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildNative, compilerVersions } from '../../../../enclave/native/build.ts';
import { buildWorker } from '../../../../enclave/worker/build/bundle.ts';
import { type Confiner, confinedWorker, type Separation } from '../../../../enclave/worker/confine/plan.ts';
import { createChildTable } from '../../../../enclave/worker/launcher.ts';
import { type ChildExit, modelSocketPath, TOKEN_BYTES } from '../../../../enclave/worker/model/control.ts';
import { confine, modelsBelow, root, separation, statOf } from '../model/harness.ts';

const compiler = await compilerVersions();
const PROBE = fileURLToPath(new URL('../../native/probe.c', import.meta.url));
const SECRET = 'a word of the launcher';

let directory: string;
let privateDirectory: string;
beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-inside-'));
  // Another user must be able to come here, as in an image.
  chmodSync(directory, 0o755);
  privateDirectory = join(directory, 'private');
  mkdirSync(privateDirectory, { mode: 0o700 });
  writeFileSync(join(directory, 'secret'), SECRET);
  const entry = relative(root, fileURLToPath(new URL('./program.ts', import.meta.url)));
  await buildWorker({ root, outDir: directory, entry });
  if (compiler === null) return;
  await buildNative({ source: PROBE, output: 'probe.bin', kind: 'addon' }, directory);
  copyFileSync(join(directory, 'probe.bin'), join(directory, 'other.bin'));
}, 60_000);
afterAll(() => rmSync(directory, { recursive: true, force: true }));

interface Report {
  readonly pid: number;
  readonly uid: number;
  readonly before: string;
  readonly attempts: Readonly<Record<string, string>>;
  readonly megabytes: number;
  readonly failed: string;
  readonly loaded: string;
  readonly connected: string;
}

interface Seen {
  readonly report: Partial<Report>;
  readonly exit: ChildExit | undefined;
  /** Of the model process, as the kernel tells it to whoever looks from outside. */
  readonly status: string;
  readonly limits: string;
}

const confinerOf = (kind: Separation): Confiner => ({
  program: confine,
  parent: process.pid,
  separation: kind,
  hidden: [privateDirectory],
});

let number = 1;

/** Starts the hostile program exactly as a model process is started, and lets it say what it reached. */
async function asModel(order: string, kind: Separation, memoryBytes = 256 * 1024 ** 2): Promise<Seen> {
  const id = number++;
  const paths = [...files(), `/proc/${process.pid}/mem`, `/proc/${process.pid}/environ`];
  writeFileSync(join(directory, 'orders.json'), JSON.stringify({ order, paths }));
  const path = modelSocketPath(privateDirectory, id);
  let ended: (exit: ChildExit) => void = () => undefined;
  const exit = new Promise<ChildExit>((resolve) => {
    ended = resolve;
  });
  const arrived = new Promise<Socket>((resolve) => createServer(resolve).listen(path).unref());
  const table = createChildTable({
    script: join(directory, 'worker.mjs'),
    privateDirectory,
    confiner: confinerOf(kind),
    onExit: (_, how) => ended(how),
  });
  await new Promise((resolve) => setTimeout(resolve, 20));
  table.start(id, { token: new Uint8Array(TOKEN_BYTES), memoryBytes });
  const socket = await arrived;
  let said = '';
  let status = '';
  let limits = '';
  const line = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Buffer) => {
      said += chunk.toString('latin1');
      if (!said.endsWith('\n')) return;
      const [pid] = kind === 'filter-only' ? [] : modelsBelow(process.pid);
      if (pid !== undefined) {
        status = readFileSync(`/proc/${pid}/status`, 'latin1');
        limits = readFileSync(`/proc/${pid}/limits`, 'latin1');
      }
      resolve();
    });
    socket.on('close', () => resolve());
    socket.on('error', () => socket.destroy());
  });
  const patience = setTimeout(() => table.kill(id), order === 'hang' ? 1_500 : 30_000);
  await line;
  socket.destroy();
  const how = await exit;
  clearTimeout(patience);
  const words = said.slice(TOKEN_BYTES);
  const report = words === '' ? {} : (JSON.parse(words) as Report);
  return { report, exit: how, status, limits };
}

const files = (): readonly string[] => ['/etc/passwd', '/dev/null', join(directory, 'secret'), privateDirectory];

const kinds: readonly Separation[] = [
  'filter-only',
  ...(separation === 'filter-only' ? [] : (['user-namespaces'] as const)),
  ...(process.getuid?.() === 0 ? (['own-users'] as const) : []),
];

describe.skipIf(compiler === null)('a hostile model process (skipped without gcc, for its probe)', () => {
  it.each(kinds)('reaches nothing: %s', async (kind) => {
    const { report, status, limits } = await asModel('report', kind);
    const { clone3, ...others } = report.attempts ?? {};
    expect(clone3).toBe('ENOSYS');
    expect(others).toEqual(Object.fromEntries(Object.keys(others).map((name) => [name, 'EPERM'])));
    expect(Object.keys(others).length).toBeGreaterThan(28);
    // The filter came with the model role, not before: what is tested is that role's own work.
    expect(report.before).toBe('0');
    if (kind === 'filter-only') return;
    expect(report.pid).toBe(1);
    const field = (name: string): string | undefined => new RegExp(`^${name}:\\s*(.*)$`, 'm').exec(status)?.[1];
    expect(field('Seccomp')).toBe('2');
    expect(field('NoNewPrivs')).toBe('1');
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) expect(field(set)).toBe('0000000000000000');
    if (kind === 'own-users') expect(field('Uid')).toBe('1000\t1000\t1000\t1000');
    expect(limits).toMatch(/^Max core file size +0 +0/m);
    expect(limits).toMatch(/^Max data size +\d+ +\d+/m);
    expect(limits).toMatch(/^Max address space +\d+ +\d+/m);
  });

  it.each(kinds)('has no more memory than its limit, by the kernel: %s', async (kind) => {
    const { report, exit } = await asModel('allocate', kind, 192 * 1024 ** 2);
    // Refused, or the runtime ended itself over it: both are typed, and neither took more.
    if (report.megabytes === undefined) expect(exit).toMatchObject({ overMemory: false });
    else {
      expect(report.failed).toBe('RangeError');
      expect(report.megabytes).toBeLessThanOrEqual(192);
      expect(report.megabytes).toBeGreaterThanOrEqual(96);
    }
  });

  it.each(kinds)('that faults ends by a signal, and is reaped: %s', async (kind) => {
    const { exit } = await asModel('crash', kind);
    expect(exit).toEqual({ code: null, signal: 'SIGSEGV', overMemory: false });
    expect(modelsBelow(process.pid)).toEqual([]);
  });

  it.each(kinds)('that computes for ever is killed on the word: %s', async (kind) => {
    const { exit } = await asModel('hang', kind);
    expect(exit).toEqual({ code: null, signal: 'SIGKILL', overMemory: false });
    expect(modelsBelow(process.pid)).toEqual([]);
  });
});

describe.skipIf(compiler === null)('a hostile worker (skipped without gcc, for its probe)', () => {
  it('starts nothing, loads nothing, creates nothing and reads nothing of others', async () => {
    const link = join(privateDirectory, 'link.sock');
    const server = createServer().listen(link);
    const paths = [...files(), `/proc/${process.pid}/mem`];
    writeFileSync(join(directory, 'orders.json'), JSON.stringify({ order: 'report', paths }));
    const command = [process.execPath, join(directory, 'worker.mjs'), 'worker', '--link', link];
    const child = spawn(confine, confinedWorker(confinerOf(separation), null, command) as string[], {
      env: {},
      stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
    });
    const report = JSON.parse(await text(child.stdio[3] as Readable)) as Report;
    server.close();
    expect([report.loaded, report.connected]).toEqual(['ERR_DLOPEN_FAILED', 'connected']);
    const allowed = Object.entries(report.attempts).filter(([, outcome]) => outcome === 'allowed');
    // Sockets of this machine, and files that are there and that its user may read.
    const readable = ['unix', '/etc/passwd', '/dev/null', join(directory, 'secret'), privateDirectory];
    expect(allowed.map(([name]) => name).sort()).toEqual(readable.sort());
    expect(report.attempts['ioctl']).toBe('EPERM');
    expect(statOf(child.pid as number).state).not.toBe('R');
  });
});
