import { type ChildProcess, spawn } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { chmod, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createBackoff } from '../../../enclave/simulator/backoff.ts';
import { SimulatorError } from '../../../enclave/simulator/errors.ts';
import type { SupervisorEvent } from '../../../enclave/simulator/events.ts';
import { textRegister } from '../../../enclave/simulator/nsm.ts';
import { processTier } from '../../../enclave/simulator/process-tier.ts';
import { openRoot } from '../../../enclave/simulator/root.ts';
import { startSigner } from '../../../enclave/simulator/signer.ts';
import {
  type Supervisor,
  type SupervisorOptions,
  startSupervisor,
  workerSocketPath,
} from '../../../enclave/simulator/supervisor.ts';
import { fromBase64url } from '../../../wire/bytes.ts';
import { type CborMap, decodeCbor } from '../../../wire/codec/cbor.ts';
import { decodeNsmResponse } from '../../../wire/message/nsm.ts';

const support = (name: string): string => fileURLToPath(new URL(`./support/${name}`, import.meta.url));
const PATIENCE = 60_000;
const SLOWLY = { timeout: PATIENCE } as const;

let state: string;
let app: readonly string[];
let running: Supervisor | undefined;
let events: SupervisorEvent[];
let waiting: (() => void)[];

async function prepare(): Promise<void> {
  state = await mkdtemp(join(tmpdir(), 'proofmark-supervisor-'));
  const bundle = join(state, 'worker.mjs');
  await writeFile(bundle, await readFile(support('epoch-worker.mjs')));
  app = [bundle];
  events = [];
  waiting = [];
}

async function cleanUp(): Promise<void> {
  await running?.stop();
  running = undefined;
  await rm(state, { recursive: true, force: true });
}

async function start(changes: Partial<SupervisorOptions> & { readonly role?: string } = {}): Promise<Supervisor> {
  const { role = null, ...others } = changes;
  running = await startSupervisor({
    stateDirectory: state,
    tier: processTier({ node: process.execPath, app, platform: { tee: 'aws-nitro', role } }),
    host: { command: process.execPath, args: [support('epoch-host.mjs'), workerSocketPath(state)], env: {} },
    onEvent: (event) => {
      events.push(event);
      for (const wake of waiting.splice(0)) wake();
    },
    ...others,
  });
  return running;
}

/** The first event from `from` on that `select` turns into something. */
async function next<T>(from: number, select: (event: SupervisorEvent) => T | undefined): Promise<T> {
  const deadline = performance.now() + PATIENCE;
  for (let index = from; ; ) {
    for (; index < events.length; index++) {
      const found = select(events[index] as SupervisorEvent);
      if (found !== undefined) return found;
    }
    if (performance.now() > deadline) throw new Error(`no such event among ${JSON.stringify(events.slice(from))}`);
    await new Promise<void>((resolve) => {
      waiting.push(resolve);
      setTimeout(resolve, 1_000);
    });
  }
}

interface Hello {
  readonly epoch: string;
  readonly pid: number;
  readonly response: string;
}

const helloTo = (event: SupervisorEvent): Hello | undefined =>
  event.kind === 'output' && event.role === 'host' && event.line.startsWith('{') ? JSON.parse(event.line) : undefined;

/** Of the worker that the host found last. */
async function currentEpoch(): Promise<string> {
  await next(0, helloTo);
  return (events.flatMap((event) => helloTo(event) ?? []).at(-1) as Hello).epoch;
}

function alive(pid: number | null): boolean {
  if (pid === null) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function gone(pid: number): Promise<boolean> {
  const deadline = performance.now() + PATIENCE;
  while (alive(pid) && !(await isZombie(pid))) {
    if (performance.now() > deadline) return false;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  return true;
}

/** Orphans are reaped by whatever is process 1 here, sooner or later: a zombie runs nothing any more. */
async function isZombie(pid: number): Promise<boolean> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => ') Z');
  return stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
}

/** The processes below one, by the kernel's own list: with a sandbox, the worker is a grandchild. */
async function descendants(pid: number): Promise<readonly number[]> {
  const text = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8').catch(() => '');
  const children = text.split(' ').filter(Boolean).map(Number);
  return [...children, ...(await Promise.all(children.map(descendants))).flat()];
}

const kill = (pid: number | null): void => void process.kill(pid as number, 'SIGKILL');

async function codeOf(run: Promise<unknown>): Promise<string> {
  return run.then(
    () => 'accepted',
    (error) => (error instanceof SimulatorError ? error.code : String(error)),
  );
}

