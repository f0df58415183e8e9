import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { equalBytes } from '../../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';
import { decodeBundle } from '../../../../wire/message/bundle.ts';
import { encodeForSession, linkKind } from '../../../../wire/message/link.ts';
import { decodeReceipt, status } from '../../../../wire/message/receipt.ts';
import { flag } from '../../../../wire/message/request.ts';
import { decodeFinalRecord, type FinalRecord, recordKind } from '../../../../wire/message/session.ts';
import { decodeInferResponse } from '../../../../wire/message/tensor.ts';
import { openRecord, type RecordPlace, sealRecord } from '../../../../wire/noise/index.ts';
import { random } from '../../../support/fake-log.ts';
import { type ConfigurationChanges, codeOf, gate, requestBytes } from './harness.ts';
import { closeLinks, openSession, type Served, sealedFrame, serve, type TestSession } from './link.ts';

let worker: Served;
let configured: Uint8Array;
let session: TestSession;

async function restart(changes: ConfigurationChanges = {}): Promise<void> {
  worker = await serve(changes);
  configured = (worker.link.frames.find(({ id }) => id === 1) as { readonly payload: Uint8Array }).payload;
  session = await openSession(worker.link, configured);
}

beforeEach(() => restart());
afterEach(closeLinks);

const first: RecordPlace = { direction: 'to-worker', request: 0, chunk: 0, final: true };

function request(kind: number = recordKind.request, flags: bigint = flag.sealed): Uint8Array {
  return Uint8Array.from([kind, ...requestBytes({ modelId: worker.demo.modelId, flags })]);
}

/** The last byte of the flags' word, behind the kind. */
const FLAGS = 1 + 6 * 32 - 1;

function withByte(bytes: Uint8Array, offset: number, value: number): Uint8Array {
  expect(bytes[offset]).toBe(Number(flag.sealed));
  bytes[offset] = value;
  return bytes;
}

function seal(data: Uint8Array, place: Partial<RecordPlace> = {}, by: TestSession = session): Promise<Uint8Array> {
  const { sendKey, handshakeHash } = by.transport;
  return sealRecord(nodeSuite, sendKey, handshakeHash, { ...first, ...place }, data, 'body');
}

function send(record: Uint8Array, to: TestSession = session): Promise<Uint8Array> {
  return worker.link.ask(linkKind.sealed, sealedFrame(to, record));
}

async function open(
  record: Uint8Array,
  by: TestSession = session,
): Promise<FinalRecord & { readonly place: RecordPlace }> {
  const { receiveKey, handshakeHash } = by.transport;
  const { place, data } = await openRecord(nodeSuite, receiveKey, handshakeHash, 'to-client', record);
  return { ...decodeFinalRecord(data), place };
}

describe('a sealed request', () => {
  it('is answered inside the session, at the place of its number, with its receipt', async () => {
    const answer = await open(await send(await seal(request(), { request: 41 })));
    expect(answer.place).toEqual({ direction: 'to-client', request: 41, chunk: 0, final: true });
    expect(decodeInferResponse(answer, 'binary').outputs[0]?.name).toBe('y');
    expect(decodeReceipt(decodeBundle(answer.bundle).receipt)).toMatchObject({ status: status.ok, flags: flag.sealed });
  });

  it('leaves nothing of input and output for the host to read', async () => {
    const secret = utf8Floats();
    const record = await send(await seal(request()));
    for (const { payload } of worker.link.frames) expect(Buffer.from(payload).includes(secret)).toBe(false);
    const { body } = await open(record);
    expect(Buffer.from(body).includes(secret)).toBe(true);
  });

  it('that is refused for what it asks is told so inside the seal only', async () => {
    const data = Uint8Array.from([recordKind.request, ...requestBytes({ flags: flag.sealed, modelId: random(32) })]);
    const answer = await open(await send(await seal(data)));
    expect(new TextDecoder().decode(answer.body)).toContain('model_not_loaded');
    expect(decodeReceipt(decodeBundle(answer.bundle).receipt).status).toBe(status.refused);
  });

  it('may come out of its order', async () => {
    for (const number of [5, 3, 1_000, 4])
      expect(await codeOf(seal(request(), { request: number }).then((r) => send(r)))).toBe('accepted');
  });
});

function utf8Floats(): Buffer {
  return Buffer.from(new Uint8Array(Float32Array.of(1, 2).buffer));
}

