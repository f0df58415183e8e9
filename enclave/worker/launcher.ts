import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chmodSync, chownSync, statSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { constants } from 'node:os';
import { createFrameReader, encodeFrame } from '../../wire/codec/frame.ts';
import { limits } from '../../wire/limits.ts';
import { endCodes } from '../../wire/message/telemetry.ts';
import { type Confiner, confinedModel, confinedWorker, hidable, type Separation, WORKER_USER } from './confine/plan.ts';
import { childOf, residentBytes } from './confine/processes.ts';
import { sayLastWord } from './last-word.ts';
import {
  type ChildExit,
  CONTROL_FRAME_BYTES,
  controlKind,
  decodeStartOrder,
  encodeChildExit,
  modelSocketPath,
  type StartOrder,
} from './model/control.ts';
import { protectProcess } from './native.ts';

/**
 * The launcher role: the only part of the measured program that starts processes (DESIGN section 7). It starts the
 * worker, then starts and kills model processes on the worker's word, and takes everything down when the worker or its
 * own parent ends. It reads no request, no model and no key.
 */
export interface LauncherOptions {
  /** The program itself: every role is the same file. */
  readonly script: string;
  readonly workerArguments: readonly string[];
  /** Where the worker listens for its host, and where the host hears how the worker ended. */
  readonly linkPath: string;
  readonly privateDirectory: string;
  /** The helper that starts programs with fewer rights. */
  readonly confine: string;
  /** Directories that a model process has no business in. */
  readonly hidden: readonly string[];
  readonly attestation: Attestation;
}

/** Beside a device, which may be hardware, every part of the confinement must hold, or nothing starts. */
export type Attestation =
  | { readonly kind: 'simulated' }
  | {
      readonly kind: 'device';
      /** Files and directories that the worker uses, and that root owns until then. */
      readonly handedOver: readonly string[];
      /** AMD's reports as files: the kernel makes each of them root's, so the worker is root then, without capabilities. */
      readonly worker: 'own-user' | 'root';
    };

/**
 * No role compiles code from text. Native code can be loaded until a role puts its filter on itself, and not after. Waste
 * is collected where it is made: for heaps of a few megabytes the helpers of V8 cost more than they save, on machines of
 * a few processors twice over.
 */
const NODE_FLAGS = ['--disallow-code-generation-from-strings', '--single-threaded-gc'] as const;
const MEMORY_WATCH_MILLISECONDS = 50;
/** What the helper says about a call without arguments: it was reached. */
const HELPER_USAGE = 64;

/**
 * Standard input must be a pipe that the parent holds open and never writes to: its end is the parent's death. Without
 * one the launcher ends at once, so that a missing pipe cannot go unnoticed.
 */
export function runLauncher(options: LauncherOptions): void {
  protectProcess();
  if (residentBytes(process.pid) === undefined)
    leave(endCodes.internal, 'no /proc: the memory of models cannot be watched');
  const { script, privateDirectory, attestation } = options;
  const hidden = hidable([...options.hidden, privateDirectory], [script, process.execPath, options.confine]);
  const confiner = chooseConfiner({ program: options.confine, parent: process.pid, hidden }, attestation);
  if (typeof confiner === 'string') {
    const code = endCodes.confinement_refused;
    sayLastWord(options.linkPath, code, () => leave(code, `models cannot be confined as they must: ${confiner}`));
    return;
  }
  const user = workerUser(confiner.separation, attestation);
  if (user !== null)
    handOver([privateDirectory, ...(attestation.kind === 'device' ? attestation.handedOver : [])], user);

  const command = [process.execPath, ...NODE_FLAGS, script, 'worker', ...options.workerArguments];
  const worker = spawn(confiner.program, confinedWorker(confiner, user, command), {
    env: {},
    stdio: ['ignore', 'ignore', 'inherit', 'pipe'],
  });
  const control = worker.stdio[3] as Socket;
  const children = createChildTable({
    script,
    privateDirectory,
    confiner,
    onExit: (id, exit) => {
      control.write(encodeFrame({ id, kind: controlKind.exited, payload: encodeChildExit(exit) }));
    },
  });

  let ending = false;
  /** The host is told first: an enclave that is gone tells nobody anything. */
  function end(code: number, reason: string): void {
    if (ending) return;
    ending = true;
    children.killAll();
    worker.kill('SIGKILL');
    sayLastWord(options.linkPath, code, () => leave(code, reason));
  }

  function endAtOnce(code: number, reason: string): never {
    children.killAll();
    worker.kill('SIGKILL');
    return leave(code, reason);
  }

  const reader = createFrameReader(CONTROL_FRAME_BYTES, ({ id, kind, payload }) => {
    if (kind === controlKind.start) children.start(id, decodeStartOrder(payload));
    else if (kind === controlKind.kill) children.kill(id);
    else end(endCodes.protocol_broken, 'the worker sent a frame of an unknown kind');
  });
  control.on('data', (chunk: Uint8Array) => {
    try {
      reader.push(chunk);
    } catch {
      end(endCodes.protocol_broken, 'the worker broke the control protocol');
    }
  });
  // A worker that is gone is reported by its exit, with a code.
  control.on('error', () => control.destroy());
  worker.on('error', () => end(endCodes.start_failed, 'the worker could not be started'));
  worker.on('exit', (code, signal) => end(exitCode(code, signal), 'the worker ended'));

  const orphaned = (): never => endAtOnce(endCodes.stopped, 'standard input closed: whoever started this is gone');
  process.stdin.on('end', orphaned).on('error', orphaned).on('close', orphaned).resume();
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
    process.on(signal, () => endAtOnce(exitCode(null, signal), signal));
  }
}

