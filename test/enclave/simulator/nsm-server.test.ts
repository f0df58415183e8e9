import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { DeviceServer } from '../../../enclave/simulator/device-server.ts';
import type { Nsm } from '../../../enclave/simulator/nsm.ts';
import { serveNsm } from '../../../enclave/simulator/nsm-server.ts';
import { roleCommand } from '../../../enclave/simulator/role.ts';
import { concatBytes, u32 } from '../../../wire/bytes.ts';
import { decodeNsmResponse, encodeNsmRequest, type NsmRequest, type NsmResponse } from '../../../wire/message/nsm.ts';

let directory: string;
let server: DeviceServer | undefined;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'proofmark-nsm-'));
});
afterEach(async () => {
  server?.close();
  server = undefined;
  await rm(directory, { recursive: true, force: true });
});

const socketPath = (): string => join(directory, 'nsm.sock');
const counting = (): Nsm => {
  let asked = 0;
  return (request) => {
    asked += 1;
    if (request.kind === 'LockPCR') throw new Error('broken');
    if (request.kind === 'GetRandom') return { kind: 'GetRandom', random: new Uint8Array(10_000) };
    return { kind: 'ExtendPCR', data: Uint8Array.of(asked) };
  };
};

function framed(message: Uint8Array): Uint8Array {
  return concatBytes(u32(message.length), message);
}

async function dial(): Promise<Socket> {
  const socket = connect(socketPath());
  await once(socket, 'connect');
  return socket;
}

/** Reads `count` responses. */
async function responses(socket: Socket, count: number): Promise<readonly NsmResponse[]> {
  const found: NsmResponse[] = [];
  let pending = Buffer.alloc(0);
  for await (const chunk of socket.iterator({ destroyOnReturn: false })) {
    pending = Buffer.concat([pending, chunk as Buffer]);
    while (pending.length >= 4 && pending.length >= 4 + pending.readUInt32BE(0)) {
      const end = 4 + pending.readUInt32BE(0);
      found.push(decodeNsmResponse(new Uint8Array(pending.subarray(4, end))));
      pending = pending.subarray(end);
    }
    if (found.length >= count) return found;
  }
  return found;
}

const DESCRIBE: NsmRequest = { kind: 'DescribeNSM' };

describe('the device’s socket', () => {
  it('answers in order, however the bytes are cut', async () => {
    server = await serveNsm({ socketPath: socketPath(), nsm: counting() });
    const socket = await dial();
    const bytes = concatBytes(...Array.from({ length: 3 }, () => framed(encodeNsmRequest(DESCRIBE))));
    for (const byte of bytes.subarray(0, 20)) socket.write(Uint8Array.of(byte));
    socket.write(bytes.subarray(20));
    expect(await responses(socket, 3)).toEqual([1, 2, 3].map((n) => ({ kind: 'ExtendPCR', data: Uint8Array.of(n) })));
  });

  it('answers nonsense with InvalidArgument and its own failures with InternalError, and goes on', async () => {
    server = await serveNsm({ socketPath: socketPath(), nsm: counting() });
    const socket = await dial();
    socket.write(framed(Uint8Array.of(0xff)));
    socket.write(framed(new Uint8Array(0)));
    socket.write(framed(encodeNsmRequest({ kind: 'LockPCR', index: 1 })));
    socket.write(framed(encodeNsmRequest(DESCRIBE)));
    expect(await responses(socket, 4)).toEqual([
      { kind: 'Error', code: 'InvalidArgument' },
      { kind: 'Error', code: 'InvalidArgument' },
      { kind: 'Error', code: 'InternalError' },
      { kind: 'ExtendPCR', data: Uint8Array.of(2) },
    ]);
  });

  it('closes on a request beyond the device’s size, without waiting for it', async () => {
    server = await serveNsm({ socketPath: socketPath(), nsm: counting() });
    const socket = await dial();
    socket.resume().write(u32(0x1001));
    await once(socket, 'close');
    await server.finished;
  });

  it('belongs to its first connection, for good', async () => {
    server = await serveNsm({ socketPath: socketPath(), nsm: counting() });
    const worker = await dial();
    worker.write(framed(encodeNsmRequest(DESCRIBE)));
    await responses(worker, 1);
    await expect(dial()).rejects.toMatchObject({ code: 'ENOENT' });
    worker.destroy();
    await server.finished;
    await expect(dial()).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('does not fill its memory for a worker that asks and does not read', async () => {
    let answered = 0;
    const nsm: Nsm = () => {
      answered += 1;
      return { kind: 'GetRandom', random: new Uint8Array(10_000) };
    };
    server = await serveNsm({ socketPath: socketPath(), nsm });
    const socket = await dial();
    socket.pause();
    const question = framed(encodeNsmRequest({ kind: 'GetRandom' }));
    socket.write(concatBytes(...Array.from({ length: 4_000 }, () => question)));
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(answered).toBeLessThan(1_000);
    expect(await responses(socket, 4_000)).toHaveLength(4_000);
  });
});

describe('the signer’s process', () => {
  const registers = ['0', '1', '2', '3', '4'].flatMap((index) => [`--pcr${index}`, index.repeat(96)]);
  function start(args: readonly string[]): ReturnType<typeof spawn> {
    const role = roleCommand('nsm-main');
    return spawn(role.command, [...role.args, ...args], { env: {}, stdio: ['pipe', 'pipe', 'pipe'] });
  }

  it('serves what it was told, and ends with its supervisor', async () => {
    const child = start([
      ...['--socket', socketPath(), '--state', directory, '--encoding', 'definite'],
      ...['--instance', 'i-0123456789abcdef0', '--enclave', '0011223344556677'],
      ...registers,
    ]);
    const exited = once(child, 'exit');
    const [line] = (await once(child.stdout as NodeJS.ReadableStream, 'data')) as [Buffer];
    expect(line.toString()).toBe('ready\n');
    const socket = await dial();
    socket.write(framed(encodeNsmRequest({ kind: 'DescribePCR', index: 2 })));
    socket.write(framed(encodeNsmRequest(DESCRIBE)));
    expect(await responses(socket, 2)).toMatchObject([
      { kind: 'DescribePCR', lock: true, data: new Uint8Array(48).fill(0x22) },
      { kind: 'DescribeNSM', moduleId: 'i-0123456789abcdef0-enc0011223344556677' },
    ]);
    child.stdin?.end();
    expect(await exited).toEqual([0, null]);
  });

  it('refuses to start on arguments that it does not know or lacks', async () => {
    for (const args of [['--debug'], registers]) {
      const child = start(args);
      child.stderr?.resume();
      expect((await once(child, 'exit'))[0]).not.toBe(0);
    }
  });
});
