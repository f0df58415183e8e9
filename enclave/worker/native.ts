import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';
import { getSystemErrorName } from 'node:util';

/**
 * The calls that Node does not have, made by an addon of a few kilobytes without a library (enclave/native/guard.c): it
 * is the only native code of the launcher and the worker. None of its calls can open, write or start anything.
 */
export type Errno = keyof typeof constants.errno;

/** The kernel's word, by its name; wrong arguments are EINVAL. */
export class NativeError extends Error {
  readonly code: Errno;

  constructor(code: Errno, call: string) {
    super(`${call}: ${code}`);
    this.name = 'NativeError';
    this.code = code;
  }
}

/** Each answers zero or minus an errno; a device's answer is bytes. */
interface Guard {
  nsmExchange(fd: number, request: Uint8Array): Promise<Uint8Array | number> | number;
  sevReport(fd: number, reportData: Uint8Array, vmpl: number): Promise<Uint8Array | number> | number;
  hardwareRandom(target: Uint8Array): number;
  protectProcess(): number;
  confineWorker(filter: Uint8Array): number;
  confineModel(dataBytes: number, addressSpaceBytes: number, filter: Uint8Array): number;
}

let loaded: Guard | undefined;

/** At the first use, and before any filter: afterwards the process can load no code any more. */
function guard(): Guard {
  if (loaded === undefined) {
    const module: { exports: Partial<Guard> } = { exports: {} };
    // The build of the measured program puts the file beside it and replaces this path.
    const path = fileURLToPath(new URL('../native/prebuilt/linux-x64/guard.node', import.meta.url));
    process.dlopen(module, path, constants.dlopen.RTLD_NOW);
    loaded = module.exports as Guard;
  }
  return loaded;
}

/** One request to the Nitro Security Module behind `fd`, off the main thread; resolves to the response's length. */
export async function nsmExchange(fd: number, request: Uint8Array, response: Uint8Array): Promise<number> {
  const answer = bytesOf(await guard().nsmExchange(fd, request), 'nsmExchange');
  if (answer.length > response.length) throw new NativeError('ENOBUFS', 'nsmExchange');
  response.set(answer);
  // It may have been random bytes for a key, and this copy is nobody's.
  answer.fill(0);
  return answer.length;
}

/** SNP_GET_REPORT at the driver behind `fd`, off the main thread: the driver's 4,000 bytes, header and report first. */
export async function sevReport(fd: number, reportData: Uint8Array, vmpl: number): Promise<Uint8Array> {
  return bytesOf(await guard().sevReport(fd, reportData, vmpl), 'sevReport');
}

/** RDRAND; null where the processor has none. At most 4,096 bytes. */
export function hardwareRandom(length: number): Uint8Array | null {
  if (!Number.isInteger(length) || length < 1 || length > 4_096) throw new NativeError('EINVAL', 'hardwareRandom');
  const target = new Uint8Array(length);
  const result = guard().hardwareRandom(target);
  if (result === -constants.errno.ENODEV) return null;
  succeed(result, 'hardwareRandom');
  return target;
}

/** No core file, and nobody of the same user may read this process's memory or attach to it. */
export function protectProcess(): void {
  succeed(guard().protectProcess(), 'protectProcess');
}

export interface ModelConfinement {
  /** RLIMIT_DATA and RLIMIT_AS of the whole process, what it has already included. */
  readonly dataBytes: number;
  readonly addressSpaceBytes: number;
  /** A seccomp program for every thread, from `assembleFilter`. */
  readonly filter: Uint8Array;
}

/** For good: the process dies with its parent, cannot grow beyond its limits and has only the filter's system calls. */
export function confineModel({ dataBytes, addressSpaceBytes, filter }: ModelConfinement): void {
  succeed(guard().confineModel(dataBytes, addressSpaceBytes, filter), 'confineModel');
}

/** `protectProcess`, and the filter's system calls for good. */
export function confineWorker({ filter }: Pick<ModelConfinement, 'filter'>): void {
  succeed(guard().confineWorker(filter), 'confineWorker');
}

function succeed(result: number, call: string): void {
  if (result !== 0) throw new NativeError(errnoOf(result), call);
}

function bytesOf(answer: Uint8Array | number, call: string): Uint8Array {
  if (typeof answer === 'number') throw new NativeError(errnoOf(answer), call);
  return answer;
}

function errnoOf(result: number): Errno {
  return getSystemErrorName(result) as Errno;
}
