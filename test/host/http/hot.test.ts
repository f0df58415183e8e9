import { connect } from 'node:net';
import autocannon from 'autocannon';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { headerTemplate, plainRequest } from '../../../host/http/plain.ts';
import { fromBase64url, toHex } from '../../../wire/bytes.ts';
import type { Frame } from '../../../wire/codec/frame.ts';
import { bundleFromHeader } from '../../../wire/message/bundle.ts';
import { linkKind } from '../../../wire/message/link.ts';
import { decodeReceipt } from '../../../wire/message/receipt.ts';
import { decodeRequest, decodeRequestHeader } from '../../../wire/message/request.ts';
import { random } from '../../support/fake-log.ts';
import { raw, type Served, serve, until } from '../support/served.ts';

let served: Served;
let url: string;
let port: number;

beforeAll(async () => {
  served = await serve();
  url = served.host.url;
  port = Number(new URL(url).port);
});

afterAll(() => served.stop());

afterEach(() => {
  served.worker.misbehave = undefined;
});

function post(body: string, headers: readonly string[] = []): string {
  const all = ['Host: h', 'Content-Type: application/json', `Content-Length: ${body.length}`, ...headers];
  return `POST /v2/models/demo/infer HTTP/1.1\r\n${all.join('\r\n')}\r\n\r\n${body}`;
}

interface Answer {
  readonly status: number;
  readonly body: string;
  /** Of the header that the host says it chose, and of the receipt beside it. */
  readonly requestIds: readonly string[];
}

/** Cuts what a connection received into answers. */
function answersIn(received: string): readonly Answer[] {
  const answers: Answer[] = [];
  for (let rest = received; rest !== ''; ) {
    const end = rest.indexOf('\r\n\r\n');
    const head = rest.slice(0, end);
    const header = (name: string): string => new RegExp(`^${name}: (.*)$`, 'im').exec(head)?.[1]?.trim() ?? '';
    const length = Number(header('content-length'));
    const request = header('proofmark-request');
    answers.push({
      status: Number(head.slice(9, 12)),
      body: rest.slice(end + 4, end + 4 + length),
      requestIds:
        request === ''
          ? []
          : [
              toHex(decodeRequestHeader(fromBase64url(request)).requestId),
              toHex(decodeReceipt(bundleFromHeader(header('proofmark-receipt')).receipt).requestId),
            ],
    });
    rest = rest.slice(end + 4 + length);
  }
  return answers;
}

/** Takes plain requests until there are so many, and then answers them in the order that is asked for. */
function holdPlain(count: number, order: (frames: readonly Frame[]) => readonly Frame[]): void {
  const held: Frame[] = [];
  served.worker.misbehave = (frame) => {
    if (frame.kind !== linkKind.plain) return false;
    held.push(frame);
    if (held.length === count) for (const one of order(held)) served.worker.answer(one);
    return true;
  };
}

