import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import { createFrameReader, encodeFrame } from '../../wire/codec/frame.ts';
import { limits } from '../../wire/limits.ts';
import {
  type ChildExit,
  CONTROL_FRAME_BYTES,
  controlKind,
  decodeStartOrder,
  encodeChildExit,
  modelSocketPath,
  type StartOrder,
} from './model/control.ts';

/**
 * The launcher role: the only part of the measured program that starts processes (DESIGN section 7). It starts the
 * worker, then starts and kills model processes on the worker's word, and takes everything down when the worker or its
 * own parent ends. It reads no request, no model and no key.
 */
export interface LauncherOptions {
  /** The program itself: every role is the same file. */
  readonly script: string;
  readonly workerArguments: readonly string[];
  readonly privateDirectory: string;
}

/** No role compiles code from text, and the worker loads no native code: the engine lives in model processes. */
const MODEL_FLAGS = ['--disallow-code-generation-from-strings'] as const;
const WORKER_FLAGS = [...MODEL_FLAGS, '--no-addons'] as const;
const MEMORY_WATCH_MILLISECONDS = 50;
const START_FAILED = 71;

/**
 * Standard input must be a pipe that the parent holds open and never writes to: its end is the parent's death. Without
 * one the launcher ends at once, so that a missing pipe cannot go unnoticed.
 */
export function runLauncher(options: LauncherOptions): void {
  if (residentBytes(process.pid) === undefined) leave(70, 'no /proc: the memory of models cannot be limited');
  const worker = spawn(process.execPath, [...WORKER_FLAGS, options.script, 'worker', ...options.workerArguments], {
    env: {},
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const control = worker.stdio[3] as Socket;
  const children = createChildTable({
    script: options.script,
    privateDirectory: options.privateDirectory,
    onExit: (id, exit) => {
      control.write(encodeFrame({ id, kind: controlKind.exited, payload: encodeChildExit(exit) }));
    },
  });

  function end(code: number, reason: string): never {
    children.killAll();
    worker.kill('SIGKILL');
    return leave(code, reason);
  }

  const reader = createFrameReader(CONTROL_FRAME_BYTES, ({ id, kind, payload }) => {
    if (kind === controlKind.start) children.start(id, decodeStartOrder(payload));
    else if (kind === controlKind.kill) children.kill(id);
    else end(70, 'the worker sent a frame of an unknown kind');
  });
  control.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch {
      end(70, 'the worker broke the control protocol');
    }
  });
  // A worker that is gone is reported by its exit, with a code.
  control.on('error', () => control.destroy());
  worker.on('error', () => end(START_FAILED, 'the worker could not be started'));
  worker.on('exit', (code, signal) => end(exitCode(code, signal), 'the worker ended'));

  const orphaned = (): never => end(0, 'standard input closed: whoever started this is gone');
  process.stdin.on('end', orphaned).on('error', orphaned).on('close', orphaned).resume();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => end(exitCode(null, signal), signal));
  }
}

function leave(code: number, reason: string): never {
  process.stderr.write(`launcher: ${reason}\n`);
  process.exit(code);
}

export interface ChildTable {
  start(id: number, order: StartOrder): void;
  kill(id: number): void;
  killAll(): void;
}

interface Child {
  readonly memoryBytes: number;
  readonly socket: Socket;
  process: ChildProcess | undefined;
  overMemory: boolean;
}

export function createChildTable(options: {
  readonly script: string;
  readonly privateDirectory: string;
  readonly onExit: (id: number, exit: ChildExit) => void;
}): ChildTable {
  const children = new Map<number, Child>();

  function start(id: number, { token, memoryBytes }: StartOrder): void {
    if (children.has(id)) throw new RangeError('a number is used once');
    if (children.size >= limits.configurationModels) throw new RangeError('too many model processes');
    const socket = connect({ path: modelSocketPath(options.privateDirectory, id) });
    // This process must not read a byte of what is meant for the child.
    socket.pause();
    const child: Child = { memoryBytes, socket, process: undefined, overMemory: false };
    children.set(id, child);
    const failed = (): void => {
      if (child.process === undefined) finish(id, { code: START_FAILED, signal: null, overMemory: false });
    };
    socket.on('error', failed);
    socket.on('close', failed);
    socket.on('connect', () => {
      socket.write(token, () => {
        if (children.get(id) !== child) return;
        child.process = spawnModel(socket);
        child.process.on('error', () => finish(id, { code: START_FAILED, signal: null, overMemory: false }));
        child.process.on('exit', (code, signal) => finish(id, { code, signal, overMemory: child.overMemory }));
        // The child has its own copy of the descriptor now.
        socket.destroy();
      });
    });
  }

  function spawnModel(socket: Socket): ChildProcess {
    return spawn(process.execPath, [...MODEL_FLAGS, options.script, 'model', '--parent', String(process.pid)], {
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', socket],
    });
  }

  function finish(id: number, exit: ChildExit): void {
    if (!children.delete(id)) return;
    if (children.size === 0) watch.close();
    options.onExit(id, exit);
  }

  function stop(child: Child): void {
    if (child.process === undefined) child.socket.destroy();
    else child.process.kill('SIGKILL');
  }

  /**
   * Resident memory, looked at twenty times a second: a model can overshoot between two looks. The kernel's own limits
   * belong to the sandbox around this tree.
   */
  const watch = createWatch(MEMORY_WATCH_MILLISECONDS, () => {
    for (const child of children.values()) {
      const used = child.process?.pid === undefined ? undefined : residentBytes(child.process.pid);
      if (used === undefined || used <= child.memoryBytes) continue;
      child.overMemory = true;
      stop(child);
    }
  });

  return {
    start(id, order) {
      start(id, order);
      watch.open();
    },
    kill(id) {
      const child = children.get(id);
      if (child !== undefined) stop(child);
    },
    killAll() {
      for (const child of children.values()) stop(child);
    },
  };
}

function createWatch(milliseconds: number, look: () => void): { open(): void; close(): void } {
  let timer: NodeJS.Timeout | undefined;
  return {
    open: () => {
      timer ??= setInterval(look, milliseconds);
    },
    close: () => {
      clearInterval(timer);
      timer = undefined;
    },
  };
}

/** Undefined once the process is gone. */
function residentBytes(pid: number): number | undefined {
  let status: string;
  try {
    status = readFileSync(`/proc/${pid}/status`, 'latin1');
  } catch {
    return undefined;
  }
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1_024;
}

/** As shells report it: 128 and the signal's number. */
function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
