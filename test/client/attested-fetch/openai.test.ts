import OpenAI, {
  APIConnectionError,
  type APIError,
  APIUserAbortError,
  BadRequestError,
  InternalServerError,
  NotFoundError,
  UnprocessableEntityError,
} from 'openai';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ClientError, createAttestedFetch, type Fetch, nodeTransport } from '../../../client/index.ts';
import { parseWorkerPolicy } from '../../../verifier/index.ts';
import { fromBase64url } from '../../../wire/bytes.ts';
import { decodeBundle } from '../../../wire/message/bundle.ts';
import { decodeReceipt, status } from '../../../wire/message/receipt.ts';
import { decodeRequestHeader } from '../../../wire/message/request.ts';
import { gate } from '../../enclave/worker/core/harness.ts';
import { type HttpHost, serveHost } from '../http-host.ts';
import { createWorld, EVIDENCE, RECORD, type World } from '../world.ts';

const TEXT = 'An enclave says "hello" – ✓.';
const ask = { model: 'demo-chat', messages: [{ role: 'user' as const, content: 'Say hello' }] };

let world: World;
let served: HttpHost;
beforeEach(async () => {
  world = await createWorld();
  served = await serveHost(world.host);
});
afterEach(() => served.close());

/** Over HTTP as `createAttestedFetch` makes it, and by the world's clock. */
function attested(rules: Parameters<World['client']>[0] = {}): Fetch {
  return world.client(rules, { host: nodeTransport({ url: served.url, timeoutMs: 10_000 }) }).fetch;
}

function openai(fetch: Fetch = attested()): OpenAI {
  return new OpenAI({ baseURL: 'http://nobody.invalid/v1', apiKey: 'unused', fetch });
}

const records = (): number => world.calls.filter((call) => call === RECORD).length;

/** The receipt that a response or an event carries, as words. */
async function receiptIn(text: string): Promise<ReturnType<typeof decodeReceipt>> {
  return decodeReceipt(decodeBundle(fromBase64url(text)).receipt);
}

describe('the official client of the OpenAI API', () => {
  it('chats, and the response names the receipt that it was proven by', async () => {
    const { data, response } = await openai().chat.completions.create(ask).withResponse();
    expect(data.choices[0]?.message.content).toBe(TEXT);
    const header = decodeRequestHeader(fromBase64url(response.headers.get('proofmark-request') as string));
    const receipt = await receiptIn(response.headers.get('proofmark-receipt') as string);
    expect(receipt.requestId).toEqual(header.requestId);
    expect(response.headers.get('proofmark-log')).toBe(Buffer.from(world.log).toString('hex'));
  });

  it('completes', async () => {
    const { choices, usage } = await openai().completions.create({ model: 'demo-chat', prompt: 'Say hello' });
    expect(choices[0]?.text).toBe(TEXT);
    expect(usage?.total_tokens).toBe(8);
  });

  it('streams, and the last event before the end is the receipt', async () => {
    const stream = await openai().chat.completions.create({
      ...ask,
      stream: true,
      stream_options: { include_usage: true },
    });
    let text = '';
    let last: OpenAI.ChatCompletionChunk | undefined;
    let usage: unknown;
    for await (const chunk of stream) {
      text += chunk.choices[0]?.delta.content ?? '';
      usage = chunk.usage ?? usage;
      last = chunk;
    }
    expect(text).toBe(TEXT);
    expect(usage).toMatchObject({ completion_tokens: 5 });
    const { proofmark, ...usual } = last as unknown as { readonly proofmark: Readonly<Record<string, string>> };
    expect(usual).toEqual({
      id: 'cmpl-1',
      object: 'chat.completion.chunk',
      created: 0,
      model: 'demo-chat',
      choices: [],
    });
    expect((await receiptIn(proofmark['receipt'] as string)).status).toBe(status.ok);
    expect(proofmark['log']).toBe(Buffer.from(world.log).toString('hex'));
  });

  it('streams as the worker speaks, not when it has ended', async () => {
    const held = gate();
    world.script.beforeToken = async (index) => {
      if (index === 2) await held.passed;
    };
    const stream = await openai().completions.create({ model: 'demo-chat', prompt: 'x', stream: true });
    const pieces: string[] = [];
    for await (const chunk of stream) {
      pieces.push(chunk.choices[0]?.text ?? '');
      if (pieces.length === 2) held.open();
    }
    expect(pieces.join('')).toBe(TEXT);
  });

  it('lists the models that its own list means, from their signed manifests', async () => {
    const { data } = await openai().models.list();
    expect(data.map(({ id }) => id).sort()).toEqual(['demo', 'demo-chat']);
    expect(await openai().models.retrieve('demo')).toMatchObject({ object: 'model', proofmark: { version: '1.0.0' } });
  });

  it('opens one session, and sends one record for each call', async () => {
    const client = openai();
    for (let i = 0; i < 3; i++) await client.chat.completions.create(ask);
    expect([world.calls.filter((call) => call === EVIDENCE).length, records()]).toEqual([1, 3]);
  });
});

