import { readFileSync } from 'node:fs';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, connect, createAttestedFetch, type NodeConnectOptions } from '../../client/index.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { openSoakStack, type SoakStack } from '../soak/stack.ts';
import { demoCall } from '../support/stack.ts';

let soak: SoakStack;
let options: NodeConnectOptions;
beforeAll(async () => {
  soak = await openSoakStack();
  const rules = JSON.parse(readFileSync(soak.stack.policyFile, 'utf8')) as { readonly [rule: string]: JsonValue };
  options = {
    policy: parseWorkerPolicy({ ...rules, models: 'any', runtimes: 'any' }),
    models: { assistant: soak.languageId },
  };
}, 120_000);
afterAll(() => soak.remove());

const ask = {
  model: 'assistant',
  messages: [{ role: 'user' as const, content: 'what does the tide bring' }],
  max_tokens: 12,
  temperature: 0,
};

const openai = (): OpenAI =>
  new OpenAI({
    baseURL: 'http://nobody.invalid/v1',
    apiKey: 'unused',
    fetch: createAttestedFetch(soak.stack.url, options),
  });

describe('a real worker, through a real host', () => {
  it('chats with the official client in two lines: whole and streamed, with the same words', async () => {
    const client = openai();
    const { data, response } = await client.chat.completions.create(ask).withResponse();
    const text = data.choices[0]?.message.content as string;
    expect(text.length).toBeGreaterThan(0);
    expect(response.headers.get('proofmark-receipt')).toBeTruthy();
    let streamed = '';
    let last: unknown;
    for await (const chunk of await client.chat.completions.create({ ...ask, stream: true })) {
      streamed += chunk.choices[0]?.delta.content ?? '';
      last = chunk;
    }
    expect(streamed).toBe(text);
    expect(last).toMatchObject({ object: 'chat.completion.chunk', choices: [], proofmark: {} });
  }, 60_000);

  it('ends a stream that is left, by a sealed cancel, and goes on in the same session', async () => {
    const client: Client = connect(soak.stack.url, options);
    const stream = client.streamChat({ ...ask, max_tokens: 200 });
    let pieces = 0;
    for await (const _ of stream) {
      pieces += 1;
      if (pieces === 2) break;
    }
    await expect(stream.result).rejects.toMatchObject({ name: 'AbortError' });
    const { receipt, text } = await client.chat(ask);
    expect(receipt.status).toBe('ok');
    expect(text.length).toBeGreaterThan(0);
  }, 60_000);

  it('serves tensors and text from one session', async () => {
    const client = connect(soak.stack.url, options);
    const { worker } = await client.infer(demoCall(soak.stack));
    const { receipt } = await client.chat(ask);
    expect(receipt.log).toEqual(worker.log);
  }, 60_000);
});
