import { readdirSync, readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import type { TierName } from '../../cli/stack/tiers.ts';
import type { InferCall } from '../../client/index.ts';
import {
  type Client,
  ClientError,
  createClient,
  fetchTransport,
  floatTensor,
  type HostTransport,
} from '../../client/index.ts';
import type { Platform } from '../../enclave/simulator/platform.ts';
import { workerSocketPath } from '../../enclave/simulator/supervisor.ts';
import type { WorkerPolicy } from '../../verifier/index.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { installSnpRoot } from './snp-root.ts';

/** A whole process tier in a folder of its own, for tests that need real evidence, receipts and processes. */
export interface TestStack extends Stack {
  readonly linkPath: string;
  stop(): Promise<void>;
}

export async function openTestStack(
  platform: Platform = { tee: 'aws-nitro', role: null },
  tier: TierName = 'sim-process',
  { start }: { readonly start: typeof startStack } = { start: startStack },
): Promise<TestStack> {
  const stateDirectory = await mkdtemp(join(tmpdir(), 'pm-'));
  if (platform.tee === 'amd-sev-snp') await installSnpRoot(stateDirectory, platform.product);
  const stack = await start({ stateDirectory, port: 0, tier, platform, onEvent: () => {} });
  return {
    ...stack,
    linkPath: workerSocketPath(stateDirectory),
    async stop() {
      await stack.supervisor.stop();
      await rm(stateDirectory, { recursive: true, force: true });
    },
  };
}

/** Lets a test be the hostile host: it sees, keeps and changes everything that passes. */
export interface Tap {
  readonly host: HostTransport;
  readonly seen: { readonly path: string; readonly request: Uint8Array | null; readonly reply: Uint8Array }[];
  onRequest: (path: string, body: Uint8Array) => Uint8Array;
  onReply: (path: string, body: Uint8Array) => Uint8Array;
}

export function tap(url: string): Tap {
  const direct = fetchTransport({ url, timeoutMs: 20_000 });
  const wire: Tap = {
    seen: [],
    onRequest: (_path, body) => body,
    onReply: (_path, body) => body,
    host: {
      async get(path, maxBytes) {
        const reply = await patiently(() => direct.get(path, maxBytes));
        wire.seen.push({ path, request: null, reply });
        return wire.onReply(path, reply);
      },
      async post(path, body, maxBytes, options) {
        const reply = await direct.post(path, wire.onRequest(path, body), maxBytes, options);
        wire.seen.push({ path, request: body, reply });
        return wire.onReply(path, reply);
      },
      stream: direct.stream,
    },
  };
  return wire;
}

/** The host limits how often it asks the worker for documents; tests ask more often than people do. */
async function patiently<T>(run: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof ClientError) || error.reason !== 'rate_limited') throw error;
      await sleep(150);
    }
  }
}

/** What is lost stays lost: these tests look at what becomes of a single request. */
export function clientOver(host: HostTransport, policy: WorkerPolicy, now: () => number = Date.now): Client {
  const pause = (): Promise<void> => sleep(20);
  return createClient({ host, policy, suite: nodeSuite, now, pause, retry: 'never' });
}

export function demoCall(stack: Pick<Stack, 'files'>, rows = 1, first = 0.5): InferCall {
  const values = new Float32Array(rows * 128).fill(first);
  return {
    modelId: stack.files.modelId,
    inputs: [floatTensor('input', [rows, 128], values)],
    outputs: 'all',
    format: 'binary',
  };
}

/** The code that an operation ends with: a client's, with the reason behind it. */
export async function refusalOf(run: () => Promise<unknown>): Promise<string> {
  try {
    await run();
    return 'accepted';
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'reason' in error) return `${error.code}/${error.reason}`;
    throw error;
  }
}

/** Processes below `root` whose command line has `role` as the measured program's first argument. */
export function workerProcesses(root: number, role: 'launcher' | 'worker' | 'model'): readonly number[] {
  const found: number[] = [];
  const visit = (pid: number): void => {
    for (const child of childrenOf(pid)) visit(child);
    if (commandOf(pid).some((part, index, all) => part.endsWith('worker.mjs') && all[index + 1] === role)) {
      const program = commandOf(pid)[0] ?? '';
      if (!['bwrap', 'setpriv', 'confine'].some((starter) => program.includes(starter))) found.push(pid);
    }
  };
  visit(root);
  return found;
}

function childrenOf(pid: number): readonly number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((task) =>
      readFileSync(`/proc/${pid}/task/${task}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number),
    );
  } catch {
    return [];
  }
}

function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined> | T | undefined,
  ms = 30_000,
): Promise<T> {
  const deadline = performance.now() + ms;
  while (performance.now() < deadline) {
    const value = await probe();
    if (value !== undefined) return value;
    await sleep(20);
  }
  throw new Error(`${what} did not happen within ${ms} ms`);
}