describe('what goes wrong reaches it as its own errors', () => {
  it.each<[string, object, new (...args: never[]) => Error, string]>([
    ['a field that is not offered', { ...ask, top_k: 1 }, BadRequestError, 'field_unknown'],
    ['a model that the list does not name', { ...ask, model: 'gpt-4' }, NotFoundError, 'model_unknown'],
  ])('%s', async (_, call, kind, code) => {
    const refusal: unknown = await openai()
      .chat.completions.create(call as typeof ask)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(kind);
    expect(refusal).toMatchObject({ code });
    expect(records()).toBe(0);
  });

  it('a receipted refusal, with the body that was signed', async () => {
    world.script.failure = { at: 0, status: status.refused, code: 'input_invalid' };
    const refusal: unknown = await openai()
      .chat.completions.create(ask)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(UnprocessableEntityError);
    const { code, headers, error } = refusal as APIError;
    expect(code).toBe('input_invalid');
    expect(headers?.get('proofmark-receipt')).toBeTruthy();
    const { body } = (error as { readonly proofmark: { readonly body: string } }).proofmark;
    expect(JSON.parse(Buffer.from(body, 'base64url').toString())).toMatchObject({ error: { code: 'input_invalid' } });
    expect(records()).toBe(1);
  });

  it('a receipted failure, which charges nothing and may be tried again', async () => {
    world.script.failure = { at: 0, status: status.modelError, code: 'model_failed' };
    const client = new OpenAI({ baseURL: 'http://nobody.invalid/v1', apiKey: 'x', fetch: attested(), maxRetries: 1 });
    const refusal: unknown = await client.chat.completions.create(ask).catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(InternalServerError);
    expect(records()).toBe(2);
  });

  it('a host that is away', async () => {
    world.onGet = () => Promise.reject(new ClientError('host_error', '', { reason: 'busy' }));
    const client = new OpenAI({ baseURL: 'http://nobody.invalid/v1', apiKey: 'x', fetch: attested(), maxRetries: 0 });
    const refusal: unknown = await client.chat.completions.create(ask).catch((error: unknown) => error);
    expect(refusal).toMatchObject({ status: 502, code: 'busy' });
  });

  it.each([
    ['embeddings', (client: OpenAI) => client.embeddings.create({ model: 'demo', input: 'x' })],
    ['responses', (client: OpenAI) => client.responses.create({ model: 'demo', input: 'x' })],
    ['images', (client: OpenAI) => client.images.generate({ prompt: 'x' })],
    ['deletions', (client: OpenAI) => client.models.delete('demo')],
  ])('%s are not served, and go nowhere', async (_, call) => {
    await expect(call(openai()) as Promise<unknown>).rejects.toMatchObject({
      status: 404,
      code: 'not_served_attested',
    });
    expect(world.calls).toEqual([]);
  });
});

