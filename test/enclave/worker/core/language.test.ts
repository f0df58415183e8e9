import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import type { Generation, LanguageModel } from '../../../../enclave/worker/model/language-model.ts';
import type { GenerationLimits } from '../../../../enclave/worker/model/language-process.ts';
import type { GenerationOrder } from '../../../../enclave/worker/model/messages.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../../../wire/crypto/node.ts';
import { decodeBundle } from '../../../../wire/message/bundle.ts';
import { decodeExecution } from '../../../../wire/message/execution.ts';
import { decodePlainAnswer, encodeForSession, linkKind } from '../../../../wire/message/link.ts';
import { decodeReceipt, type Receipt, statusName } from '../../../../wire/message/receipt.ts';
import { flag, type RequestHeader, responsePreimage } from '../../../../wire/message/request.ts';
import { decodeFinalRecord, encodeCancel, type FinalRecord, recordKind } from '../../../../wire/message/session.ts';
import { createRecordSequence, openRecord, sealRecord } from '../../../../wire/noise/index.ts';
import { random } from '../../../support/fake-log.ts';
import { type ConfigurationChanges, header, release, requestBytes, type TestRelease } from './harness.ts';
import { closeLinks, openSession, pushRelease, type Served, type Streaming, serve, type TestSession } from './link.ts';

/** A model that says what a test lets it say. */
interface Script {
  readonly order: GenerationOrder;
  readonly limits: GenerationLimits;
  say(piece: string): void;
  end(reason: Generation['reason'], changes?: Partial<Generation>): void;
  fail(error: unknown): void;
}

const PROMPT_TOKENS = 7;
const PRICE = 3n;

let worker: Served;
let chat: TestRelease;
let scripts: Script[];
let retired: number;
let configured: Uint8Array;
let session: TestSession;
let numbers: number;

const model: LanguageModel = {
  modelId: new Uint8Array(32),
  info: {
    engine: runtime,
    ...{ layout: 'split', schedule: 'steps', sampler: 'nucleus' },
    ...{ contextTokens: 256, vocabulary: 512, capacity: 4 },
  },
  generate: (order, limits) =>
    new Promise((resolve, reject) => {
      let tokens = 0;
      const ended = (reason: Generation['reason'], changes: Partial<Generation> = {}): void =>
        resolve({ reason, promptTokens: PROMPT_TOKENS, completionTokens: tokens, late: false, ...changes });
      limits.signal.addEventListener('abort', () => ended('ended'), { once: true });
      scripts.push({
        order,
        limits,
        say(piece) {
          tokens += 1;
          limits.onText(piece, tokens);
        },
        end: ended,
        fail: reject,
      });
    }),
  retire: () => {
    retired += 1;
  },
  close: () => undefined,
};

async function restart(changes: ConfigurationChanges = {}): Promise<void> {
  const prices = [0, 1, 2].map((operation) => ({ model: 'any', operation, unitPrice: PRICE }) as const);
  worker = await serve({ prices, ...changes });
  worker.pool.language = model;
  const files = [utf8('decoder'), utf8('{}')];
  chat = release(files, { kind: 'text-generation', name: 'chat', inputs: [], outputs: [] });
  await pushRelease(worker.link, chat);
  configured = (worker.link.frames.find(({ id }) => id === 1) as { readonly payload: Uint8Array }).payload;
  session = await openSession(worker.link, configured);
  numbers = 0;
}

beforeEach(async () => {
  scripts = [];
  retired = 0;
  await restart();
});
afterEach(closeLinks);

const hello = { messages: [{ role: 'user', content: 'hello' }] };

function asked(body: object, changes: Partial<RequestHeader> = {}): Uint8Array {
  const bytes = utf8(JSON.stringify(body));
  const streamed = 'stream' in body && body.stream === true ? flag.streamed : 0n;
  return requestBytes(
    {
      ...{ modelId: chat.modelId, operation: 1n, format: 1n, jsonLength: BigInt(bytes.length), flags: streamed },
      ...{ unitPrice: PRICE, maxFee: 1_000n },
      ...changes,
    },
    bytes,
  );
}

async function script(place = 0): Promise<Script> {
  for (;;) {
    const found = scripts[place];
    if (found !== undefined) return found;
    await new Promise(setImmediate);
  }
}

function plain(body: object, changes: Partial<RequestHeader> = {}): Streaming {
  return worker.link.stream(linkKind.plain, asked(body, changes));
}

