import { mkdir, realpath, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Backoff, createBackoff } from './backoff.ts';
import { type Child, startChild } from './child.ts';
import { SimulatorError } from './errors.ts';
import type { Role, SupervisorEvent } from './events.ts';
import { lockDirectory } from './lock.ts';
import type { Measurement } from './measure.ts';
import { type Command, dyingWithParent } from './role.ts';
import type { Enclave, Isolation, Tier } from './tier.ts';

export type { Role, SupervisorEvent } from './events.ts';

/**
 * Owns the three parts of a tier: the signer, the worker in its sandbox or machine, and the host. The host is restarted
 * alone, so that killing it leaves the worker, its keys and its log alive. Signer and worker are one enclave and live
 * and die together: a further boot has fresh registers, new keys and a new log (DESIGN sections 3 and 9).
 */
export interface SupervisorOptions {
  /** Keeps the simulated root between runs; one supervisor at a time. */
  readonly stateDirectory: string;
  readonly tier: Tier;
  /** `elsewhere`: somebody else starts one on the worker's socket, and as often as they like. */
  readonly host: HostCommand | 'elsewhere';
  readonly onEvent: (event: SupervisorEvent) => void;
}

export interface HostCommand extends Command {
  readonly env: Readonly<Record<string, string | undefined>>;
}

export interface Supervisor {
  readonly measurement: Measurement;
  /** The simulated root under which this machine's evidence verifies. */
  readonly rootCertificate: Uint8Array;
  readonly isolation: Isolation;
  /** Of the processes as they are now; null while one is down. The worker's is that of its sandbox, launcher or machine. */
  readonly pids: () => Readonly<Record<Role, number | null>>;
  readonly stop: () => Promise<void>;
  /** Resolves when everything has ended, by `stop` or by a signal. */
  readonly stopped: Promise<void>;
}

/** Removed and made anew by every start, so its name must not be one that anything else could have. */
const RUN = 'simulated-enclave';
/** The kernel's sun_path, less its final zero. */
export const SOCKET_PATH_BYTES = 107;
const HOST_GRACE_MS = 5_000;

/** Where a host finds the worker of the supervisor that uses this directory. */
export function workerSocketPath(stateDirectory: string): string {
  return join(stateDirectory, RUN, 'link', 'worker.sock');
}

export async function startSupervisor(options: SupervisorOptions): Promise<Supervisor> {
  await mkdir(options.stateDirectory, { recursive: true, mode: 0o700 });
  const state = await realpath(options.stateDirectory);
  for (const path of [workerSocketPath(state), workerSocketPath(options.stateDirectory)]) {
    if (Buffer.byteLength(path) > SOCKET_PATH_BYTES) {
      throw new SimulatorError('socket_path_too_long', `${path} is longer than ${SOCKET_PATH_BYTES} bytes`);
    }
  }
  const lock = await lockDirectory(state);
  try {
    return await supervise(state, options, lock.release);
  } catch (error) {
    lock.release();
    throw error;
  }
}

async function supervise(state: string, options: SupervisorOptions, unlock: () => void): Promise<Supervisor> {
  const { onEvent } = options;
  const run = join(state, RUN);
  await rm(run, { recursive: true, force: true });
  await mkdir(run, { mode: 0o700 });
  const prepared = await options.tier.prepare({ state, run, link: join(run, 'link'), onEvent });

  const stopping = new AbortController();
  let enclave: Enclave | undefined = await prepared.boot(stopping.signal);
  let host: Child | undefined;

  /** One part's life: run until it ends, wait, start again; returns once the supervisor stops. */
  async function keep(role: 'enclave' | 'host', runOnce: () => Promise<void>): Promise<void> {
    const backoff: Backoff = createBackoff();
    while (!stopping.signal.aborted) {
      const since = performance.now();
      const failure = await runOnce().catch((error: Error) => error);
      if (stopping.signal.aborted) return;
      if (failure instanceof Error) onEvent({ kind: 'failed', role, detail: failure.message });
      const delayMs = backoff.after(performance.now() - since);
      onEvent({ kind: 'restarting', role, delayMs });
      await sleep(delayMs, undefined, { signal: stopping.signal }).catch(() => {});
    }
  }

  async function runEnclave(): Promise<void> {
    if (enclave === undefined) {
      enclave = await prepared.boot(stopping.signal);
      // stop() may have come while it booted, and found nothing to end.
      if (stopping.signal.aborted) enclave.kill();
    }
    try {
      await enclave.ended;
    } finally {
      enclave = undefined;
    }
  }

  async function runHost({ env, ...command }: HostCommand): Promise<void> {
    const child = startChild(dyingWithParent(command), {
      env,
      onLine: (line) => onEvent({ kind: 'output', role: 'host', line }),
    });
    host = child;
    onEvent({ kind: 'started', role: 'host', pid: child.pid ?? null });
    const { code, signal, failure } = await child.exited;
    host = undefined;
    onEvent({ kind: 'exited', role: 'host', code, signal });
    if (failure !== null) throw new Error(failure);
  }

  const enclaveLife = keep('enclave', runEnclave);
  const { host: ours } = options;
  const hostLife = ours === 'elsewhere' ? Promise.resolve() : keep('host', () => runHost(ours));

  const killEverything = (): void => {
    host?.kill('SIGKILL');
    enclave?.kill();
  };
  const onSignal = (signal: NodeJS.Signals): void => {
    // Handlers are off again after stop(), so the signal then does what it does to any process.
    void stop().then(() => process.kill(process.pid, signal));
  };
  process.on('exit', killEverything).on('SIGINT', onSignal).on('SIGTERM', onSignal);

  let stopped: Promise<void> | undefined;
  let announceStopped = (): void => {};
  const whenStopped = new Promise<void>((resolve) => {
    announceStopped = resolve;
  });

  async function shutDown(): Promise<void> {
    stopping.abort();
    // The host first: it may still write down what the worker has answered.
    host?.kill('SIGTERM');
    const patience = setTimeout(() => host?.kill('SIGKILL'), HOST_GRACE_MS);
    await hostLife;
    clearTimeout(patience);
    enclave?.kill();
    await enclaveLife;
    process.off('exit', killEverything).off('SIGINT', onSignal).off('SIGTERM', onSignal);
    await rm(run, { recursive: true, force: true });
    unlock();
    announceStopped();
  }

  function stop(): Promise<void> {
    stopped ??= shutDown();
    return stopped;
  }

  return {
    measurement: prepared.measurement,
    rootCertificate: prepared.rootCertificate,
    isolation: prepared.isolation,
    pids: () => ({
      signer: enclave?.pids.signer ?? null,
      worker: enclave?.pids.worker ?? null,
      host: host?.pid ?? null,
    }),
    stop,
    stopped: whenStopped,
  };
}