describe('evidence that fails', () => {
  it('rejects the call: no response, no retry that luck could turn into an answer', async () => {
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    const fetch = attested();
    const refusal = (await openai(fetch)
      .chat.completions.create(ask)
      .catch((error: unknown) => error)) as APIConnectionError;
    expect(refusal).toBeInstanceOf(APIConnectionError);
    expect(refusal.cause).toMatchObject({ code: 'receipt_refused', action: 'stop-trusting' });
    // It repeats what was rejected twice; nothing of that was sent.
    expect(records()).toBe(1);
    world.onAnswer = (said) => said;
    await expect(openai(fetch).chat.completions.create(ask)).rejects.toMatchObject({ cause: refusal.cause });
    expect(records()).toBe(1);
  });

  it('of a worker rejects the call before anything is sealed', async () => {
    const refusal = (await openai(attested({ images: [] }))
      .chat.completions.create(ask)
      .catch((error: unknown) => error)) as APIConnectionError;
    expect(refusal.cause).toMatchObject({ code: 'evidence_refused', reason: 'image_refused' });
    expect(world.calls.filter((call) => call === EVIDENCE)).toHaveLength(1);
    expect(records()).toBe(0);
  });

  it('breaks the stream: pieces came, and no end', async () => {
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    const stream = await openai().chat.completions.create({ ...ask, stream: true });
    let text = '';
    await expect(
      (async () => {
        for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
      })(),
    ).rejects.toMatchObject({ code: 'receipt_refused' });
    expect(text).toBe(TEXT);
  });

  it('never shows the mark of an end', async () => {
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    const response = await attested()('http://nobody.invalid/v1/chat/completions', {
      method: 'POST',
      body: JSON.stringify({ ...ask, stream: true }),
    });
    const seen: string[] = [];
    await expect(
      (async () => {
        const reader = (response.body as ReadableStream<Uint8Array>).getReader();
        for (let next = await reader.read(); !next.done; next = await reader.read()) {
          seen.push(Buffer.from(next.value).toString());
        }
      })(),
    ).rejects.toMatchObject({ code: 'receipt_refused' });
    expect(seen.join('')).toContain('enclave');
    expect(seen.join('')).not.toMatch(/DONE|receipt/);
  });
});

describe('whoever stops', () => {
  it.each<[string, (stream: AsyncIterable<unknown>, stop: AbortController) => Promise<void>]>([
    [
      'by leaving the loop',
      async (stream) => {
        for await (const _ of stream) break;
      },
    ],
    [
      'by a signal',
      async (stream, stop) => {
        for await (const _ of stream) stop.abort();
      },
    ],
  ])('%s has the worker end, sealed', async (_, leave) => {
    const held = gate();
    world.script.beforeToken = async (index) => {
      if (index === 2) await held.passed;
    };
    const drafts: bigint[] = [];
    world.onReceipt = (draft) => {
      drafts.push(draft.status);
      return draft;
    };
    world.onPost = async (path, pass) => {
      const reply = await pass();
      // The second record of this session is the cancel.
      if (`POST ${path}` === RECORD && records() === 2) held.open();
      return reply;
    };
    const stop = new AbortController();
    const stream = await openai().chat.completions.create({ ...ask, stream: true }, { signal: stop.signal });
    await leave(stream, stop);
    await expect.poll(() => drafts).toEqual([status.cancelled]);
    expect(records()).toBe(2);
  });

  it('before the first token gets the client’s own error', async () => {
    const held = gate();
    world.script.beforeToken = () => held.passed;
    const stop = new AbortController();
    const call = openai().chat.completions.create(ask, { signal: stop.signal });
    await expect.poll(records).toBe(1);
    stop.abort();
    await expect(call).rejects.toBeInstanceOf(APIUserAbortError);
    await expect.poll(records).toBe(2);
    held.open();
  });
});

describe('OIP in JSON', () => {
  const infer = (model: string, body: unknown): Promise<Response> =>
    attested()(`http://nobody.invalid/v2/models/${model}/infer`, { method: 'POST', body: JSON.stringify(body) });
  const inputs = [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }];

  it('is answered, and proven', async () => {
    const response = await infer('demo', { inputs });
    expect(await response.json()).toMatchObject({ model_name: 'demo', outputs: [{ name: 'y', data: [1, 2] }] });
    expect(response.headers.get('proofmark-receipt')).toBeTruthy();
  });

  it('names a version, or none', async () => {
    expect((await infer('demo/versions/1.0.0', { inputs })).status).toBe(200);
    expect((await infer('demo/versions/2.0.0', { inputs })).status).toBe(404);
  });

  it('that is malformed is the caller’s to mend', async () => {
    expect((await infer('demo', { inputs: 1 })).status).toBe(400);
    expect((await infer('other', { inputs })).status).toBe(404);
  });
});

describe('two lines of code', () => {
  it('make it, and what it does not serve is refused before anything is sent', async () => {
    const fetch = createAttestedFetch([served.url], { policy: parseWorkerPolicy(world.rules) });
    const refusal = openai(fetch).embeddings.create({ model: 'demo', input: 'x' });
    await expect(refusal).rejects.toMatchObject({ code: 'not_served_attested' });
    expect(world.calls).toEqual([]);
  });

  it('take a whole request, too', async () => {
    const body = JSON.stringify(ask);
    const response = await attested()(
      new Request('http://nobody.invalid/v1/chat/completions', { method: 'POST', body }),
    );
    expect(await response.json()).toMatchObject({ object: 'chat.completion' });
  });
});