describe('a running supervisor', SLOWLY, () => {
  let supervisor: Supervisor;
  beforeAll(async () => {
    await prepare();
    supervisor = await start({ role: 'arn:simulated:role' });
  }, PATIENCE);
  afterAll(cleanUp, PATIENCE);

  it('runs a worker whose device vouches for what was measured, under this machine’s root', async () => {
    const { response } = await next(0, helloTo);
    const answer = decodeNsmResponse(fromBase64url(response));
    if (answer.kind !== 'Attestation') throw new Error(answer.kind);
    const profile = { maxBytes: 18_432, maps: 'definite-or-indefinite', order: 'any' } as const;
    const [, , payload] = decodeCbor(answer.document, profile) as readonly Uint8Array[];
    const fields = decodeCbor(payload as Uint8Array, profile) as CborMap;
    const pcrs = fields.get('pcrs') as CborMap;
    const { pcr0, pcr1, pcr2 } = supervisor.measurement;
    const instance = (fields.get('module_id') as string).split('-enc')[0] as string;
    expect([0, 1, 2, 3, 4].map((index) => pcrs.get(index))).toEqual([
      ...[pcr0, pcr1, pcr2],
      ...[textRegister('arn:simulated:role'), textRegister(instance)],
    ]);
    expect((fields.get('cabundle') as readonly Uint8Array[])[0]).toEqual(supervisor.rootCertificate);
    expect(new X509Certificate(supervisor.rootCertificate).subject).toContain('SIMULATED');
    const warnings = events.filter(({ kind }) => kind === 'warning');
    expect(warnings).toHaveLength(supervisor.isolation.kind === 'bubblewrap' ? 0 : 1);
  });

  it('restarts a killed host alone: same worker, same epoch', async () => {
    const epoch = await currentEpoch();
    const before = supervisor.pids();
    const mark = events.length;
    kill(before.host);
    expect(await next(mark, (event) => (event.kind === 'exited' ? event : undefined))).toEqual({
      kind: 'exited',
      role: 'host',
      code: null,
      signal: 'SIGKILL',
    });
    expect(await next(mark, (event) => (event.kind === 'restarting' ? event : undefined))).toEqual({
      kind: 'restarting',
      role: 'host',
      delayMs: 0,
    });
    expect((await next(mark, helloTo)).epoch).toBe(epoch);
    const after = supervisor.pids();
    expect([after.signer, after.worker]).toEqual([before.signer, before.worker]);
    expect(after.host).not.toBe(before.host);
  });

  const victims: readonly (readonly [string, (supervisor: Supervisor) => Promise<number | null>])[] = [
    ['sandbox or launcher', async (supervisor) => supervisor.pids().worker],
    [
      'worker inside it',
      async (supervisor) => (await descendants(supervisor.pids().worker as number)).at(-1) ?? supervisor.pids().worker,
    ],
    ['signer', async (supervisor) => supervisor.pids().signer],
  ];
  it.each(victims)(
    'restarts signer and worker together when the %s is killed, and leaves the host',
    async (_, victim) => {
      const epoch = await currentEpoch();
      const before = supervisor.pids();
      const inside = await descendants(before.worker as number);
      const mark = events.length;
      kill(await victim(supervisor));
      const second = await next(mark, (event) => {
        const hello = helloTo(event);
        return hello?.epoch === epoch ? undefined : hello;
      });
      const after = supervisor.pids();
      expect(second.epoch).not.toBe(epoch);
      expect(after.host).toBe(before.host);
      expect(after.signer).not.toBe(before.signer);
      expect(after.worker).not.toBe(before.worker);
      for (const pid of [before.signer as number, before.worker as number, ...inside])
        expect(await gone(pid)).toBe(true);
    },
  );

  it('is the only one for its directory', async () => {
    expect(await codeOf(start())).toBe('already_running');
  });

  it('stops everything, the host first and kindly, and leaves only the root behind, for the next run', async () => {
    const pids = supervisor.pids();
    const mark = events.length;
    const inside = await descendants(pids.worker as number);
    await Promise.all([supervisor.stop(), supervisor.stop()]);
    await supervisor.stopped;
    expect(supervisor.pids()).toEqual({ signer: null, worker: null, host: null });
    for (const pid of [...Object.values(pids), ...inside]) expect(await gone(pid as number)).toBe(true);
    const ends = events.slice(mark).flatMap((event) => (event.kind === 'exited' ? [event] : []));
    expect(ends[0]).toEqual({ kind: 'exited', role: 'host', code: 0, signal: null });
    expect(events).toContainEqual({ kind: 'output', role: 'host', line: 'finishing' });
    expect((await readdir(state)).sort()).toEqual(['simulated-root', 'worker.mjs']);
    const restart = events.length;
    const second = await start();
    expect(second.rootCertificate).toEqual(supervisor.rootCertificate);
    expect(second.measurement).toEqual(supervisor.measurement);
    supervisor = second;
    await next(restart, helloTo);
  });

  it('never starts an image again that changed since it was measured', async () => {
    const copy = join(state, 'simulated-enclave', 'image', 'app', 'worker.mjs');
    await rm(copy);
    await writeFile(copy, 'console.log("other code")');
    const mark = events.length;
    kill(supervisor.pids().signer);
    const failure = await next(mark, (event) => (event.kind === 'failed' ? event : undefined));
    expect(failure.detail).toContain('image_changed');
    const later = await next(mark, (event) => (event.kind === 'restarting' && event.delayMs > 0 ? event : undefined));
    expect(later.role).toBe('enclave');
    expect(supervisor.pids()).toMatchObject({ signer: null, worker: null });
  });
});