function leave(code: number, reason: string): never {
  process.stderr.write(`launcher: ${reason}\n`);
  process.exit(code);
}

/**
 * Decides by a real trial: only a process in those namespaces shows that this kernel and this user may have them. A text
 * is the reason why there is no way to go on.
 */
function chooseConfiner(base: Omit<Confiner, 'separation'>, attestation: Attestation): Confiner | string {
  const wanted: Separation =
    attestation.kind === 'device' && process.geteuid?.() === 0 ? 'own-users' : 'user-namespaces';
  const confiner: Confiner = { ...base, separation: wanted };
  const { status, stderr, error } = spawnSync(base.program, confinedModel(confiner, 0, [base.program]), {
    env: {},
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  if (status === HELPER_USAGE) return confiner;
  const reason = error === undefined ? stderr.toString('latin1').trim() : error.message;
  if (attestation.kind === 'device') return reason;
  process.stderr.write(`launcher: warning: models get no namespaces of their own, only a call filter: ${reason}\n`);
  return { ...base, separation: 'filter-only' };
}

function workerUser(separation: Separation, attestation: Attestation): number | null {
  const own = separation === 'own-users' && attestation.kind === 'device' && attestation.worker === 'own-user';
  return own ? WORKER_USER : null;
}

/** What root made for the worker becomes the worker's, and nobody else's: not readable to models, which have other users. */
function handOver(paths: readonly string[], user: number): void {
  for (const path of paths) {
    chownSync(path, user, user);
    chmodSync(path, statSync(path).isDirectory() ? 0o700 : 0o600);
  }
}

export interface ChildTable {
  start(id: number, order: StartOrder): void;
  kill(id: number): void;
  killAll(): void;
}

interface Child {
  readonly slot: number;
  readonly memoryBytes: number;
  readonly socket: Socket;
  process: ChildProcess | undefined;
  /** The model process itself, where the helper that started it stays beside it. */
  inner: number | undefined;
  overMemory: boolean;
}

export function createChildTable(options: {
  readonly script: string;
  readonly privateDirectory: string;
  readonly confiner: Confiner;
  readonly onExit: (id: number, exit: ChildExit) => void;
}): ChildTable {
  const { confiner } = options;
  const children = new Map<number, Child>();

  function freeSlot(): number {
    const used = new Set([...children.values()].map(({ slot }) => slot));
    for (let slot = 0; ; slot++) if (!used.has(slot)) return slot;
  }

  function start(id: number, { token, memoryBytes }: StartOrder): void {
    if (children.has(id)) throw new RangeError('a number is used once');
    if (children.size >= limits.configurationModels) throw new RangeError('too many model processes');
    const socket = connect({ path: modelSocketPath(options.privateDirectory, id) });
    // This process must not read a byte of what is meant for the child.
    socket.pause();
    const child: Child = {
      ...{ slot: freeSlot(), memoryBytes, socket },
      ...{ process: undefined, inner: undefined, overMemory: false },
    };
    children.set(id, child);
    const failed = (): void => {
      if (child.process === undefined) finish(id, { code: endCodes.start_failed, signal: null, overMemory: false });
    };
    socket.on('error', failed);
    socket.on('close', failed);
    socket.on('connect', () => {
      socket.write(token, () => {
        if (children.get(id) !== child) return;
        child.process = spawnModel(child);
        child.process.on('error', () => finish(id, { code: endCodes.start_failed, signal: null, overMemory: false }));
        child.process.on('exit', (code, signal) => finish(id, { code, signal, overMemory: child.overMemory }));
        // The child has its own copy of the descriptor now.
        socket.destroy();
      });
    });
  }

  function spawnModel({ slot, memoryBytes, socket }: Child): ChildProcess {
    const model = [process.execPath, ...NODE_FLAGS, options.script, 'model', '--memory', String(memoryBytes)];
    return spawn(confiner.program, confinedModel(confiner, slot, model), {
      env: {},
      stdio: ['ignore', 'ignore', 'ignore', socket],
    });
  }

  function finish(id: number, exit: ChildExit): void {
    if (!children.delete(id)) return;
    if (children.size === 0) watch.close();
    options.onExit(id, exit);
  }

  /**
   * A helper that stays beside the model process takes SIGTERM as the order to kill it, and ends only after it: so one is
   * gone when its end is told. Without a helper the signal must be one that cannot be ignored.
   */
  function stop(child: Child): void {
    if (child.process === undefined) child.socket.destroy();
    else child.process.kill(confiner.separation === 'filter-only' ? 'SIGKILL' : 'SIGTERM');
  }

  function modelPid(child: Child): number | undefined {
    if (confiner.separation === 'filter-only') return child.process?.pid;
    if (child.process?.pid !== undefined) child.inner ??= childOf(child.process.pid);
    return child.inner;
  }

  /**
   * The second line behind the kernel's limit on what a process asks for: resident memory, looked at twenty times a
   * second.
   */
  const watch = createWatch(MEMORY_WATCH_MILLISECONDS, () => {
    for (const child of children.values()) {
      const pid = modelPid(child);
      const used = pid === undefined ? undefined : residentBytes(pid);
      if (used === undefined || used <= child.memoryBytes + limits.modelBaselineBytes) continue;
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

/** As shells report it: 128 and the signal's number. */
function exitCode(code: number | null, signal: NodeJS.Signals | null): number {
  return code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
}
