import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** What a node does with one question instead of answering it. */
export type RpcDeed =
  | 'answer'
  /** Never answers. */
  | 'stall'
  /** Says nothing for a while, and closes. */
  | 'hang'
  /** Closes before the question reaches the chain. */
  | 'cut'
  /** The chain has it, and nobody is told so. */
  | 'lose-answer'
  | 'garbage'
  | 'html'
  | 'throttle'
  | 'huge'
  | 'wrong-chain'
  /** The newest block is an old one. */
  | 'stale'
  /** Events of another contract. */
  | 'other-events'
  /** No events. */
  | 'no-events'
  /** The chain is asked twice. */
  | 'twice'
  /** Answered after whatever is asked meanwhile. */
  | 'late'
  | 'takes-and-forgets';

export interface RpcProxy {
  readonly url: string;
  /** Decides about each question, in the order in which they come. */
  decide: (method: string, params: readonly unknown[]) => RpcDeed;
  /** Changes what is answered, after everything else. */
  rewrite: (method: string, result: unknown) => unknown;
  readonly asked: readonly string[];
  /** Does something to the chain while no question is on its way to it; those that come meanwhile wait. */
  alone<T>(work: () => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

interface Question {
  readonly id: number;
  readonly method: string;
  readonly params: readonly unknown[];
}

const HUGE_BYTES = 20_000_000;
const LATE_MS = 60;
const HANG_MS = 100;

/** A node that lies, stalls and drops, in front of one that does not. Loopback only. */
export async function startRpcProxy(target: string): Promise<RpcProxy> {
  const asked: string[] = [];
  const stalled = new Set<ServerResponse>();
  const underWay = new Set<Promise<unknown>>();
  let gate: Promise<void> = Promise.resolve();
  const proxy = {
    url: '',
    asked,
    decide: (): RpcDeed => 'answer',
    rewrite: (_: string, result: unknown): unknown => result,
    async alone(work) {
      const before = gate;
      let open = (): void => undefined;
      gate = new Promise((resolve) => {
        open = resolve;
      });
      try {
        await before;
        await Promise.allSettled(underWay);
        return await work();
      } finally {
        open();
      }
    },
    async close() {
      for (const response of stalled) response.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  } as { -readonly [K in keyof RpcProxy]: RpcProxy[K] };

  async function forward(question: Question): Promise<Record<string, unknown>> {
    for (let seen: unknown; seen !== gate; ) {
      seen = gate;
      await gate;
    }
    const answered = askNode(question);
    underWay.add(answered);
    return answered.finally(() => underWay.delete(answered));
  }

  async function askNode(question: Question): Promise<Record<string, unknown>> {
    const response = await fetch(target, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(question),
    });
    return (await response.json()) as Record<string, unknown>;
  }

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const question = JSON.parse(Buffer.concat(chunks).toString()) as Question;
    asked.push(question.method);
    const say = (body: unknown): void => {
      response.writeHead(200, { 'content-type': 'application/json' });
      response.end(JSON.stringify(body));
    };
    const result = (value: unknown): void => say({ jsonrpc: '2.0', id: question.id, result: value });
    const honest = async (): Promise<void> => {
      const told = await forward(question);
      if ('result' in told) told['result'] = proxy.rewrite(question.method, told['result']);
      say(told);
    };
    switch (proxy.decide(question.method, question.params)) {
      case 'answer':
        return honest();
      case 'stall':
        stalled.add(response);
        return;
      case 'hang':
        await pause(HANG_MS);
        response.destroy();
        return;
      case 'cut':
        response.destroy();
        return;
      case 'lose-answer':
        await forward(question);
        response.destroy();
        return;
      case 'garbage':
        response.end('{"jsonrpc":"2.0","id":');
        return;
      case 'html':
        response.writeHead(200, { 'content-type': 'text/html' });
        response.end('<html><body>Bad gateway</body></html>');
        return;
      case 'throttle':
        response.writeHead(429);
        response.end();
        return;
      case 'huge':
        response.write(`{"jsonrpc":"2.0","id":${question.id},"result":"0x`);
        response.end(`${'0'.repeat(HUGE_BYTES)}"}`);
        return;
      case 'wrong-chain':
        return question.method === 'eth_chainId' ? result('0x1') : honest();
      case 'stale':
        if (question.method !== 'eth_getBlockByNumber' || question.params[0] !== 'latest') return honest();
        return say({ ...(await forward({ ...question, params: ['0x1', false] })) });
      case 'other-events':
        if (question.method !== 'eth_getLogs') return honest();
        return result([{ ...event, address: `0x${'99'.repeat(20)}` }]);
      case 'no-events':
        return question.method === 'eth_getLogs' ? result([]) : honest();
      case 'twice':
        await forward(question);
        return honest();
      case 'late':
        await pause(LATE_MS);
        return honest();
      case 'takes-and-forgets':
        return question.method === 'eth_sendRawTransaction' ? result(`0x${'77'.repeat(32)}`) : honest();
    }
  }

  const server: Server = createServer((request, response) => {
    response.on('error', () => undefined);
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  proxy.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return proxy;
}

const word = `0x${'00'.repeat(32)}`;
const event = {
  topics: [word],
  data: '0x',
  blockNumber: '0x1',
  blockHash: word,
  transactionHash: word,
  logIndex: '0x0',
};
