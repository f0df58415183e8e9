import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { seedPreimage } from '../../../wire/message/authorisations.ts';
import { bundleFromHeader } from '../../../wire/message/bundle.ts';
import { encodePlainAnswer, encodeRefusal, linkKind } from '../../../wire/message/link.ts';
import { decodeReceipt } from '../../../wire/message/receipt.ts';
import { decodeRequestHeader, type RequestHeader, responsePreimage } from '../../../wire/message/request.ts';
import { random, testConfiguration } from '../../support/fake-log.ts';
import { testRelease } from '../../support/fake-release.ts';
import { fakeWords } from '../../support/fake-worker.ts';
import { type Served, serve } from '../support/served.ts';

const talker = testRelease([random(10)], { name: 'talker', kind: 'text-generation' });
const older = testRelease([random(10)], { name: 'talker', version: '0.9.0', kind: 'text-generation' });
const tensor = testRelease([random(10)], { name: 'mlp' });

let served: Served;
let url: string;
let openai: OpenAI;

beforeAll(async () => {
  served = await serve({ releases: [older, talker, tensor] });
  url = served.host.url;
  openai = new OpenAI({ baseURL: `${url}/v1`, apiKey: 'none', maxRetries: 0 });
});

afterAll(() => served.stop());

const messages = [{ role: 'user' as const, content: 'Say hello.' }];