interface Told {
  readonly receipt: Receipt;
  readonly status: string;
  /** All of the body, pieces first. */
  readonly text: string;
}

function told(answer: FinalRecord, pieces: readonly Uint8Array[]): Told {
  const receipt = decodeReceipt(decodeBundle(answer.bundle).receipt);
  return {
    receipt,
    status: statusName(receipt.status),
    text: new TextDecoder().decode(concatBytes(...pieces, answer.body)),
  };
}

async function outcome(streaming: Streaming): Promise<Told> {
  return told(decodePlainAnswer(await streaming.reply), streaming.pieces());
}

/** What a client sees of an event stream: content, why it ended, and the counts. */
function readEvents(text: string): { readonly content: string; readonly finish: unknown; readonly usage: unknown } {
  const events = text
    .split('\n\n')
    .filter((event) => event !== '')
    .map((event) => JSON.parse(event.slice('data: '.length)) as Chunk);
  const choices = events.flatMap((event) => event.choices ?? []);
  return {
    content: choices.map(({ delta }) => delta?.content ?? '').join(''),
    finish: choices.map(({ finish_reason: reason }) => reason).find((reason) => reason !== null),
    usage: events.find((event) => event.usage !== undefined && event.usage !== null)?.usage,
  };
}

interface Chunk {
  readonly choices?: readonly { readonly delta?: { readonly content?: string }; readonly finish_reason: unknown }[];
  readonly usage?: unknown;
}

