import { connect, type Socket } from 'node:net';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { concatBytes, toHex, utf8 } from '../../../wire/bytes.ts';
import type { Frame } from '../../../wire/codec/frame.ts';
import { limits } from '../../../wire/limits.ts';
import { encodeRefusal, linkKind } from '../../../wire/message/link.ts';
import { createRecordFrames, encodeRecordFrame, RECORDS_TYPE } from '../../../wire/message/session.ts';
import { random } from '../../support/fake-log.ts';
import { testRelease } from '../../support/fake-release.ts';
import { type Served, serve, until } from '../support/served.ts';

const talker = testRelease([random(10)], { name: 'talker', kind: 'text-generation' });

let served: Served;
let url: string;
const session = '0123456789abcdef'.repeat(2);

beforeAll(async () => {
  served = await serve({ releases: [talker] });
  url = served.host.url;
  // A session of the worker that the pool knows.
  served.worker.misbehave = answerHandshake;
  const headers = { 'content-type': 'application/octet-stream' };
  const opened = await fetch(`${url}/v1/sessions`, { method: 'POST', headers, body: random(48) });
  expect(opened.status).toBe(200);
  served.worker.misbehave = undefined;
});

afterAll(() => served.stop());

afterEach(() => {
  served.worker.misbehave = undefined;
});

function answerHandshake({ id, kind }: Frame): boolean {
  if (kind !== linkKind.handshake) return false;
  const payload = concatBytes(Buffer.from(session, 'hex'), random(48));
  served.worker.send({ id, kind: linkKind.reply, payload });
  return true;
}

interface Asked {
  readonly requestId?: string;
  readonly accept?: string;
  readonly signal?: AbortSignal;
}

function sealed(record: Uint8Array<ArrayBuffer>, { requestId, accept, signal }: Asked = {}): Promise<Response> {
  return fetch(`${url}/v1/sessions/${session}`, {
    method: 'POST',
    headers: {
      'content-type': 'application/octet-stream',
      ...(requestId === undefined ? {} : { 'proofmark-request-id': requestId }),
      ...(accept === undefined ? {} : { accept }),
    },
    body: record,
    ...(signal === undefined ? {} : { signal }),
  });
}

async function kept(requestId: string): Promise<Response> {
  return fetch(`${url}/v1/responses/${requestId}`);
}

async function bytesOf(response: Response): Promise<Uint8Array> {
  return new Uint8Array(await response.arrayBuffer());
}

/** The next sealed request waits until the test answers it. */
function hold(): { readonly frame: () => Frame | undefined } {
  let held: Frame | undefined;
  served.worker.misbehave = (frame) => {
    if (frame.kind !== linkKind.sealed) return false;
    held = frame;
    return true;
  };
  return { frame: () => held };
}

async function heldFrame({ frame }: ReturnType<typeof hold>): Promise<Frame> {
  await until(() => frame() !== undefined);
  return frame() as Frame;
}

function abandoned(id: number): boolean {
  return served.worker.received.some((frame) => frame.kind === linkKind.abandon && frame.id === id);
}

describe('sealed streams', () => {
  it('are records behind their lengths, as they come', async () => {
    const waiting = hold();
    const asking = sealed(random(100), { accept: `text/html;q=0.1, ${RECORDS_TYPE};q=1` });
    const { id } = await heldFrame(waiting);
    const records = [random(300), random(10), random(70_000)];
    served.worker.send({ id, kind: linkKind.piece, payload: records[0] as Uint8Array });
    const response = await asking;
    expect(response.headers.get('content-type')).toBe(RECORDS_TYPE);
    served.worker.send({ id, kind: linkKind.piece, payload: records[1] as Uint8Array });
    served.worker.send({ id, kind: linkKind.reply, payload: records[2] as Uint8Array });
    const frames = createRecordFrames();
    expect(frames.push(await bytesOf(response))).toEqual(records);
    expect(frames.complete).toBe(true);
  });

  it('may have one record', async () => {
    const record = random(50);
    const response = await sealed(record, { accept: RECORDS_TYPE });
    expect(response.headers.get('content-type')).toBe(RECORDS_TYPE);
    expect(await bytesOf(response)).toEqual(encodeRecordFrame(record));
  });

  it('are refused where the client takes none, and the worker is told', async () => {
    const waiting = hold();
    const asking = sealed(random(100), { accept: '*/*' });
    const { id } = await heldFrame(waiting);
    for (let i = 0; i < 3; i++) served.worker.send({ id, kind: linkKind.piece, payload: random(10) });
    const response = await asking;
    expect([response.status, await response.json()]).toMatchObject([406, { code: 'stream_not_accepted' }]);
    await until(() => abandoned(id));
    served.worker.misbehave = undefined;
    expect((await sealed(random(10))).status).toBe(200);
  });

  it('break off where the worker is lost, so that no end is missed', async () => {
    const waiting = hold();
    const asking = sealed(random(100), { accept: RECORDS_TYPE });
    const { id } = await heldFrame(waiting);
    served.worker.send({ id, kind: linkKind.piece, payload: random(10) });
    const response = await asking;
    const abandonId = id;
    served.worker.send({ id: abandonId, kind: linkKind.refusal, payload: Uint8Array.of(0xff) });
    await expect(bytesOf(response)).rejects.toThrow();
    await until(() => served.worker.connections > 1);
    await reopened();
  });
});

