import { beforeEach, describe, expect, it } from 'vitest';
import {
  ClientError,
  type LanguageStream,
  memoryStore,
  type PaymentOptions,
  StreamLeftError,
} from '../../client/index.ts';
import { createEventReader } from '../../client/language/events.ts';
import { utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { seedPreimage } from '../../wire/message/authorisations.ts';
import { status } from '../../wire/message/receipt.ts';
import { flag, operation } from '../../wire/message/request.ts';
import { gate, publisher, release } from '../enclave/worker/core/harness.ts';
import { chain, createChannel } from '../support/payment.ts';
import { PROMPT_TOKENS } from './language-worker.ts';
import { CHARGED, createWorld, KEPT, RECORD, refusalOf, type World } from './world.ts';

const TEXT = 'An enclave says "hello" – ✓.';
const ask = { model: 'demo-chat', messages: [{ role: 'user', content: 'Say hello' }] } as const;

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

async function read(stream: LanguageStream): Promise<string> {
  let text = '';
  for await (const event of stream) text += event.text;
  return text;
}

describe('a chat', () => {
  it('is answered with text whose every byte is under the receipt', async () => {
    const body = { ...ask, temperature: 0.7, max_tokens: 100 };
    const { text, receipt, completion, worker } = await world.client().chat(body);
    expect(text).toBe(TEXT);
    expect(receipt).toMatchObject({ status: 'ok', sealed: true, headerBy: 'client' });
    expect(completion).toMatchObject({ object: 'chat.completion' });
    expect(worker.log).toEqual(world.log);
    const [header] = world.headers;
    expect(header).toMatchObject({ operation: operation.chat, format: 1n, flags: flag.sealed, unitPrice: 2n });
    // The most that a prompt of that many bytes and that many tokens may cost.
    expect(header?.maxFee).toBe(2n * BigInt(JSON.stringify(body).length + 100));
    expect(header?.jsonLength).toBe(BigInt(JSON.stringify(body).length));
  });

  it('may cost what the caller says, and ends there', async () => {
    const { text, receipt } = await world.client().chat(ask, { maxFee: 2n * BigInt(PROMPT_TOKENS + 2) });
    expect(text).toBe('An enclave');
    expect(receipt.fee).toBe(10n);
  });

  it.each<[string, object, (seed: Uint8Array) => boolean]>([
    ['of the caller is hashed', { seed: 7 }, (seed) => Buffer.from(seed).equals(sha256(seedPreimage(7)))],
    ['is zero where nothing is drawn', { temperature: 0 }, (seed) => seed.every((byte) => byte === 0)],
    ['is fresh where none is given', {}, (seed) => seed.some((byte) => byte !== 0)],
  ])('the seed %s', async (_, fields, holds) => {
    await world.client().chat({ ...ask, ...fields });
    expect(holds(world.headers[0]?.seed as Uint8Array)).toBe(true);
  });

  it('and a completion are two operations', async () => {
    const { text } = await world.client().complete({ model: 'demo-chat', prompt: 'Say hello' });
    expect(text).toBe(TEXT);
    expect(world.headers[0]?.operation).toBe(operation.completion);
  });

  it.each<[string, object, string]>([
    ['no messages', { model: 'demo-chat' }, 'argument_invalid/field_missing'],
    ['a field that would change the answer', { ...ask, top_k: 3 }, 'argument_invalid/field_unknown'],
    ['a stream outside a loop', { ...ask, stream: true }, 'argument_invalid/argument_invalid'],
    ['a model that is not in the list', { ...ask, model: 'gpt-4' }, 'model_unknown/model_unknown'],
    ['a value that is no JSON', { ...ask, seed: 1n }, 'argument_invalid/argument_invalid'],
  ])('%s is refused before anything is sent', async (_, call, code) => {
    expect(await refusalOf(world.client().chat(call as typeof ask))).toBe(code);
    expect(world.headers).toEqual([]);
  });

  it.each([-1n, 2n ** 128n, 5 as unknown as bigint])(
    'that may cost %s is refused before anything is sent',
    async (maxFee) => {
      expect(await refusalOf(world.client().chat(ask, { maxFee }))).toBe('argument_invalid/argument_invalid');
      const stream = world.client().streamChat(ask, { maxFee });
      expect(await refusalOf(read(stream))).toBe('argument_invalid/argument_invalid');
      expect(await refusalOf(stream.result)).toBe('argument_invalid/argument_invalid');
      expect(world.headers).toEqual([]);
    },
  );

  it('that the worker refuses is an error with its receipted code', async () => {
    world.script.failure = { at: 0, status: status.refused, code: 'input_invalid' };
    expect(await refusalOf(world.client().chat(ask))).toBe('answer_refused/input_invalid');
    world.script.failure = { at: 0, status: status.stopped, code: 'model_timeout' };
    expect(await refusalOf(world.client().chat(ask))).toBe('answer_failed/model_timeout');
  });
});

describe('a name', () => {
  const newer = release([utf8('model')], { name: 'demo-chat', kind: 'text-generation', version: '1.2.0' });
  const candidate = release([utf8('model')], { name: 'demo-chat', kind: 'text-generation', version: '2.0.0-rc.1' });
  const choice = { publisher: publisher.owner, name: 'demo-chat', minVersion: '1.0.0' };
  const any = { models: 'any' } as const;

  it('means the newest release that its publisher has signed, since the version that the caller names', async () => {
    const at = await createWorld({}, { models: [world.chat, newer] });
    const client = at.client(any, { models: { assistant: choice } });
    expect((await client.chat({ ...ask, model: 'assistant' })).receipt.modelId).toEqual(newer.modelId);
    const later = at.client(any, { models: { assistant: { ...choice, minVersion: '1.3.0' } } });
    expect(await refusalOf(later.chat({ ...ask, model: 'assistant' }))).toBe('model_unknown/model_unknown');
  });

  it('is not what the host’s list says, but what the signed manifest says', async () => {
    const at = await createWorld({}, { models: [world.demo, world.chat] });
    const lie = [{ modelId: Buffer.from(world.demo.modelId).toString('hex'), name: 'demo-chat', version: '9.0.0' }];
    at.onGet = async (path, reply) => (path === '/v1/releases' ? utf8(JSON.stringify(lie)) : reply);
    const client = at.client(any, { models: { assistant: choice } });
    expect(await refusalOf(client.chat({ ...ask, model: 'assistant' }))).toBe('model_unknown/model_unknown');
  });

  it('does not reach a release candidate by a version above it', async () => {
    const at = await createWorld({}, { models: [world.chat, candidate] });
    const client = at.client(any, { models: { assistant: { ...choice, minVersion: '2.0.0' } } });
    expect(await refusalOf(client.chat({ ...ask, model: 'assistant' }))).toBe('model_unknown/model_unknown');
  });

  it('of a model id in hex means itself', async () => {
    const model = Buffer.from(world.chat.modelId).toString('hex');
    expect((await world.client().chat({ ...ask, model })).receipt.modelId).toEqual(world.chat.modelId);
  });

  it.each<[string, object]>([
    ['a short id', new Uint8Array(31)],
    ['a version that is none', { ...choice, minVersion: 'latest' }],
    ['a publisher that is no key', { ...choice, publisher: new Uint8Array(32) }],
  ])('that names nothing is refused at once: %s', async (_, wrong) => {
    expect(await refusalOf((async () => world.client({}, { models: { assistant: wrong as never } }))())).toBe(
      'argument_invalid/argument_invalid',
    );
  });
});

describe('a stream', () => {
  it('comes in pieces, and its end says what it was proven by', async () => {
    const stream = world.client().streamChat({ ...ask, stream_options: { include_usage: true } });
    expect(await read(stream)).toBe(TEXT);
    const { text, receipt, body, completion } = await stream.result;
    expect(text).toBe(TEXT);
    expect(receipt.status).toBe('ok');
    expect(completion).toMatchObject({ usage: { completion_tokens: 5 } });
    expect(new TextDecoder().decode(body).split('data: ')).toHaveLength(5 + 2 + 1);
    expect(world.headers[0]?.flags).toBe(flag.sealed | flag.streamed);
  });

  it('hands out each piece as it comes', async () => {
    const held = gate();
    world.script.beforeToken = async (index) => {
      if (index === 2) await held.passed;
    };
    const iterator = world.client().streamCompletion({ model: 'demo-chat', prompt: 'x' })[Symbol.asyncIterator]();
    expect((await iterator.next()).value).toMatchObject({ text: 'An' });
    expect((await iterator.next()).value).toMatchObject({ text: ' enclave' });
    held.open();
    expect((await iterator.next()).value).toMatchObject({ text: ' says' });
    await iterator.return?.();
  });

  it('throws at its end where the worker signed other bytes than it sent', async () => {
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    const stream = world.client().streamChat(ask);
    expect(await refusalOf(read(stream))).toBe('receipt_refused/response_mismatch');
    expect(await refusalOf(stream.result)).toBe('receipt_refused/response_mismatch');
  });

  it('that the worker stops says so in a receipt, and throws', async () => {
    world.script.failure = { at: 2, status: status.stopped, code: 'model_timeout' };
    expect(await refusalOf(read(world.client().streamChat(ask)))).toMatch(/^(answer_failed|receipt_refused)\//);
  });

  it('that is refused throws before any piece', async () => {
    world.script.failure = { at: 0, status: status.refused, code: 'input_invalid' };
    expect(await refusalOf(read(world.client().streamChat(ask)))).toBe('answer_refused/input_invalid');
  });

  it('is read once', async () => {
    const stream = world.client().streamChat(ask);
    await read(stream);
    expect(await refusalOf(read(stream))).toBe('argument_invalid/argument_invalid');
  });

  it('that is left where no receipt comes says so without one', async () => {
    world.onStream = async function* (frames) {
      for await (const frame of frames) {
        yield frame;
        throw new ClientError('host_unreachable', 'the connection broke');
      }
    };
    const stream = world.client().streamChat(ask);
    for await (const _ of stream) break;
    const left = await stream.result.catch((error: unknown) => error);
    expect(left).toBeInstanceOf(StreamLeftError);
    expect(left).toMatchObject({ name: 'AbortError', receipt: undefined });
  });

  it('that is left shows what is wrong with its receipt', async () => {
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    const stream = world.client().streamChat(ask);
    const loop = (async () => {
      for await (const _ of stream) break;
    })();
    expect(await refusalOf(loop)).toBe('receipt_refused/response_mismatch');
    expect(await refusalOf(stream.result)).toBe('receipt_refused/response_mismatch');
  });

  it('that breaks goes on where it broke, from the host’s kept answer', async () => {
    world.onStream = async function* (frames) {
      let left = 3;
      for await (const frame of frames) {
        if (left-- === 0) throw new ClientError('host_unreachable', 'the connection broke');
        yield frame;
      }
    };
    const stream = world.client().streamChat(ask);
    expect(await read(stream)).toBe(TEXT);
    expect(world.calls.filter((call) => call === RECORD)).toHaveLength(1);
    expect(world.calls).toContain(KEPT);
  });

  it('that breaks and is not kept is lost: a repeat would be another text', async () => {
    world.keeping = false;
    world.onStream = async function* (frames) {
      for await (const frame of frames) {
        yield frame;
        throw new ClientError('host_unreachable', 'the connection broke');
      }
    };
    expect(await refusalOf(read(world.client().streamChat(ask)))).toMatch(/^host_unreachable\//);
    expect(world.headers).toHaveLength(1);
  });
});

describe('a stream that is paid', () => {
  const channel = createChannel();
  const store = memoryStore();
  const payment: PaymentOptions = {
    channel: channel.fields,
    sign: (message) => signP256(channel.key, message),
    store,
    maxOutstanding: 10_000n,
    maxSpend: 'any',
    maxUnitPrice: 2n,
  };

  it('has a voucher for all that it may cost, and is charged for what it was', async () => {
    const at = await createWorld({ ...chain, limits: { channels: 4 } });
    const stream = at.client({}, { payment }).streamChat({ ...ask, max_tokens: 20 });
    await read(stream);
    const { receipt } = await stream.result;
    expect(receipt.fee).toBe(2n * BigInt(PROMPT_TOKENS + 5));
    const tab = (await store.load()).at(-1);
    expect(tab).toMatchObject({ verified: receipt.fee, unknown: 0n, voucher: at.headers[0]?.maxFee });
    expect(at.calls.filter((call) => call === CHARGED)).toHaveLength(3);
  });

  it.each<[string, (stream: LanguageStream, stop: AbortController) => Promise<unknown>]>([
    [
      'the loop is left',
      async (stream) => {
        for await (const _ of stream) break;
      },
    ],
    [
      'its signal is aborted',
      async (stream, stop) => {
        for await (const _ of stream) stop.abort(new DOMException('enough', 'AbortError'));
      },
    ],
  ])('ends when %s: with a receipt for what was generated, and no more is charged', async (_, leave) => {
    const at = await createWorld({ ...chain, limits: { channels: 4 } });
    const held = gate();
    at.script.beforeToken = async (index) => {
      if (index === 2) await held.passed;
    };
    const onPost = at.onPost;
    let cancels = 0;
    at.onPost = async (path, pass) => {
      const reply = await onPost(path, pass);
      // The only record of a paying session that is not shown to the host is the cancel.
      if (`POST ${path}` === RECORD) {
        cancels += 1;
        held.open();
      }
      return reply;
    };
    const own = memoryStore();
    const stop = new AbortController();
    const stream = at.client({}, { payment: { ...payment, store: own } }).streamChat(ask, { signal: stop.signal });
    await leave(stream, stop).catch((error: unknown) => expect(error).toMatchObject({ name: 'AbortError' }));
    const left = await stream.result.catch((error: unknown) => error);
    expect(left).toBeInstanceOf(StreamLeftError);
    const fee = 2n * BigInt(PROMPT_TOKENS + 2);
    expect(left).toMatchObject({ name: 'AbortError', receipt: { status: 'cancelled', fee, cumulativeFee: fee } });
    expect(cancels).toBe(1);
    await expect
      .poll(async () => (await own.load()).at(-1))
      .toMatchObject({ unknown: 0n, verified: 2n * BigInt(PROMPT_TOKENS + 2), gaps: [] });
  });
});

describe('events', () => {
  const text = 'data: {"choices":[{"delta":{"content":"ä"}}]}\n\ndata: {"choices":[]}\n\n';

  it('are read wherever the pieces are cut', () => {
    const bytes = utf8(text);
    for (let at = 0; at <= bytes.length; at++) {
      const reader = createEventReader();
      const events = [...reader.push(bytes.subarray(0, at)), ...reader.push(bytes.subarray(at))];
      reader.end();
      expect(events.map((event) => event.text)).toEqual(['ä', '']);
    }
  });

  it.each([
    ['an event that is cut off', 'data: {"a":1}\n'],
    ['a comment', ': hello\n\n'],
    ['two lines', 'event: x\ndata: 1\n\n'],
    ['no JSON', 'data: [DONE]\n\n'],
    ['a name twice', 'data: {"a":1,"a":2}\n\n'],
  ])('that no worker sends are refused: %s', async (_, wrong) => {
    const refusal = await refusalOf(
      (async () => {
        const reader = createEventReader();
        reader.push(utf8(wrong));
        reader.end();
      })(),
    );
    expect(refusal).toBe('protocol_violated/stream_invalid');
  });

  it('are UTF-8 to the last byte', async () => {
    const reader = createEventReader();
    reader.push(Uint8Array.of(0xe2, 0x9c));
    expect(await refusalOf((async () => reader.end())())).toBe('protocol_violated/stream_invalid');
    expect(await refusalOf((async () => createEventReader().push(Uint8Array.of(0xff)))())).toBe(
      'protocol_violated/stream_invalid',
    );
  });
});