describe('a chat', () => {
  it('is answered whole, and charged by its tokens', async () => {
    const streaming = plain({ ...hello, max_tokens: 20 });
    const running = await script();
    expect(running.order).toMatchObject({ temperature: '0', topP: '1', stop: [], maxTokens: 20, maxUnits: 333 });
    running.say('Hi');
    running.say(' you');
    running.end('stop');
    const { receipt, status, text } = await outcome(streaming);
    expect(status).toBe('ok');
    expect(receipt.fee).toBe(PRICE * BigInt(PROMPT_TOKENS + 2));
    expect(JSON.parse(text)).toMatchObject({
      object: 'chat.completion',
      created: 0,
      model: 'chat:1.0.0',
      choices: [{ message: { role: 'assistant', content: 'Hi you' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: PROMPT_TOKENS, completion_tokens: 2, total_tokens: PROMPT_TOKENS + 2 },
    });
    expect(streaming.pieces()).toEqual([]);
  });

  it('comes in pieces where it is streamed, and the receipt covers all their bytes', async () => {
    const salt = random(32);
    const streaming = plain({ ...hello, stream: true, stream_options: { include_usage: true } }, { salt });
    const running = await script();
    for (const piece of ['a', 'b', 'c']) running.say(piece);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(readEvents(new TextDecoder().decode(concatBytes(...streaming.pieces()))).content).toBe('abc');
    running.end('length');
    const { receipt, text } = await outcome(streaming);
    expect(readEvents(text)).toMatchObject({ content: 'abc', finish: 'length', usage: { completion_tokens: 3 } });
    const bodyHash = sha256(utf8(text));
    const facts = { salt, status: 0n, format: 1n, jsonLength: BigInt(utf8(text).length), bodyHash };
    expect(receipt.responseHash).toEqual(sha256(responsePreimage(facts)));
  });

  it('says in its execution everything that shaped the sampling', async () => {
    const seed = random(32);
    const streaming = plain({ ...hello, temperature: 0.7, top_p: 0.9, stop: ['.'], max_tokens: 5 }, { seed });
    const running = await script();
    expect(running.order).toMatchObject({ temperature: '0.7', topP: '0.9', stop: ['.'], seed });
    running.end('stop');
    const { bundle } = decodePlainAnswer(await streaming.reply);
    expect(decodeExecution(decodeBundle(bundle).execution)).toMatchObject({
      ...{ layout: 'split', schedule: 'steps' },
      generation: { sampler: 'nucleus', temperature: '0.7', topP: '0.9', stop: ['.'], maxTokens: 5 },
    });
  });

  it('without a temperature is greedy without a seed, and samples with one', async () => {
    plain(hello);
    expect((await script(0)).order.temperature).toBe('0');
    plain(hello, { seed: random(32) });
    expect((await script(1)).order.temperature).toBe('1');
  });

  it('is generated no further than it is paid for', async () => {
    plain(hello, { maxFee: PRICE * 9n + 1n });
    expect((await script()).order.maxUnits).toBe(9);
  });
});

describe('a language request that is refused', () => {
  const prompt = { prompt: 'x' };
  it.each<[string, object, Partial<RequestHeader>, string]>([
    ['for a temperature without a seed', { ...hello, temperature: 0.5 }, {}, 'sampling_without_seed'],
    ['for a stream that the header denies', { ...hello, stream: true }, { flags: 0n }, 'input_invalid'],
    ['for a stream that only the header names', hello, { flags: flag.streamed }, 'input_invalid'],
    ['for a field that is not offered', { ...hello, n: 2 }, {}, 'input_invalid'],
    ['for messages of a completion', prompt, {}, 'input_invalid'],
    ['for a prompt of a chat', hello, { operation: 2n }, 'input_invalid'],
    ['for another format', hello, { format: 0n }, 'input_invalid'],
    ['for its price', hello, { unitPrice: PRICE - 1n }, 'price_too_low'],
    ['for less than a token', hello, { maxFee: PRICE - 1n }, 'price_too_low'],
    ['for tensors of a language model', hello, { operation: 0n }, 'operation_not_offered'],
  ])('%s', async (_, body, changes, code) => {
    const { status, text, receipt } = await outcome(plain(body, changes));
    expect([status, (JSON.parse(text) as { error: { code: string } }).error.code]).toEqual(['refused', code]);
    expect(receipt.fee).toBe(0n);
    expect(scripts).toEqual([]);
  });

  it('for a chat with a tensor model', async () => {
    const { status, text } = await outcome(plain(hello, { modelId: worker.demo.modelId }));
    expect([status, text]).toEqual(['refused', expect.stringContaining('operation_not_offered')]);
  });
});

describe('an answer that does not reach its end', () => {
  it('by the host’s word costs nothing, and frees its place', async () => {
    const streaming = plain({ ...hello, stream: true });
    const running = await script();
    running.say('half');
    worker.link.send({ id: streaming.id, kind: linkKind.abandon, payload: new Uint8Array(0) });
    const { receipt, status, text } = await outcome(streaming);
    expect([status, receipt.fee]).toEqual(['stopped', 0n]);
    expect(text).toContain('half');
    expect(text).toContain('"abandoned"');
  });

  it('because the host’s connection is gone is ended, too', async () => {
    plain({ ...hello, stream: true });
    const running = await script();
    worker.link.socket.destroy();
    await new Promise<void>((resolve) => running.limits.signal.addEventListener('abort', () => resolve()));
    expect(running.limits.signal.aborted).toBe(true);
  });

  it('in its time is stopped', async () => {
    const streaming = plain(hello);
    (await script()).end('ended', { late: true });
    const { status, text } = await outcome(streaming);
    expect([status, text]).toEqual(['stopped', expect.stringContaining('model_timeout')]);
  });

  it.each([false, true])('because it grows too large is stopped (streamed: %s)', async (stream) => {
    await restart({ limits: { responseBytes: 500 } });
    const streaming = plain({ ...hello, stream });
    (await script()).say('x'.repeat(501));
    const { status, text } = await outcome(streaming);
    expect([status, text]).toEqual(['stopped', expect.stringContaining('response_too_large')]);
  });

  it.each([false, true])('because the model fails says so in its receipt (streamed: %s)', async (stream) => {
    const streaming = plain({ ...hello, stream });
    const running = await script();
    running.say('half');
    running.fail(new ModelError('model_crashed', 'it is gone'));
    const { status, text, receipt } = await outcome(streaming);
    expect([status, receipt.fee]).toEqual(['modelError', 0n]);
    expect(text).toContain('"code":"model_crashed"');
    expect(text.includes('half')).toBe(stream);
  });
});

describe('in a session', () => {
  async function send(data: Uint8Array): Promise<{ readonly number: number; readonly streaming: Streaming }> {
    const number = numbers++;
    const { sendKey, handshakeHash } = session.transport;
    const place = { direction: 'to-worker', request: number, chunk: 0, final: true } as const;
    const record = await sealRecord(nodeSuite, sendKey, handshakeHash, place, data, 'body');
    return { number, streaming: worker.link.stream(linkKind.sealed, encodeForSession(session.sessionId, record)) };
  }

  const open = async (record: Uint8Array): ReturnType<typeof openRecord> => {
    const { receiveKey, handshakeHash } = session.transport;
    return openRecord(nodeSuite, receiveKey, handshakeHash, 'to-client', record);
  };

  function sealedRequest(body: object, changes: Partial<RequestHeader> = {}): Uint8Array {
    const streamed = 'stream' in body ? flag.streamed : 0n;
    return concatBytes(Uint8Array.of(recordKind.request), asked(body, { flags: flag.sealed | streamed, ...changes }));
  }

  it('a streamed answer is a sequence of records, the last of which has the receipt', async () => {
    const { number, streaming } = await send(sealedRequest({ ...hello, stream: true }));
    const running = await script();
    const pieces = Array.from({ length: 40 }, (_, index) => `piece ${index} `);
    for (const piece of pieces) running.say(piece);
    running.end('stop');
    const last = await streaming.reply;
    const sequence = createRecordSequence(number);
    const opened: Uint8Array[] = [];
    for (const record of [...streaming.pieces(), last]) {
      const { place, data } = await open(record);
      sequence.accept(place);
      opened.push(data);
    }
    expect(sequence.complete).toBe(true);
    const final = decodeFinalRecord(opened.pop() as Uint8Array);
    const { text, receipt } = told(final, opened);
    expect(readEvents(text)).toMatchObject({ content: pieces.join(''), finish: 'stop' });
    expect(receipt.flags).toBe(flag.sealed | flag.streamed);
    for (const { payload } of worker.link.frames) expect(Buffer.from(payload).includes('piece 1')).toBe(false);
  });

  it('its client cancels a request, which is receipted and charged as far as it came', async () => {
    const requestId = random(32);
    const { streaming } = await send(sealedRequest({ ...hello, stream: true }, { requestId }));
    const running = await script();
    running.say('so');
    running.say(' far');
    const cancelled = await send(encodeCancel(requestId));
    expect((await open(await cancelled.streaming.reply)).data).toEqual(Uint8Array.of(1));
    const final = decodeFinalRecord((await open(await streaming.reply)).data);
    const pieces = await Promise.all(streaming.pieces().map(async (record) => (await open(record)).data));
    const { status, receipt, text } = told(final, pieces);
    expect([status, receipt.fee]).toEqual(['cancelled', PRICE * BigInt(PROMPT_TOKENS + 2)]);
    expect(readEvents(text).content).toBe('so far');
  });

  it('a request of another session, or none, is not cancelled', async () => {
    const requestId = random(32);
    await send(sealedRequest({ ...hello, stream: true }, { requestId }));
    const running = await script();
    const unknown = await send(encodeCancel(random(32)));
    expect((await open(await unknown.streaming.reply)).data).toEqual(Uint8Array.of(0));
    session = await openSession(worker.link, configured);
    const foreign = await send(encodeCancel(requestId));
    expect((await open(await foreign.streaming.reply)).data).toEqual(Uint8Array.of(0));
    expect(running.limits.signal.aborted).toBe(false);
  });

  it('a tensor request that waits is cancelled before it is run, for nothing', async () => {
    const requestId = random(32);
    worker.pool.run = (_inputs, _deadline, options) =>
      new Promise((_, reject) => {
        const looking = setInterval(() => {
          if (options?.cancelled() !== true) return;
          clearInterval(looking);
          reject(new ModelError('model_cancelled', 'left'));
        }, 5);
      });
    const tensors = requestBytes({ modelId: worker.demo.modelId, flags: flag.sealed, requestId });
    const { streaming } = await send(concatBytes(Uint8Array.of(recordKind.request), tensors));
    await send(encodeCancel(requestId));
    const { status, receipt, text } = told(decodeFinalRecord((await open(await streaming.reply)).data), []);
    expect([status, receipt.fee, text]).toEqual(['cancelled', 0n, expect.stringContaining('"cancelled"')]);
  });
});

describe('a model that is unloaded', () => {
  it('takes no more requests, and its process ends by itself', async () => {
    await worker.link.ask(linkKind.unload, chat.modelId);
    expect(retired).toBe(1);
    const { text } = await outcome(plain(hello));
    expect(text).toContain('model_not_loaded');
    await pushRelease(worker.link, chat);
    plain(hello);
    expect((await script()).order.input.kind).toBe('chat');
  });

  it('must be there', async () => {
    await expect(worker.link.ask(linkKind.unload, header().requestId)).rejects.toMatchObject({
      code: 'release_invalid',
    });
  });
});