describe('a supervisor', SLOWLY, () => {
  beforeEach(prepare);
  afterEach(cleanUp, PATIENCE);

  it('says so when a host cannot be started, and goes on trying', async () => {
    await start({ host: { command: join(state, 'no-such-program'), args: [], env: {} } });
    const delays = [0, 100, 200];
    for (const delayMs of delays) {
      await next(0, (event) => (event.kind === 'restarting' && event.delayMs === delayMs ? event : undefined));
    }
  });

  it('refuses a directory whose sockets the kernel could not name, and an unsafe root', async () => {
    expect(await codeOf(start({ stateDirectory: join(state, 'x'.repeat(100)) }))).toBe('socket_path_too_long');
    await openRoot(state, { now: Date.now() });
    await chmod(join(state, 'simulated-root', 'root.key.pem'), 0o644);
    expect(await codeOf(start())).toBe('root_unsafe');
  });
});

describe('an enclave', SLOWLY, () => {
  beforeEach(prepare);
  afterEach(cleanUp, PATIENCE);

  it('does not boot without a signer', async () => {
    await openRoot(state, { now: Date.now() });
    await writeFile(join(state, 'simulated-root', 'root.der'), 'damaged');
    const said: string[] = [];
    const zero = new Uint8Array(48);
    const site = {
      measurement: { pcr0: zero, pcr1: zero, pcr2: zero },
      platform: { tee: 'aws-nitro', role: null } as const,
      ...{ state, rootCertificate: Uint8Array.of(1) },
      onEvent: (event: SupervisorEvent) => {
        if (event.kind === 'output' || event.kind === 'started') said.push(JSON.stringify(event));
      },
    };
    expect(await codeOf(startSigner(site, join(state, 'attester.sock')))).toBe('signer_failed');
    expect(said.some((line) => line.includes('root_invalid'))).toBe(true);
    expect(said.some((line) => line.includes('"role":"worker"'))).toBe(false);
  });
});

describe('a supervisor’s own death', SLOWLY, () => {
  beforeEach(prepare);
  afterEach(cleanUp, PATIENCE);

  async function startApart(): Promise<{ readonly child: ChildProcess; readonly pids: readonly number[] }> {
    const loader = createRequire(import.meta.url).resolve('tsx');
    const args = ['--import', loader, support('run-supervisor.ts'), state, app[0] as string, support('epoch-host.mjs')];
    const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream });
    const [line] = (await once(lines, 'line')) as [string];
    const { signer, worker, host } = JSON.parse(line) as Record<string, number>;
    const found = [signer as number, worker as number, host as number];
    return { child, pids: [...found, ...(await descendants(worker as number))] };
  }

  it.each(['SIGKILL', 'SIGTERM', 'SIGINT'] as const)('by %s takes all its processes with it', async (signal) => {
    const { child, pids } = await startApart();
    for (const pid of pids) expect(alive(pid)).toBe(true);
    child.kill(signal);
    expect(await once(child, 'exit')).toEqual([null, signal]);
    for (const pid of pids) expect(await gone(pid)).toBe(true);
    if (signal !== 'SIGKILL') return;
    // The next one starts in the same directory, whatever this one left there.
    await start();
    await next(0, helloTo);
  });
});

describe('the wait before a restart', () => {
  it('is none at first, then grows up to a bound, and is none again after a settled life', () => {
    const backoff = createBackoff();
    expect(Array.from({ length: 9 }, () => backoff.after(10))).toEqual([
      0, 100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000,
    ]);
    expect(backoff.after(60_000)).toBe(0);
    expect(backoff.after(10)).toBe(100);
  });
});
