import type { Server } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { sendBytes, sendError } from '../../../host/http/answer.ts';
import { readBody } from '../../../host/http/body.ts';
import { type Budget, createBudget } from '../../../host/http/budget.ts';
import { type Exchange, openExchange } from '../../../host/http/exchange.ts';
import { createHttpServer, serverTimes } from '../../../host/http/server.ts';
import { openStream } from '../../../host/http/stream.ts';
import { limits } from '../../../wire/limits.ts';
import { until } from '../support/served.ts';

/** What a request holds is given back, however it ends: or a host that is asked long enough would refuse everybody. */
interface Bench {
  readonly budget: Budget;
  readonly port: number;
  readonly exchanges: readonly Exchange[];
}

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function open(room: number, answer: (exchange: Exchange, body: Buffer) => void): Promise<Bench> {
  const budget = createBudget(room);
  const exchanges: Exchange[] = [];
  server = createHttpServer((request, response) => {
    const exchange = openExchange(request, response, budget);
    exchanges.push(exchange);
    const rules = { types: ['text/plain'], maxBytes: 100_000 };
    readBody(exchange, rules).then(
      (body) => answer(exchange, body),
      (error: unknown) => sendError(request, response, error, () => undefined),
    );
  }, serverTimes);
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  return { budget, exchanges, port: (server.address() as AddressInfo).port };
}

function post(length: number, sent = length): string {
  return `POST / HTTP/1.1\r\nHost: h\r\nContent-Type: text/plain\r\nContent-Length: ${length}\r\n\r\n${'x'.repeat(sent)}`;
}

function dial(port: number): Socket {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  return socket;
}

const echo = (exchange: Exchange, body: Buffer): void => sendBytes(exchange, 200, [], body);
const hang = (): void => undefined;

describe('what a request holds', () => {
  it('is its body and its answer, until that has left', async () => {
    const peaks: number[] = [];
    const { budget, port, exchanges } = await open(1_000_000, (exchange, body) => {
      peaks.push(budget.held);
      echo(exchange, body);
      peaks.push(budget.held);
    });
    const socket = dial(port).resume();
    for (let i = 1; i <= 3; i++) {
      socket.write(post(700));
      await until(() => exchanges.length === i && budget.held === 0);
    }
    expect(peaks).toEqual([700, 1_400, 700, 1_400, 700, 1_400]);
  });

  it('is given back when its client leaves, for all that it pipelined, and each hears of it', async () => {
    const { budget, port, exchanges } = await open(1_000_000, hang);
    const socket = dial(port);
    socket.write(post(500).repeat(20));
    await until(() => budget.held === 20 * 500);
    expect(exchanges.some(({ signal }) => signal.aborted)).toBe(false);
    socket.destroy();
    await until(() => budget.held === 0);
    expect(exchanges.every(({ signal }) => signal.aborted)).toBe(true);
    expect(exchanges.every(({ response }) => response.destroyed)).toBe(true);
  });

  it('is given back when its body breaks off', async () => {
    const { budget, port } = await open(1_000_000, hang);
    const socket = dial(port);
    socket.write(post(500, 300));
    await until(() => budget.held === 300);
    socket.destroy();
    await until(() => budget.held === 0);
  });

  it('is bounded over all connections, and what is refused holds nothing', async () => {
    const { budget, port } = await open(1_000, hang);
    const first = dial(port);
    first.write(post(600));
    await until(() => budget.held === 600);
    const second = dial(port);
    let said = '';
    second.on('data', (chunk) => {
      said += chunk.toString();
    });
    second.write(post(600));
    await until(() => said.includes('"busy"'));
    expect([said.slice(0, 12), budget.held]).toEqual(['HTTP/1.1 503', 600]);
    first.destroy();
    await until(() => budget.held === 0);
  });

  it('may come to nothing: answers after the client has left are dropped', async () => {
    const { budget, port, exchanges } = await open(1_000_000, hang);
    const socket = dial(port);
    socket.write(post(10));
    await until(() => budget.held === 10);
    socket.destroy();
    await until(() => budget.held === 0);
    const [exchange] = exchanges;
    if (exchange === undefined) throw new Error('no exchange');
    sendBytes(exchange, 200, [], new Uint8Array(100));
    exchange.add(100);
    exchange.give(100);
    const stream = openStream(exchange, []);
    stream.write(new Uint8Array(100));
    stream.end();
    expect([exchange.take(1), stream.begun, budget.held]).toEqual([false, false, 0]);
  });
});

describe('streams', () => {
  it('hold what was not read yet, up to their limit, and then nothing', async () => {
    const piece = new Uint8Array(10_000);
    let most = 0;
    let written = 0;
    const { budget, port, exchanges } = await open(10_000_000, (exchange) => {
      const stream = openStream(exchange, ['Content-Type', 'text/plain']);
      const timer = setInterval(() => {
        for (let i = 0; i < 20; i++) stream.write(piece);
        written += 20 * piece.length;
        most = Math.max(most, budget.held);
        if (exchange.signal.aborted) clearInterval(timer);
      }, 1);
    });
    const socket = dial(port).pause();
    socket.write(post(1));
    await until(() => exchanges[0]?.signal.aborted === true);
    expect(most).toBeGreaterThan(limits.streamBacklogBytes / 2);
    expect(most).toBeLessThanOrEqual(limits.streamBacklogBytes + 1);
    expect(written).toBeGreaterThan(limits.streamBacklogBytes);
    await until(() => budget.held === 0);
    socket.destroy();
  });

  it('hold nothing for who reads', async () => {
    const piece = new Uint8Array(100_000);
    async function writeAll(exchange: Exchange): Promise<void> {
      const stream = openStream(exchange, ['Content-Type', 'text/plain']);
      for (let i = 0; i < 200; i++) {
        stream.write(piece);
        await until(() => budget.held < 500_000);
      }
      stream.end();
    }
    const { budget, port } = await open(10_000_000, (exchange) => void writeAll(exchange));
    let received = 0;
    const socket = dial(port);
    socket.on('data', (chunk) => {
      received += chunk.length;
    });
    socket.write(post(1));
    await until(() => received > 200 * piece.length && budget.held === 0);
  });

  it('are cut off where the budget has no room', async () => {
    const { budget, port, exchanges } = await open(1_000, (exchange) => {
      openStream(exchange, []).write(new Uint8Array(1_000));
    });
    dial(port).write(post(1));
    await until(() => exchanges[0]?.signal.aborted === true && budget.held === 0);
  });
});
