import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import * as fc from 'fast-check';
import { afterAll, afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { SimulatorError } from '../../../../enclave/simulator/errors.ts';
import { pieceKind, WINDOW_BYTES } from '../../../../enclave/simulator/vm/pieces.ts';
import { openPortLink, type PortLink } from '../../../../enclave/simulator/vm/port-link.ts';
import { concatBytes, u32 } from '../../../../wire/bytes.ts';
import {
  compileBridge,
  type EchoWorker,
  type RunningBridge,
  scratchFolder,
  startEchoWorker,
  startPortBridge,
  startVsockBridge,
} from './support/bridge.ts';

const build = await scratchFolder();
const program = compileBridge(build.folder);
const withCompiler = describe.skipIf(program === null);
const why = program === null ? ' (skipped: gcc is not installed)' : '';
afterAll(build.remove);

let folder: string;
let remove: () => Promise<void>;
beforeEach(async () => {
  ({ folder, remove } = await scratchFolder());
});
afterEach(async () => {
  await remove();
});

async function host(path: string): Promise<Socket> {
  const socket = connect(path);
  socket.on('error', () => {});
  await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject));
  return socket;
}

/** Sends everything and returns as many bytes as came back before the stream ended or the count was full. */
async function roundTrip(socket: Socket, bytes: Uint8Array, count = bytes.length): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let length = 0;
  const back = new Promise<void>((resolve) => {
    socket.on('data', (chunk: Uint8Array) => {
      parts.push(chunk);
      length += chunk.length;
      if (length >= count) resolve();
    });
    socket.once('close', () => resolve());
  });
  socket.write(bytes);
  await back;
  return concatBytes(...parts);
}

withCompiler(`the port between a machine’s bridge and its launcher${why}`, { timeout: 30_000 }, () => {
  let bridge: RunningBridge;
  let link: PortLink;
  let worker: EchoWorker;
  let ended: SimulatorError | undefined;
  const linkPath = (): string => join(folder, 'link.sock');

  beforeEach(async () => {
    ended = undefined;
    bridge = startPortBridge(program as string, join(folder, 'worker.sock'));
    link = openPortLink({
      port: bridge.port,
      onEnd: (error) => {
        ended = error;
      },
    });
    worker = await startEchoWorker(join(folder, 'worker.sock'));
    await link.workerListens;
    await link.listen(linkPath());
  });
  afterEach(async () => {
    link.close();
    bridge.kill();
    await bridge.exited;
    await worker.close();
  });

  it('carries bytes of any number both ways', async () => {
    const socket = await host(linkPath());
    const bytes = randomBytes(5 * WINDOW_BYTES + 77);
    expect(Buffer.compare(await roundTrip(socket, bytes), bytes)).toBe(0);
    socket.destroy();
  });

  it('gives each host a connection of its own, and no byte of another’s', async () => {
    // Hosts that are killed at any moment, with bytes under way in both directions.
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.record({ sent: fc.integer({ min: 1, max: 3 * WINDOW_BYTES }), patience: fc.nat(6) }), {
          maxLength: 6,
        }),
        async (hosts) => {
          let mark = 0;
          for (const { sent, patience } of hosts) {
            mark = (mark + 1) % 256;
            const own = mark;
            const socket = await host(linkPath());
            const foreign: number[] = [];
            socket.on('data', (chunk: Uint8Array) => foreign.push(...chunk.filter((byte) => byte !== own).slice(0, 3)));
            socket.write(new Uint8Array(sent).fill(own));
            await sleep(patience);
            socket.destroy();
            expect(foreign).toEqual([]);
          }
          const last = await host(linkPath());
          const bytes = randomBytes(50_000);
          expect(Buffer.compare(await roundTrip(last, bytes), bytes)).toBe(0);
          last.destroy();
        },
      ),
      { numRuns: 25 },
    );
    expect(ended).toBeUndefined();
  });

  it('lets the newest host through although the one before still holds its connection', async () => {
    const first = await host(linkPath());
    await roundTrip(first, randomBytes(10));
    const closed = new Promise((resolve) => first.once('close', resolve));
    const second = await host(linkPath());
    const bytes = randomBytes(1_000);
    expect(Buffer.compare(await roundTrip(second, bytes), bytes)).toBe(0);
    await closed;
    second.destroy();
  });

  it('is not blocked by a worker that does not read, nor by a host that does not', async () => {
    worker.reading = false;
    const unread = await host(linkPath());
    unread.write(randomBytes(20 * WINDOW_BYTES));
    await sleep(200);
    worker.reading = true;
    const unreading = await host(linkPath());
    unreading.pause();
    unreading.write(randomBytes(20 * WINDOW_BYTES));
    await sleep(200);
    const socket = await host(linkPath());
    const bytes = randomBytes(2 * WINDOW_BYTES);
    expect(Buffer.compare(await roundTrip(socket, bytes), bytes)).toBe(0);
    for (const each of [unread, unreading, socket]) each.destroy();
    expect(ended).toBeUndefined();
  });

  it('tells a host when the worker hangs up, after what the worker said', async () => {
    const socket = await host(linkPath());
    await roundTrip(socket, randomBytes(10));
    worker.connections.at(-1)?.end('bye');
    const said = await roundTrip(socket, new Uint8Array(0), 100);
    expect(Buffer.from(said).toString()).toMatch(/bye$/);
  });

  it('ends with its port, and says why to whoever waits', async () => {
    bridge.kill();
    await bridge.exited;
    await expect.poll(() => ended?.code).toBe('machine_failed');
  });
});