function post(path: string, body: unknown): Promise<Response> {
  return fetch(url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
}

interface Proven {
  readonly header: RequestHeader;
  readonly responseHash: Uint8Array;
}

function proven(request: string, receipt: string): Proven {
  const header = decodeRequestHeader(fromBase64url(request));
  const { responseHash, requestId } = decodeReceipt(bundleFromHeader(receipt).receipt);
  expect(requestId).toEqual(header.requestId);
  return { header, responseHash };
}

function hashOf(header: RequestHeader, body: Uint8Array): Uint8Array {
  const jsonLength = BigInt(body.length);
  return sha256(responsePreimage({ salt: header.salt, status: 0n, format: 1n, jsonLength, bodyHash: sha256(body) }));
}

function headersOf(response: Response): Proven {
  expect(response.headers.get('proofmark-log')).toBe(toHex(served.worker.log.log));
  return proven(response.headers.get('proofmark-request') ?? '', response.headers.get('proofmark-receipt') ?? '');
}

describe('whole answers', () => {
  it.each([
    ['/v1/chat/completions', { model: 'talker', messages }, 1n, 'chat.completion'],
    ['/v1/completions', { model: 'talker', prompt: 'Say' }, 2n, 'text_completion'],
  ])('%s hands the body on as it came, and the answer as it was signed', async (path, asked, operation, object) => {
    const sent = JSON.stringify(asked, null, 2);
    const response = await post(path, sent);
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('application/json');
    const body = new Uint8Array(await response.arrayBuffer());
    const { header, responseHash } = headersOf(response);
    expect(header).toMatchObject({
      operation,
      format: 1n,
      flags: 0n,
      modelId: talker.modelId,
      unitPrice: 0n,
      maxFee: 0n,
    });
    expect(header.jsonLength).toBe(BigInt(sent.length));
    expect(responseHash).toEqual(hashOf(header, body));
    const frame = served.worker.received.findLast(({ kind }) => kind === linkKind.plain);
    expect(Buffer.from(frame?.payload.subarray(384) ?? []).toString()).toBe(sent);
    expect(JSON.parse(Buffer.from(body).toString())).toMatchObject({ object });
  });

  it('takes names, versions and ids', async () => {
    for (const [model, release] of [
      ['talker', talker],
      ['talker@0.9.0', older],
      [toHex(older.modelId), older],
    ] as const) {
      const { header } = headersOf(await post('/v1/chat/completions', { model, messages }));
      expect(header.modelId).toEqual(release.modelId);
    }
  });

  it('derives the seed from what the body asks', async () => {
    const seedOf = async (fields: object): Promise<Uint8Array> =>
      headersOf(await post('/v1/chat/completions', { model: 'talker', messages, ...fields })).header.seed;
    expect(await seedOf({ seed: 42 })).toEqual(sha256(seedPreimage(42)));
    expect(await seedOf({ seed: 42, temperature: 0 })).toEqual(sha256(seedPreimage(42)));
    expect(await seedOf({ temperature: 0 })).toEqual(new Uint8Array(32));
    const drawn = await Promise.all([seedOf({}), seedOf({}), seedOf({ temperature: 1 })]);
    expect(new Set(drawn.map(toHex)).size).toBe(3);
    expect(drawn.map(toHex)).not.toContain('0'.repeat(64));
  });
});

describe('streams', () => {
  it.each([
    ['/v1/chat/completions', { model: 'talker', messages }, 'chat.completion.chunk'],
    ['/v1/completions', { model: 'talker', prompt: 'Say' }, 'text_completion'],
  ])('%s: everything before the receipt is what was signed', async (path, asked, object) => {
    const response = await post(path, { ...asked, stream: true });
    expect(response.status).toBe(200);
    expect(response.headers.get('content-type')).toBe('text/event-stream');
    const text = await response.text();
    const events = text.split('\n\n');
    expect(events.slice(-2)).toEqual(['data: [DONE]', '']);
    const last = events.at(-3) ?? '';
    const receipt = JSON.parse(last.slice(6)) as Record<string, unknown> & {
      proofmark: Record<'log' | 'request' | 'receipt', string>;
    };
    const first = JSON.parse((events[0] ?? '').slice(6)) as { id: string };
    expect(receipt).toMatchObject({ id: first.id, object, created: 0, model: 'talker', choices: [] });
    expect(receipt.proofmark.log).toBe(toHex(served.worker.log.log));
    const { header, responseHash } = proven(receipt.proofmark.request, receipt.proofmark.receipt);
    expect(header.flags).toBe(4n);
    expect(responseHash).toEqual(hashOf(header, utf8(text.slice(0, text.indexOf(last)))));
  });

  it('end with an error and without [DONE] where the worker is lost', async () => {
    served.worker.misbehave = ({ id, kind }, socket) => {
      if (kind !== linkKind.plain) return false;
      served.worker.send({ id, kind: linkKind.piece, payload: utf8('data: {"choices":[{"delta":{"content":"A"}') });
      setTimeout(() => socket.destroy(), 20);
      return true;
    };
    const text = await (await post('/v1/chat/completions', { model: 'talker', messages, stream: true })).text();
    served.worker.misbehave = undefined;
    expect(text).not.toContain('[DONE]');
    const [begun, error] = text.split('\n\n');
    expect(begun).toBe('data: {"choices":[{"delta":{"content":"A"}');
    expect(JSON.parse(error?.slice(6) ?? '')).toMatchObject({ error: { code: 'worker_lost', type: 'server_error' } });
    expect(served.events).toContainEqual({ event: 'request_failed', code: 'worker_lost' });
    await comesBack();
  });

  it('that come to no end have a receipt, an error and no [DONE]', async () => {
    served.worker.misbehave = ({ id, kind, payload }) => {
      if (kind !== linkKind.plain) return false;
      served.worker.send({ id, kind: linkKind.piece, payload: utf8('data: {"choices":[]}\n\n') });
      const bundle = served.worker.grow({ requestId: payload.slice(0, 32), status: 3n });
      const answer = {
        status: 3,
        bundle,
        format: 1,
        jsonLength: 22,
        body: new Uint8Array(0),
      };
      served.worker.send({ id, kind: linkKind.reply, payload: encodePlainAnswer(answer) });
      return true;
    };
    const text = await (await post('/v1/chat/completions', { model: 'talker', messages, stream: true })).text();
    served.worker.misbehave = undefined;
    const events = text.split('\n\n').filter((event) => event !== '');
    expect(events).toHaveLength(3);
    expect(JSON.parse(events[1]?.slice(6) ?? '')).toHaveProperty('proofmark.receipt');
    expect(JSON.parse(events[2]?.slice(6) ?? '')).toMatchObject({ error: { code: 'stopped' } });
  });
});

async function comesBack(): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if ((await fetch(`${url}/v2/health/ready`)).status === 200) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

describe('refusals, in the form that OpenAI’s libraries read', () => {
  const chat = { model: 'talker', messages };
  it.each<readonly [string, string, unknown, number, string]>([
    ['no JSON', '/v1/chat/completions', '{', 400, 'request_invalid'],
    ['an empty body', '/v1/chat/completions', '', 400, 'request_invalid'],
    ['two members of one name', '/v1/completions', '{"prompt":"a","prompt":"b"}', 400, 'request_invalid'],
    ['40,000 levels', '/v1/chat/completions', '['.repeat(40_000), 400, 'request_invalid'],
    ['a prototype', '/v1/chat/completions', '{"__proto__":{"x":1}}', 400, 'request_invalid'],
    ['no messages', '/v1/chat/completions', { model: 'talker' }, 400, 'request_invalid'],
    ['a field that is not offered', '/v1/chat/completions', { ...chat, n: 2 }, 400, 'request_invalid'],
    ['a prompt for a chat', '/v1/chat/completions', { model: 'talker', prompt: 'x' }, 400, 'request_invalid'],
    ['no model', '/v1/chat/completions', { messages }, 404, 'model_unknown'],
    ['an unknown model', '/v1/chat/completions', { ...chat, model: 'gpt-4o' }, 404, 'model_unknown'],
    ['a model of tensors', '/v1/chat/completions', { ...chat, model: 'mlp' }, 400, 'operation_unsupported'],
  ])('%s', async (_, path, body, status, code) => {
    const response = await post(path, body);
    expect(response.status).toBe(status);
    const { error } = (await response.json()) as { error: Record<string, unknown> };
    expect(error).toMatchObject({ code, type: 'invalid_request_error' });
    expect(typeof error['message']).toBe('string');
  });

  it('says what was wrong, and where', async () => {
    const { error } = (await (await post('/v1/chat/completions', { ...chat, n: 2 })).json()) as {
      error: Record<string, unknown>;
    };
    expect(error).toMatchObject({ param: 'n' });
    expect(error['message']).toContain('not offered');
  });

  it('another type, another method and another path', async () => {
    const text = await fetch(`${url}/v1/completions`, { method: 'POST', body: '{}' });
    expect([text.status, await text.json()]).toMatchObject([415, { error: { code: 'media_type_unsupported' } }]);
    const got = await fetch(`${url}/v1/chat/completions`);
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST']);
    expect(await got.json()).toMatchObject({ error: { code: 'method_not_allowed' } });
    expect((await post('/v1/chat/completions/x', chat)).status).toBe(404);
  });

  it('what the worker refuses comes with its receipt and its own bytes', async () => {
    const body = utf8('{"error":{"code":"price_too_low","detail":"a unit costs 5"}}');
    served.worker.misbehave = ({ id, kind, payload }) => {
      if (kind !== linkKind.plain) return false;
      const bundle = served.worker.grow({ requestId: payload.slice(0, 32), status: 4n });
      const answer = { status: 4, bundle, format: 1, jsonLength: body.length, body };
      served.worker.send({ id, kind: linkKind.reply, payload: encodePlainAnswer(answer) });
      return true;
    };
    for (const stream of [false, true]) {
      const response = await post('/v1/chat/completions', { ...chat, stream });
      expect([response.status, response.headers.get('x-should-retry')]).toEqual([422, 'false']);
      headersOf(response);
      const { error } = (await response.json()) as { error: { proofmark: { body: string } } };
      expect(error).toMatchObject({ message: 'a unit costs 5', code: 'price_too_low', type: 'invalid_request_error' });
      expect(fromBase64url(error.proofmark.body)).toEqual(body);
    }
    served.worker.misbehave = undefined;
  });

  it('what has a price is asked for with the most that it may cost, or not at all', async () => {
    const priced = testConfiguration({ prices: [{ model: 'any', operation: 1, unitPrice: 7n }] });
    const paid = await serve({ releases: [talker], configuration: priced });
    const body = JSON.stringify({ ...chat, max_tokens: 10 });
    const init = { method: 'POST', headers: { 'content-type': 'application/json' }, body };
    const response = await fetch(`${paid.host.url}/v1/chat/completions`, init);
    const header = decodeRequestHeader(fromBase64url(response.headers.get('proofmark-request') ?? ''));
    expect(header).toMatchObject({ unitPrice: 7n, maxFee: 7n * BigInt(body.length + 10) });
    await paid.stop();
  });
});

describe('the official library', () => {
  it('lists models and retrieves one', async () => {
    const list = await openai.models.list();
    expect(list.data.map(({ id }) => id)).toEqual(['talker@0.9.0', 'talker']);
    expect(await openai.models.retrieve('talker')).toMatchObject({ id: 'talker', object: 'model' });
    expect(await openai.models.retrieve('talker@0.9.0')).toMatchObject({ id: 'talker@0.9.0' });
    await expect(openai.models.retrieve('mlp')).rejects.toBeInstanceOf(OpenAI.NotFoundError);
  });

  it('chats and completes', async () => {
    const answer = await openai.chat.completions.create({ model: 'talker', messages });
    expect(answer.choices[0]?.message.content).toBe(fakeWords.join(''));
    const completed = await openai.completions.create({ model: 'talker', prompt: 'Say' });
    expect(completed.choices[0]?.text).toBe(fakeWords.join(''));
    expect(completed.usage?.total_tokens).toBe(3 + fakeWords.length);
  });

  it('streams, counts, and passes the receipt through', async () => {
    const stream_options = { include_usage: true };
    const stream = await openai.chat.completions.create({ model: 'talker', messages, stream: true, stream_options });
    let text = '';
    let tokens = 0;
    let receipts = 0;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      tokens = chunk.usage?.total_tokens ?? tokens;
      if ('proofmark' in chunk) receipts += 1;
    }
    expect([text, tokens, receipts]).toEqual([fakeWords.join(''), 3 + fakeWords.length, 1]);
    const completed = await openai.completions.create({ model: 'talker', prompt: 'Say', stream: true });
    text = '';
    for await (const chunk of completed) text += chunk.choices[0]?.text ?? '';
    expect(text).toBe(fakeWords.join(''));
  });

  it('throws its own classes', async () => {
    const chat = { model: 'talker', messages };
    await expect(openai.chat.completions.create({ ...chat, n: 2 })).rejects.toBeInstanceOf(OpenAI.BadRequestError);
    await expect(openai.chat.completions.create({ ...chat, model: 'x' })).rejects.toBeInstanceOf(OpenAI.NotFoundError);
    served.worker.misbehave = ({ id, kind }) => {
      if (kind !== linkKind.plain) return false;
      served.worker.send({ id, kind: linkKind.refusal, payload: encodeRefusal({ code: 'busy', detail: '' }) });
      return true;
    };
    await expect(openai.chat.completions.create(chat)).rejects.toMatchObject({ status: 503, code: 'busy' });
    await expect(openai.chat.completions.create(chat)).rejects.toBeInstanceOf(OpenAI.InternalServerError);
    served.worker.misbehave = ({ id, kind }, socket) => {
      if (kind !== linkKind.plain) return false;
      served.worker.send({ id, kind: linkKind.piece, payload: utf8('data: {"choices":[]}\n\n') });
      setTimeout(() => socket.destroy(), 20);
      return true;
    };
    const stream = await openai.chat.completions.create({ ...chat, stream: true });
    await expect(
      (async () => {
        for await (const chunk of stream) void chunk;
      })(),
    ).rejects.toBeInstanceOf(OpenAI.APIError);
    served.worker.misbehave = undefined;
    await comesBack();
  });
});
