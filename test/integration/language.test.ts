import { readFile } from 'node:fs/promises';
import OpenAI from 'openai';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { connect, createAttestedFetch } from '../../client/index.ts';
import { parseWorkerPolicy, type WorkerPolicy } from '../../verifier/index.ts';
import { fromBase64url, toHex } from '../../wire/bytes.ts';
import { decodeBundle } from '../../wire/message/bundle.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { openSoakStack, type SoakStack } from '../soak/stack.ts';

/** The official client against the whole process tier: sandboxed worker, confined model, host, journal. */
let stack: SoakStack;
let policy: WorkerPolicy;

beforeAll(async () => {
  stack = await openSoakStack();
  const rules = JSON.parse(await readFile(stack.stack.policyFile, 'utf8')) as object;
  policy = parseWorkerPolicy({ ...rules, models: 'any' });
}, 120_000);
afterAll(() => stack.remove());

const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'what does the tide bring' }];
const asked = { model: 'soak-lm', messages, max_tokens: 24, temperature: 0 };

const official = (fetch?: typeof globalThis.fetch): OpenAI =>
  new OpenAI({
    baseURL: `${stack.stack.url}/v1`,
    apiKey: 'unused',
    maxRetries: 0,
    ...(fetch === undefined ? {} : { fetch }),
  });

const attested = (): OpenAI =>
  official(createAttestedFetch(stack.stack.url, { policy, models: { 'soak-lm': stack.languageId } }));

async function textOf(client: OpenAI): Promise<{ readonly text: string; readonly receipts: number }> {
  let text = '';
  let receipts = 0;
  for await (const chunk of await client.chat.completions.create({ ...asked, stream: true })) {
    text += chunk.choices[0]?.delta.content ?? '';
    if ('proofmark' in chunk) receipts += 1;
  }
  return { text, receipts };
}

describe('the official client', () => {
  it('says the same plain, streamed, sealed, and sealed and streamed; every answer has its receipt', async () => {
    const plain = await official().chat.completions.create(asked);
    const expected = plain.choices[0]?.message.content;
    expect(expected?.length).toBeGreaterThan(0);
    expect(plain.usage?.completion_tokens).toBeGreaterThan(0);
    expect(await textOf(official())).toEqual({ text: expected, receipts: 1 });
    const { data, response } = await attested().chat.completions.create(asked).withResponse();
    expect(data.choices[0]?.message.content).toBe(expected);
    const bundle = decodeBundle(fromBase64url(response.headers.get('proofmark-receipt') ?? ''));
    expect(decodeReceipt(bundle.receipt).modelId).toEqual(stack.languageId);
    expect(await textOf(attested())).toEqual({ text: expected, receipts: 1 });
  });

  it('samples by its seed, and alike for alike', async () => {
    const sample = (seed: number): Promise<string | null | undefined> =>
      attested()
        .chat.completions.create({ ...asked, temperature: 0.9, seed })
        .then(({ choices }) => choices[0]?.message.content);
    const first = await sample(1);
    expect(await sample(1)).toBe(first);
    expect(await sample(2)).not.toBe(first);
  });

  it('completes texts, and lists models', async () => {
    const completion = await attested().completions.create({
      model: 'soak-lm',
      prompt: 'abc',
      max_tokens: 4,
      temperature: 0,
    });
    expect(completion.usage?.completion_tokens).toBeLessThanOrEqual(4);
    const names: string[] = [];
    for await (const model of official().models.list()) names.push(model.id);
    expect(names.some((name) => name.includes('soak-lm'))).toBe(true);
  });

  it.each([
    ['plain', official],
    ['sealed', attested],
  ])('gets what is wrong as an error of its own class (%s)', async (_, client) => {
    const wrong = client().chat.completions.create({ ...asked, n: 3 });
    await expect(wrong).rejects.toBeInstanceOf(OpenAI.APIError);
    await expect(client().chat.completions.create({ ...asked, model: 'nobody' })).rejects.toBeInstanceOf(
      OpenAI.APIError,
    );
  });
});

describe('a streamed chat that its client leaves', () => {
  it('ends in the worker, and leaves its place to others', async () => {
    const client = connect(stack.stack.url, { policy, models: { 'soak-lm': stack.languageId } });
    const stream = client.streamChat({ ...asked, max_tokens: 200, stream: true });
    let seen = '';
    for await (const { text } of stream) {
      seen += text;
      if (seen !== '') break;
    }
    await expect(stream.result).rejects.toMatchObject({ name: 'AbortError' });
    // The place is free again: as many as there are places run at once.
    const many = await Promise.all(Array.from({ length: 20 }, () => official().chat.completions.create(asked)));
    expect(new Set(many.map(({ choices }) => choices[0]?.message.content)).size).toBe(1);
    expect(toHex((await client.worker()).log)).toMatch(/^[0-9a-f]{64}$/);
  });
});