withCompiler(`a machine’s bridge among wrong pieces${why}`, { timeout: 30_000 }, () => {
  const head = (kind: number, session: number, length: number): Uint8Array =>
    concatBytes(u32(kind), u32(session), u32(length));
  const { open, data, credit, close, ready } = pieceKind;

  it.each([
    ['an unknown kind', head(9, 1, 0)],
    ['what only it may say', head(ready, 0, 0)],
    ['a session without a number', head(open, 0, 0)],
    ['an opening with a length', head(open, 1, 1)],
    ['an end with a length', head(close, 1, 1)],
    ['more data than a piece has', head(data, 1, 16 * 1024 + 1)],
    ['credit that was never used', concatBytes(head(open, 1, 0), head(credit, 1, 1))],
    [
      'more data than the window',
      concatBytes(
        head(open, 1, 0),
        ...Array.from({ length: 17 }, () => concatBytes(head(data, 1, 16 * 1024), new Uint8Array(16 * 1024))),
      ),
    ],
  ])('ends at %s', async (_what, bytes) => {
    // Nobody listens for the worker, so that nothing is ever taken out of the window.
    const bridge = startPortBridge(program as string, join(folder, 'nobody.sock'));
    bridge.port.on('error', () => {}).resume();
    bridge.port.write(bytes);
    expect(await bridge.exited).toBe(21);
  });

  it('drops pieces of sessions that are over, and survives what it may be sent in any order', async () => {
    const bridge = startPortBridge(program as string, join(folder, 'worker.sock'));
    const worker = await startEchoWorker(join(folder, 'worker.sock'));
    bridge.port.resume();
    const piece = fc.oneof(
      fc.record({
        kind: fc.constantFrom(open, close),
        session: fc.integer({ min: 1, max: 3 }),
        length: fc.constant(0),
      }),
      fc.record({ kind: fc.constant(data), session: fc.integer({ min: 0, max: 3 }), length: fc.nat(64) }),
    );
    for (const { kind, session, length } of fc.sample(piece, 2_000)) {
      bridge.port.write(
        concatBytes(head(kind, session, length), kind === data ? new Uint8Array(length) : new Uint8Array(0)),
      );
    }
    expect(await Promise.race([bridge.exited, sleep(500, 'alive')])).toBe('alive');
    bridge.kill();
    await bridge.exited;
    await worker.close();
  });
});

withCompiler(`the bridge for connections of a parent machine${why}`, { timeout: 30_000 }, () => {
  it('gives each connection a worker’s of its own, and the newest wins', async () => {
    const worker = await startEchoWorker(join(folder, 'worker.sock'));
    const outside = join(folder, 'outside.sock');
    const bridge = startVsockBridge(program as string, join(folder, 'worker.sock'), outside);
    await expect.poll(() => existsSync(outside)).toBe(true);
    const first = await host(outside);
    const bytes = randomBytes(3 * WINDOW_BYTES);
    expect(Buffer.compare(await roundTrip(first, bytes), bytes)).toBe(0);
    const second = await host(outside);
    expect(Buffer.compare(await roundTrip(second, bytes), bytes)).toBe(0);
    expect(first.destroyed).toBe(true);
    bridge.kill();
    await bridge.exited;
    await worker.close();
  });
});
