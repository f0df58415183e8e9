import { execFile } from 'node:child_process';
import { constants } from 'node:fs';
import { access, lstat, open, stat, statfs } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { createServer } from 'node:net';
import { freemem, tmpdir } from 'node:os';
import { delimiter, dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { defaultInputStore, missingInputs } from '../../enclave/image/inputs.ts';
import { nativeFile } from '../../enclave/simulator/native-files.ts';
import { bubblewrapPlaces, trySandbox } from '../../enclave/simulator/sandbox.ts';
import { committedLockPath, readLock, requireCheckout } from '../image/checkout.ts';
import { type Entry, type Machine, type Manifest, OUTPUT_BYTES, type Ran, TEXT_BYTES, type Trial } from './machine.ts';

const IS_CHECKOUT = import.meta.url.endsWith('.ts');
/** A compiled copy of this file is one folder deeper than its source. */
const MANIFEST = fileURLToPath(new URL(IS_CHECKOUT ? '../../package.json' : '../../../package.json', import.meta.url));
const resolver = createRequire(import.meta.url);

const USES = {
  write: constants.W_OK,
  'read-write': constants.R_OK | constants.W_OK,
  execute: constants.X_OK,
} as const;

export interface ThisMachineOptions {
  readonly now: number;
  readonly stateFolder: string;
  /** After which a program that was started is killed. */
  readonly programMilliseconds: number;
}

/** The machine that this runs on. */
export function thisMachine({ now, stateFolder, programMilliseconds }: ThisMachineOptions): Machine {
  return {
    now,
    stateFolder,
    platform: process.platform,
    architecture: process.arch,
    nodeVersion: process.versions.node,
    nodeProgram: process.execPath,
    pid: process.pid,
    user: process.geteuid?.(),
    form: IS_CHECKOUT ? 'checkout' : 'package',
    scratchFolder: tmpdir(),
    confineProgram: nativeFile('confine'),
    workerFiles: workerFiles(),
    manifest: readManifest,
    entry,
    allows,
    text: readText,
    freeMemoryBytes,
    freeBytes: async (folder) => {
      const { bavail, bsize } = await statfs(folder);
      return bavail * bsize;
    },
    packageVersion,
    engineFile,
    which,
    run: (program, args) => run(program, args, programMilliseconds),
    port,
    trySandbox: async () => {
      const sandbox = await trySandbox(process.execPath, bubblewrapPlaces);
      return sandbox.kind === 'bubblewrap' ? { works: true } : { works: false, why: sandbox.warning.detail };
    },
    missingImageInputs: async () => {
      const lock = await readLock(committedLockPath(requireCheckout(), 'vm'));
      return (await missingInputs(defaultInputStore(process.env), lock)).length;
    },
    chain,
  };
}

interface PackageFile {
  readonly version?: unknown;
  readonly engines?: { readonly node?: string };
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

async function readManifest(): Promise<Manifest> {
  const text = await readText(MANIFEST);
  const { engines, peerDependencies } = JSON.parse(text ?? '{}') as PackageFile;
  return { node: engines?.node ?? 'unknown', peers: peerDependencies ?? {} };
}

/** Undefined where nothing is there; whoever may not look is told so by the error. */
async function unlessAbsent<T>(looking: Promise<T>): Promise<T | undefined> {
  try {
    return await looking;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    throw error;
  }
}

async function entry(path: string): Promise<Entry | undefined> {
  // A link that leads nowhere is something that is there, and nothing can be made in its place.
  const found = (await unlessAbsent(stat(path))) ?? (await unlessAbsent(lstat(path)));
  if (found === undefined) return undefined;
  const isDevice = found.isCharacterDevice() || found.isBlockDevice();
  const kind = found.isFile() ? 'file' : found.isDirectory() ? 'directory' : isDevice ? 'device' : 'other';
  return { kind, mode: found.mode & 0o7777, owner: found.uid };
}

async function allows(path: string, use: keyof typeof USES): Promise<boolean> {
  return access(path, USES[use]).then(
    () => true,
    () => false,
  );
}

async function readText(path: string): Promise<string | undefined> {
  // A pipe in place of a file would keep whoever opens it.
  const file = await unlessAbsent(open(path, constants.O_RDONLY | constants.O_NONBLOCK));
  if (file === undefined) return undefined;
  try {
    const buffer = new Uint8Array(TEXT_BYTES);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await file.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return new TextDecoder().decode(buffer.subarray(0, length));
  } finally {
    await file.close();
  }
}

/** What the kernel could give without swapping; what is merely unused is far less on a machine that has run for a while. */
async function freeMemoryBytes(): Promise<number> {
  const kibibytes = /^MemAvailable:\s+(\d+) kB$/m.exec((await readText('/proc/meminfo')) ?? '')?.[1];
  return kibibytes === undefined ? freemem() : Number(kibibytes) * 1_024;
}

/** Where an import from here would look, without running a line of the package. */
async function packageVersion(name: string): Promise<string | undefined> {
  for (const folder of resolver.resolve.paths(name) ?? []) {
    const text = await readText(join(folder, name, 'package.json'));
    if (text === undefined) continue;
    const { version } = JSON.parse(text) as PackageFile;
    return typeof version === 'string' ? version : 'of no version';
  }
  return undefined;
}

async function engineFile(): Promise<string | undefined> {
  const name = 'onnxruntime-node';
  for (const folder of resolver.resolve.paths(name) ?? []) {
    const native = join(folder, name, 'bin', 'napi-v6', process.platform, process.arch, 'onnxruntime_binding.node');
    if ((await entry(native)) !== undefined) return native;
  }
  return undefined;
}

async function which(program: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, program);
    if (isAbsolute(folder) && (await entry(path))?.kind === 'file' && (await allows(path, 'execute'))) return path;
  }
  return undefined;
}

function run(program: string, args: readonly string[], milliseconds: number): Promise<Ran> {
  return new Promise((resolve) => {
    const options = {
      // Its words are read, so they are to be English.
      env: { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' },
      cwd: dirname(program),
      timeout: milliseconds,
      killSignal: 'SIGKILL',
      maxBuffer: OUTPUT_BYTES,
    } as const;
    const child = execFile(program, [...args], options, (error, stdout, stderr) => {
      const failed = error !== null && typeof error.code === 'string' ? `${error.message}\n` : '';
      resolve({ code: child.exitCode, output: `${failed}${stdout}${stderr}` });
    });
    child.stdin?.end();
  });
}

/** By listening for a moment, on loopback only. */
function port(number: number): Promise<'free' | 'taken'> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'EADDRINUSE' ? resolve('taken') : reject(error),
    );
    server.listen(number, '127.0.0.1', () => server.close(() => resolve('free')));
  });
}

async function chain(): Promise<Trial> {
  try {
    const { findChain } = await import('../stack/on-chain.ts');
    const choice = await findChain();
    return choice.kind === 'local' ? { works: true } : { works: false, why: choice.why };
  } catch (error) {
    // It stands on packages that may be missing.
    if ((error as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    const [, name = 'a package'] = /Cannot find package '([^']+)'/.exec((error as Error).message) ?? [];
    return { works: false, why: `${name} is not installed` };
  }
}

/** What a worker is made of that is no other package's: a package has its program, a checkout makes it. */
function workerFiles(): readonly string[] {
  const guard = join(dirname(nativeFile('confine')), 'guard.node');
  const native = [nativeFile('confine'), nativeFile('sandbox.bpf'), guard];
  return IS_CHECKOUT ? native : [fileURLToPath(new URL('../../worker/worker.mjs', import.meta.url)), ...native];
}