describe('no answer goes to another request', () => {
  it('on one connection that pipelines, whatever order the worker answers in', async () => {
    const bodies = Array.from({ length: 40 }, (_, i) => `{"n":${i}}`);
    holdPlain(bodies.length, (frames) => [...frames].reverse());
    const requests = bodies.map((body, i) => post(body, i === bodies.length - 1 ? ['Connection: close'] : []));
    const answers = answersIn(await raw(url, requests.join('')));
    expect(answers.map(({ body }) => body)).toEqual(bodies);
    for (const { requestIds } of answers) expect(requestIds[0]).toBe(requestIds[1]);
    expect(new Set(answers.map(({ requestIds }) => requestIds[0])).size).toBe(bodies.length);
  });

  it('on many connections', async () => {
    const count = 60;
    holdPlain(count, (frames) => [...frames].sort((one, other) => ((one.id * 7919) % 61) - ((other.id * 7919) % 61)));
    const received = await Promise.all(
      Array.from({ length: count }, (_, i) => raw(url, post(`{"n":${i}}`, ['Connection: close']))),
    );
    expect(received.flatMap(answersIn).map(({ body }) => body)).toEqual(
      Array.from({ length: count }, (_, i) => `{"n":${i}}`),
    );
  });

  it('where some before it are refused without the worker', async () => {
    const refused = `POST /v2/models/none/infer HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n`;
    const answers = answersIn(
      await raw(
        url,
        `${post('{"a":1}')}${refused}GET /v2/health/live HTTP/1.1\r\nHost: h\r\n\r\n${post('{"b":2}', ['Connection: close'])}`,
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([200, 404, 200, 200]);
    expect([answers[0]?.body, answers[2]?.body, answers[3]?.body]).toEqual(['{"a":1}', '{"live":true}', '{"b":2}']);
  });

  it('where the one before it has left', async () => {
    holdPlain(5, (frames) => frames);
    const socket = connect(port, '127.0.0.1');
    socket.write(post('{"left":1}').repeat(4));
    const plain = (): number => served.worker.received.filter(({ kind }) => kind === linkKind.plain).length;
    const before = plain();
    await until(() => plain() >= before + 4);
    socket.destroy();
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answersIn(await raw(url, post('{"stayed":1}', ['Connection: close'])))).toMatchObject([
      { status: 200, body: '{"stayed":1}' },
    ]);
  });
});

describe('clients that leave', () => {
  it('have all of their pipelined requests abandoned, not only the one whose turn it was', async () => {
    served.worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const from = served.worker.received.length;
    const since = (kind: number): readonly number[] =>
      served.worker.received.slice(from).flatMap((frame) => (frame.kind === kind ? [frame.id] : []));
    const socket = connect(port, '127.0.0.1');
    socket.write(post('{}').repeat(30));
    await until(() => since(linkKind.plain).length === 30);
    socket.destroy();
    await until(() => since(linkKind.abandon).length === 30);
    expect(since(linkKind.abandon).toSorted()).toEqual(since(linkKind.plain).toSorted());
  });

  it('inside a body send nothing to the worker', async () => {
    const from = served.worker.received.length;
    const socket = connect(port, '127.0.0.1');
    socket.resume();
    socket.end(post('{"half":1}').slice(0, -4));
    await new Promise((resolve) => socket.once('close', resolve));
    expect(await raw(url, post('{}', ['Connection: close']))).toMatch(/^HTTP\/1.1 200 /);
    expect(served.worker.received.slice(from).filter(({ kind }) => kind === linkKind.plain)).toHaveLength(1);
  });
});

describe('ways in which a body arrives', () => {
  it.each([1, 2, 7, 100])('in pieces of %i bytes', async (size) => {
    const text = post(JSON.stringify({ inputs: [], parameters: 'x'.repeat(300) }), ['Connection: close']);
    const received = await new Promise<string>((resolve) => {
      const socket = connect({ port, host: '127.0.0.1', noDelay: true });
      let all = '';
      socket.on('data', (chunk) => {
        all += chunk.toString('latin1');
      });
      socket.on('close', () => resolve(all));
      for (let at = 0; at < text.length; at += size) socket.write(text.slice(at, at + size));
    });
    expect(answersIn(received)[0]?.body).toBe(text.slice(text.indexOf('\r\n\r\n') + 4));
  });

  it('in chunks, and after the server was asked whether to send it', async () => {
    const head = 'POST /v2/models/demo/infer HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n';
    const chunked = `${head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{"\r\n5\r\na":1}\r\n0\r\n\r\n`;
    expect(answersIn(await raw(url, chunked))).toMatchObject([{ status: 200, body: '{"a":1}' }]);
    const asked = await raw(url, post('{"a":2}', ['Expect: 100-continue', 'Connection: close']));
    expect(asked).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\nHTTP\/1.1 200 /);
  });

  it('with answers of every size around the one that is written at once', async () => {
    for (const size of [1, 4_094, 4_095, 4_096, 4_097, 100_000]) {
      const body = `"${'ü'.repeat(size / 2)}`;
      const response = await fetch(`${url}/v2/models/demo/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body,
      });
      expect(await response.text()).toBe(body);
    }
  });
});

describe('headers that the host chooses', () => {
  it('are what the protocol says, with numbers of their own', () => {
    const fixed = { modelId: random(32), operation: 1n, format: 1n, flags: 4n, unitPrice: 2n ** 127n, maxFee: 9n };
    const template = headerTemplate(fixed);
    const body = random(7_000);
    const seed = random(32);
    const requests = Array.from({ length: 300 }, () => plainRequest(template, body, { jsonLength: body.length, seed }));
    const headers = requests.map(({ payload, headerBytes, requestId }) => {
      const { header, body: sent } = decodeRequest(Uint8Array.from(payload));
      expect(decodeRequestHeader(Uint8Array.from(headerBytes))).toEqual(header);
      expect(new Uint8Array(requestId)).toEqual(header.requestId);
      expect(sent.length).toBe(body.length);
      return header;
    });
    const { requestId: _, salt: __, ...rest } = headers[0] as (typeof headers)[number];
    const none = new Uint8Array(32);
    expect(rest).toEqual({ ...fixed, jsonLength: 7_000n, channel: none, deadline: 0n, seed });
    expect(new Set(headers.flatMap(({ requestId, salt }) => [toHex(requestId), toHex(salt)])).size).toBe(600);
    expect(plainRequest(template, body, { jsonLength: 3 }).headerBytes.subarray(-32)).toEqual(Buffer.from(none));
  });
});

describe('load', () => {
  it('is answered, all of it', async () => {
    const result = await autocannon({
      url: `${url}/v2/models/demo/infer`,
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream', 'inference-header-content-length': '2' },
      body: Buffer.concat([Buffer.from('{}'), Buffer.alloc(512)]),
      connections: 32,
      amount: 1_000,
    });
    expect([result['2xx'], result.non2xx, result.errors, result.timeouts]).toEqual([1_000, 0, 0, 0]);
  });
});