async function reopened(): Promise<void> {
  served.worker.misbehave = answerHandshake;
  for (let i = 0; i < 200; i++) {
    const headers = { 'content-type': 'application/octet-stream' };
    const { status } = await fetch(`${url}/v1/sessions`, { method: 'POST', headers, body: random(48) });
    if (status === 200) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  served.worker.misbehave = undefined;
}

describe('kept answers', () => {
  it('are the same bytes and type, and nobody takes their place', async () => {
    const requestId = toHex(random(32));
    const [record, other] = [random(500), random(500)];
    expect(await bytesOf(await sealed(record, { requestId }))).toEqual(record);
    expect(await bytesOf(await sealed(other, { requestId }))).toEqual(other);
    const response = await kept(requestId);
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(await bytesOf(response)).toEqual(record);
    const streamed = toHex(random(32));
    await bytesOf(await sealed(record, { requestId: streamed, accept: RECORDS_TYPE }));
    const again = await kept(streamed);
    expect(again.headers.get('content-type')).toBe(RECORDS_TYPE);
    expect(await bytesOf(again)).toEqual(encodeRecordFrame(record));
  });

  it('of a lost client are finished and kept', async () => {
    const requestId = toHex(random(32));
    const waiting = hold();
    const leaving = new AbortController();
    const asking = sealed(random(100), { requestId, accept: RECORDS_TYPE, signal: leaving.signal });
    const failing = expect(asking.then(bytesOf)).rejects.toThrow();
    const { id } = await heldFrame(waiting);
    const records = [random(300), random(10), random(20)];
    served.worker.send({ id, kind: linkKind.piece, payload: records[0] as Uint8Array });
    await asking;
    const early = await kept(requestId);
    expect([early.status, early.headers.get('retry-after')]).toEqual([202, '1']);
    leaving.abort();
    await failing;
    await new Promise((resolve) => setTimeout(resolve, 50));
    served.worker.send({ id, kind: linkKind.piece, payload: records[1] as Uint8Array });
    served.worker.send({ id, kind: linkKind.reply, payload: records[2] as Uint8Array });
    let response = await kept(requestId);
    for (let i = 0; i < 100 && response.status !== 200; i++) response = await kept(requestId);
    expect(createRecordFrames().push(await bytesOf(response))).toEqual(records);
    expect(abandoned(id)).toBe(false);
  });

  it('are asked for by a number: without one, who leaves is no longer worked for', async () => {
    const waiting = hold();
    const leaving = new AbortController();
    const failing = expect(sealed(random(100), { signal: leaving.signal })).rejects.toThrow();
    const { id } = await heldFrame(waiting);
    leaving.abort();
    await failing;
    await until(() => abandoned(id));
  });

  it('are none where the worker gave none, and the number is free again', async () => {
    const requestId = toHex(random(32));
    served.worker.misbehave = ({ id, kind }) => {
      if (kind !== linkKind.sealed) return false;
      served.worker.send({ id, kind: linkKind.refusal, payload: encodeRefusal({ code: 'busy', detail: '' }) });
      return true;
    };
    expect((await sealed(random(10), { requestId })).status).toBe(503);
    served.worker.misbehave = undefined;
    expect((await kept(requestId)).status).toBe(404);
    const record = random(10);
    await sealed(record, { requestId });
    expect(await bytesOf(await kept(requestId))).toEqual(record);
  });

  it.each(['', '00', 'AA'.repeat(32), `${'0'.repeat(64)} `, 'g'.repeat(64)])('have no number %j', async (requestId) => {
    const response = await sealed(random(10), { requestId });
    // Blanks around a header's value are not part of it.
    const expected = requestId.trim().length === 64 && /^[0-9 ]+$/.test(requestId) ? 200 : 400;
    expect(response.status).toBe(expected);
  });

  it.each([
    [`/v1/responses/${'0'.repeat(62)}ff`, 404, 'response_unknown'],
    ['/v1/responses/__proto__', 400, 'request_invalid'],
    ['/v1/responses/', 404, 'not_found'],
  ])('%s is refused', async (path, status, code) => {
    const response = await fetch(url + path);
    expect([response.status, await response.json()]).toMatchObject([status, { code }]);
  });
});

/** A connection that asks and reads nothing. */
async function silentReader(head: string, body: string): Promise<Socket> {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.pause();
  socket.write(`${head}\r\nHost: h\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  return socket;
}

describe('R10: readers that do not keep up with a stream', () => {
  it('are cut off, and the worker is told, before much is held for them', async () => {
    let id = 0;
    served.worker.misbehave = (frame) => {
      if (frame.kind !== linkKind.plain) return false;
      id = frame.id;
      return true;
    };
    const body = JSON.stringify({ model: 'talker', messages: [{ role: 'user', content: 'x' }], stream: true });
    const head = 'POST /v1/chat/completions HTTP/1.1\r\nContent-Type: application/json';
    const socket = await silentReader(head, body);
    await until(() => id !== 0);
    const event = utf8(`data: ${'x'.repeat(65_536)}\n\n`);
    let sent = 0;
    for (; sent < 64_000_000 && !abandoned(id); sent += event.length) {
      served.worker.send({ id, kind: linkKind.piece, payload: event });
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(abandoned(id)).toBe(true);
    // What the kernel holds on both sides comes on top of the host's own megabyte.
    expect(sent).toBeGreaterThan(limits.streamBacklogBytes);
    expect(sent).toBeLessThan(64_000_000);
    socket.destroy();
    served.worker.misbehave = undefined;
    const whole = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'talker', messages: [{ role: 'user', content: 'x' }] }),
    });
    expect(whole.status).toBe(200);
  });

  it('R8: or leave in the middle of one, end the work', async () => {
    let id = 0;
    served.worker.misbehave = (frame) => {
      if (frame.kind !== linkKind.plain) return false;
      id = frame.id;
      served.worker.send({ id, kind: linkKind.piece, payload: utf8('data: {"choices":[]}\n\n') });
      return true;
    };
    const leaving = new AbortController();
    const response = await fetch(`${url}/v1/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'talker', messages: [{ role: 'user', content: 'x' }], stream: true }),
      signal: leaving.signal,
    });
    expect(response.status).toBe(200);
    expect(abandoned(id)).toBe(false);
    leaving.abort();
    await until(() => abandoned(id));
  });

  it('with a number find the whole answer kept', async () => {
    const requestId = toHex(random(32));
    const waiting = hold();
    const head =
      `POST /v1/sessions/${session} HTTP/1.1\r\nContent-Type: application/octet-stream\r\n` +
      `Accept: ${RECORDS_TYPE}\r\nProofmark-Request-Id: ${requestId}`;
    const socket = await silentReader(head, 'record');
    const { id } = await heldFrame(waiting);
    const record = new Uint8Array(65_536);
    for (let i = 0; i < 200; i++) {
      served.worker.send({ id, kind: linkKind.piece, payload: record });
      if (i % 16 === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    }
    served.worker.send({ id, kind: linkKind.reply, payload: record });
    let response = await kept(requestId);
    for (let i = 0; i < 200 && response.status !== 200; i++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
      response = await kept(requestId);
    }
    expect((await bytesOf(response)).length).toBe(201 * (65_536 + 4));
    expect(abandoned(id)).toBe(false);
    socket.destroy();
  });
});