describe('what is refused as a record', () => {
  it.each<[string, () => Promise<Uint8Array>]>([
    ['a request that does not say that it is sealed', () => seal(request(recordKind.request, 0n))],
    ['a channel', () => seal(request(recordKind.channel))],
    ['a voucher', () => seal(request(recordKind.voucher))],
    ['a cancellation of nothing', () => seal(request(recordKind.cancel))],
    ['an unknown kind', () => seal(request(0x04))],
    ['nothing at all', () => seal(new Uint8Array(0))],
    ['half a header', () => seal(request().subarray(0, 300))],
    ['a header with a flag that no version knows', () => seal(withByte(request(), FLAGS, 0x0a))],
    ['a second chunk', () => seal(request(), { chunk: 1 })],
    ['a first chunk that is not the last', () => seal(request(), { final: false })],
    ['a record of the other direction', () => seal(request(), { direction: 'to-client' })],
    ['a record of another session', async () => seal(request(), {}, await openSession(worker.link, configured))],
    ['bytes', async () => random(400)],
  ])('%s', async (_, record) => {
    let ran = false;
    worker.pool.run = async () => {
      ran = true;
      return [];
    };
    expect(await codeOf(send(await record()))).toBe('record_refused');
    expect(ran).toBe(false);
    expect(worker.link.frames.some(({ kind }) => kind === linkKind.entries)).toBe(false);
  });

  it('the same record twice, one after the other or at once: it runs once', async () => {
    let runs = 0;
    const { run } = worker.pool;
    worker.pool.run = (inputs, ms) => {
      runs += 1;
      return run(inputs, ms);
    };
    const record = await seal(request());
    const codes = await Promise.all([codeOf(send(record)), codeOf(send(record)), codeOf(send(record))]);
    expect(codes.sort()).toEqual(['accepted', 'record_refused', 'record_refused']);
    expect(await codeOf(send(record))).toBe('record_refused');
    expect(runs).toBe(1);
  });

  it('a number below the window', async () => {
    await send(await seal(request(), { request: 2_000 }));
    expect(await codeOf(send(await seal(request(), { request: 2_000 - 1_024 })))).toBe('record_refused');
    expect(await codeOf(send(await seal(request(), { request: 2_000 - 1_023 })))).toBe('accepted');
  });

  it('a forged number does not move the window', async () => {
    const forged = await seal(request(), { request: 0 });
    forged.set([0xff, 0xff, 0xff, 0x00], 0);
    expect(await codeOf(send(forged))).toBe('record_refused');
    expect(await codeOf(send(await seal(request(), { request: 0 })))).toBe('accepted');
  });

  it('the worker’s own answer, sent back', async () => {
    const answer = await send(await seal(request()));
    expect(await codeOf(send(answer))).toBe('record_refused');
  });
});

describe('sessions', () => {
  it('that do not exist are unknown', async () => {
    const frame = encodeForSession(random(16), await seal(request()));
    expect(await codeOf(worker.link.ask(linkKind.sealed, frame))).toBe('session_unknown');
  });

  it('that had to go for newer ones are unknown, and the newest is there', async () => {
    await restart({ limits: { sessions: 1 } });
    const newest = await openSession(worker.link, configured);
    expect(await codeOf(send(await seal(request())))).toBe('session_unknown');
    expect(await codeOf(send(await seal(request(), {}, newest), newest))).toBe('accepted');
  });

  it.each([
    ['of another length', new Uint8Array(47)],
    ['with a key that makes no secret', new Uint8Array(48)],
    ['of noise', new Uint8Array(48).fill(0xa5)],
  ])('are not opened by a first message %s', async (_, message) => {
    expect(await codeOf(worker.link.ask(linkKind.handshake, message))).toBe('malformed');
  });

  it('end with the request they were used for, not in the middle: an evicted one is still answered', async () => {
    await restart({ limits: { sessions: 1 } });
    const { passed, open: finish } = gate();
    const { run } = worker.pool;
    worker.pool.run = async (inputs, ms) => {
      await passed;
      return run(inputs, ms);
    };
    const old = session;
    const pending = send(await seal(request()));
    await openSession(worker.link, configured);
    finish();
    expect((await open(await pending, old)).place.request).toBe(0);
  });
});

it('a request refused as busy has used up its number: nothing is ever sealed twice at one place', async () => {
  await restart({ limits: { pending: 1 } });
  const { passed, open: finish } = gate();
  const { run } = worker.pool;
  worker.pool.run = async (inputs, ms) => {
    await passed;
    return run(inputs, ms);
  };
  const running = send(await seal(request(), { request: 1 }));
  const second = await seal(request(), { request: 2 });
  expect(await codeOf(send(second))).toBe('busy');
  finish();
  await running;
  expect(await codeOf(send(second))).toBe('record_refused');
  expect(await codeOf(send(await seal(request(), { request: 3 })))).toBe('accepted');
});

it('two answers to equal requests have nothing in common', async () => {
  const [a, b] = [await send(await seal(request(), { request: 1 })), await send(await seal(request(), { request: 2 }))];
  expect(equalBytes(sha256(a.subarray(9)), sha256(b.subarray(9)))).toBe(false);
  expect(a).toHaveLength(b.length);
});
