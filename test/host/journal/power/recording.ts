import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

/** One call of the recorded process: where it began and, for changes and syncs, where it had ended. */
export type Call =
  | { readonly kind: 'open'; readonly path: string; readonly file: number; readonly created: boolean }
  | { readonly kind: 'folder'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'resize'; readonly file: number; readonly length: number }
  | {
      readonly kind: 'write';
      readonly file: number;
      readonly offset: number;
      readonly bytes: Uint8Array;
      readonly synchronous: boolean;
      readonly call: number;
    }
  | { readonly kind: 'written'; readonly call: number; readonly length: number }
  | { readonly kind: 'sync'; readonly file: number; readonly call: number }
  | { readonly kind: 'synced'; readonly call: number; readonly good: boolean }
  | { readonly kind: 'mapped'; readonly file: number }
  | { readonly kind: 'unfollowed'; readonly what: string };

const COMPILER = 'gcc';
const HEADER_BYTES = 20;
const CREATED = 1;
const SYNCHRONOUS = 2;
const FAILED = 4;

export function hasCompiler(): boolean {
  return spawnSync(COMPILER, ['--version']).status === 0;
}

/** Runs a script of this folder to its end, and returns what it did below `folder`. */
export function recordRun(script: string, folder: string, scratch: string, args: readonly string[]): readonly Call[] {
  const library = join(scratch, 'recorder.so');
  const trace = join(scratch, 'trace');
  const source = join(import.meta.dirname, 'recorder.c');
  execFileSync(COMPILER, ['-shared', '-fPIC', '-O2', '-Wall', '-Wextra', '-Werror', '-o', library, source, '-ldl']);
  execFileSync('node', ['--import', 'tsx', join(import.meta.dirname, script), folder, ...args], {
    env: { ...process.env, LD_PRELOAD: library, POWER_FOLDER: folder, POWER_TRACE: trace, UV_USE_IO_URING: '0' },
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return parse(readFileSync(trace), folder);
}

function parse(bytes: Buffer, folder: string): readonly Call[] {
  const calls: Call[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32LE(at + 16);
    const event = {
      kind: String.fromCharCode(bytes.readUInt8(at)),
      flags: bytes.readUInt8(at + 1),
      file: bytes.readUInt16LE(at + 2),
      call: bytes.readUInt32LE(at + 4),
      number: Number(bytes.readBigUInt64LE(at + 8)),
      content: bytes.subarray(at + HEADER_BYTES, at + HEADER_BYTES + length),
    };
    calls.push(read(event, folder));
    at += HEADER_BYTES + length;
  }
  return calls;
}

interface Event {
  readonly kind: string;
  readonly flags: number;
  readonly file: number;
  readonly call: number;
  readonly number: number;
  readonly content: Buffer;
}

function read({ kind, flags, file, call, number, content }: Event, folder: string): Call {
  const paths = content
    .toString('latin1')
    .split('\0')
    .map((path) => path.slice(folder.length + 1));
  const path = paths[0] as string;
  switch (kind) {
    case 'O':
      return { kind: 'open', path, file, created: (flags & CREATED) !== 0 };
    case 'D':
      return { kind: 'folder', path };
    case 'R':
      return { kind: 'rename', from: path, to: paths[1] as string };
    case 'U':
      return { kind: 'remove', path };
    case 'T':
      return { kind: 'resize', file, length: number };
    case 'W':
      return {
        kind: 'write',
        file,
        offset: number,
        bytes: content,
        synchronous: (flags & SYNCHRONOUS) !== 0,
        call,
      };
    case 'w':
      return { kind: 'written', call, length: number };
    case 'S':
      return { kind: 'sync', file, call };
    case 's':
      return { kind: 'synced', call, good: (flags & FAILED) === 0 };
    case 'M':
      return { kind: 'mapped', file };
    default:
      return { kind: 'unfollowed', what: content.toString('latin1') };
  }
}
