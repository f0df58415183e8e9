import { type ChildProcess, spawn } from 'node:child_process';
import {
  chmodSync,
  copyFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { buildWorker } from '../../../../enclave/worker/build/bundle.ts';
import { controlKind, encodeStartOrder } from '../../../../enclave/worker/model/control.ts';
import { toHex } from '../../../../wire/bytes.ts';
import { encodeFrame } from '../../../../wire/codec/frame.ts';
import { endCodes } from '../../../../wire/message/telemetry.ts';
import { childrenOf, commandLine, confine, modelsBelow, root, separation, statOf, until } from '../model/harness.ts';
import { slowModel } from '../model/models.ts';

interface Tree {
  readonly launcher: ChildProcess;
  readonly worker: number;
  readonly errors: () => string;
  model(): number;
  ask(order: object): Promise<unknown>;
  send(order: object): void;
}

let bundle: string;
const trees: { readonly launcher: ChildProcess; readonly directory: string }[] = [];

beforeAll(async () => {
  bundle = mkdtempSync(join(tmpdir(), 'proofmark-launcher-'));
  const entry = relative(root, fileURLToPath(new URL('./program.ts', import.meta.url)));
  await buildWorker({ root, outDir: bundle, entry });
});
afterEach(() => {
  for (const { launcher, directory } of trees.splice(0)) {
    launcher.kill('SIGKILL');
    rmSync(directory, { recursive: true, force: true });
  }
});
afterAll(() => rmSync(bundle, { recursive: true, force: true }));

async function startTree(helper = confine): Promise<Tree> {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-tree-'));
  const link = join(directory, 'link.sock');
  writeFileSync(`${link}.onnx`, slowModel());
  const launcher = spawn(
    process.execPath,
    [join(bundle, 'worker.mjs'), 'launcher', '--link', link, '--private', directory, '--confine', helper],
    { stdio: ['pipe', 'ignore', 'pipe'], env: { SECRET: 'of the host' } },
  );
  trees.push({ launcher, directory });
  let errors = '';
  launcher.stderr?.on('data', (chunk: Buffer) => {
    errors += chunk.toString();
  });
  const socket = await connectTo(link);
  let received = '';
  socket.on('data', (chunk: Buffer) => {
    received += chunk.toString();
  });
  socket.on('error', () => socket.destroy());
  const one = (found: readonly number[]): number => {
    if (found.length !== 1) throw new Error(`${found.length} processes where one was expected`);
    return found[0] as number;
  };
  const pid = launcher.pid as number;
  const send = (order: object): void => void socket.write(`${JSON.stringify(order)}\n`);
  return {
    launcher,
    worker: one(childrenOf(pid).filter((child) => commandLine(child).includes('worker'))),
    errors: () => errors,
    model: () => one(modelsBelow(pid)),
    send,
    ask: async (order) => {
      received = '';
      send(order);
      await until(() => received.endsWith('\n'), 15_000);
      return JSON.parse(received) as unknown;
    },
  };
}

/** The path exists a moment before anyone listens on it. */
async function connectTo(link: string): Promise<Socket> {
  for (const end = performance.now() + 15_000; performance.now() < end; ) {
    const socket = connect(link);
    const connected = await new Promise<boolean>((resolve) => {
      socket.on('connect', () => resolve(true)).on('error', () => resolve(false));
    });
    if (connected) return socket;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error('the worker does not listen');
}

const ended = (launcher: ChildProcess): Promise<number | null> =>
  launcher.exitCode === null
    ? new Promise((resolve) => launcher.on('exit', resolve))
    : Promise.resolve(launcher.exitCode);
/** A zombie of the test's own is not alive; whoever adopts orphans may reap late. */
const gone = (pid: number): boolean => ['gone', 'Z'].includes(statOf(pid).state);

describe('the tree', () => {
  it('runs a model in a process with one descriptor, no environment and no path to the link', async () => {
    const { ask, model, worker, launcher } = await startTree();
    expect(await ask({ run: 2 })).toEqual({ outputs: 1 });
    const child = model();
    const started = separation === 'filter-only' ? child : statOf(child).parent;
    expect(statOf(started).parent).toBe(launcher.pid);
    for (const pid of [worker, child]) expect(readFileSync(`/proc/${pid}/environ`, 'latin1')).toBe('');
    expect(commandLine(child).filter((argument) => argument.includes('sock'))).toEqual([]);
    const descriptors = new Map(
      readdirSync(`/proc/${child}/fd`).map((fd) => [fd, readlinkSync(`/proc/${child}/fd/${fd}`)] as const),
    );
    for (const standard of ['0', '1', '2']) expect(descriptors.get(standard)).toBe('/dev/null');
    const sockets = [...descriptors].filter(([, target]) => target.startsWith('socket:')).map(([fd]) => fd);
    expect(sockets).toEqual(['3']);
    const files = [...descriptors.values()].filter((target) => target.startsWith('/') && target !== '/dev/null');
    // The engine's telemetry would keep a database and a log open.
    expect(files).toEqual([]);
    expect(existsSync(`/tmp/mat-debug-${child}.log`)).toBe(false);
  });

  it('kills a run at its deadline and serves the next one, without leaking', async () => {
    const { ask, model, launcher } = await startTree();
    const descriptors = (): number => readdirSync(`/proc/${launcher.pid}/fd`).length;
    const before = descriptors();
    const first = model();
    for (let round = 0; round < 3; round++) {
      expect(await ask({ run: 640, deadlineMs: 50 })).toEqual({ code: 'model_timeout' });
      expect(await ask({ run: 2 })).toEqual({ outputs: 1 });
    }
    expect(model()).not.toBe(first);
    expect(childrenOf(launcher.pid as number)).toHaveLength(2);
    expect(descriptors()).toBeLessThanOrEqual(before + 1);
  });
});

describe('the end', () => {
  it('goes down with the worker and passes its code on', async () => {
    const { launcher, model, send } = await startTree();
    const child = model();
    send({ exit: 42 });
    expect(await ended(launcher)).toBe(42);
    await until(() => gone(child));
  });

  it('says that the worker was killed', async () => {
    const { launcher, model, worker } = await startTree();
    const child = model();
    process.kill(worker, 'SIGKILL');
    expect(await ended(launcher)).toBe(137);
    await until(() => gone(child));
  });

  it('takes everything with it when its parent goes', async () => {
    const { launcher, model, worker, errors } = await startTree();
    const child = model();
    launcher.stdin?.end();
    expect(await ended(launcher)).toBe(0);
    expect(errors()).toContain('whoever started this is gone');
    await until(() => gone(child) && gone(worker));
  });

  it('takes everything with it on SIGTERM', async () => {
    const { launcher, model, worker } = await startTree();
    const child = model();
    launcher.kill('SIGTERM');
    expect(await ended(launcher)).toBe(143);
    await until(() => gone(child) && gone(worker));
  });

  it('leaves nothing when it is killed itself, not even a long run', async () => {
    const { launcher, model, worker, send } = await startTree();
    const child = model();
    // Most of a minute, and a request of nine megabytes that fits into a body.
    send({ run: 1_536, deadlineMs: 60_000 });
    await until(() => statOf(child).state === 'R');
    await new Promise((resolve) => setTimeout(resolve, 500));
    launcher.kill('SIGKILL');
    await ended(launcher);
    await until(() => gone(child) && gone(worker), 10_000);
  });

  it.each([
    ['an unknown kind', '00000005000000017f'],
    ['an order that is not one', '000000060000000901a0'],
    ['a frame larger than the control channel carries', '7fffffff'],
    [
      'a number that is in use',
      toHex(
        encodeFrame({
          id: 1,
          kind: controlKind.start,
          payload: encodeStartOrder({ token: new Uint8Array(32), memoryBytes: 1 }),
        }),
      ),
    ],
  ])('ends when the worker sends %s', async (_, garbage) => {
    const { launcher, model, send, worker } = await startTree();
    const child = model();
    send({ garbage });
    expect(await ended(launcher)).toBe(76);
    await until(() => gone(child) && gone(worker));
  });

  it('does not start without a pipe to its parent', async () => {
    const launcher = spawn(
      process.execPath,
      [join(bundle, 'worker.mjs'), 'launcher', '--link', '/x', '--private', '/x', '--confine', confine],
      {
        stdio: ['ignore', 'ignore', 'ignore'],
      },
    );
    expect(await ended(launcher)).toBe(0);
  });
});

describe('where the kernel refuses namespaces', () => {
  /** A helper of such a kernel: everything but namespaces works. */
  function helperWithout(): string {
    const helper = join(bundle, 'confine-without-namespaces');
    const script = `case "$*" in *--namespaces*) echo "confine: namespaces: error 1" >&2; exit 71;; esac`;
    writeFileSync(helper, `#!/bin/sh\n${script}\nexec ${confine} "$@"\n`);
    chmodSync(helper, 0o755);
    return helper;
  }

  it('warns beside a simulator, and runs models under the filter alone', async () => {
    const { ask, errors } = await startTree(helperWithout());
    expect(errors()).toContain('warning: models get no namespaces of their own, only a call filter');
    expect(errors()).toContain('namespaces: error 1');
    expect(await ask({ run: 2 })).toEqual({ outputs: 1 });
  });

  it.each([
    ['refuses them', helperWithout],
    ['has no helper', () => '/nonexistent/confine'],
  ])('does not start anything beside a device: the kernel %s', async (_, helper) => {
    const directory = mkdtempSync(join(tmpdir(), 'proofmark-device-'));
    const places = ['--link', join(directory, 'link.sock'), '--private', directory];
    const args = ['launcher', ...places, '--confine', helper(), '--device'];
    const launcher = spawn(process.execPath, [join(bundle, 'worker.mjs'), ...args], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let errors = '';
    launcher.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    expect(await ended(launcher)).toBe(75);
    expect(errors).toContain('models cannot be confined as they must');
    expect(readdirSync(directory)).toEqual([]);
    rmSync(directory, { recursive: true });
  });
});

describe('the real program', () => {
  let directory: string;
  beforeAll(async () => {
    directory = mkdtempSync(join(tmpdir(), 'proofmark-real-'));
    await buildWorker({ root, outDir: directory });
    // As in an image: the helper lies beside node.
    copyFileSync(process.execPath, join(directory, 'node'));
    copyFileSync(confine, join(directory, 'confine'));
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  async function endWith(device: string): Promise<{ readonly code: number | null; readonly errors: string }> {
    const paths = ['--link', join(directory, 'link'), '--attester', device, '--private', directory];
    const launcher = spawn(join(directory, 'node'), [join(directory, 'worker.mjs'), 'launcher', ...paths], {
      stdio: ['pipe', 'ignore', 'pipe'],
    });
    let errors = '';
    launcher.stderr.on('data', (chunk: Buffer) => {
      errors += chunk.toString();
    });
    return { code: await ended(launcher), errors };
  }

  it('ends where there is no attestation device, and says where and not what', async () => {
    const { code, errors } = await endWith(`nsm-socket:${join(directory, 'secret-nsm')}`);
    expect(code).toBe(endCodes.device_failed);
    expect(errors).toMatch(/^fatal: device_unreachable at worker\.mjs:\d+:\d+/);
    expect(errors).not.toContain('secret');
  });

  it('ends before anything runs where its command line names no device that it knows', async () => {
    const { code, errors } = await endWith('tdx-device:/dev/secret');
    expect(code).toBe(endCodes.usage);
    expect(errors).toMatch(/^fatal: attester_invalid at worker\.mjs:\d+:\d+/);
    expect(errors).not.toContain('secret');
  });
});
