import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Client, connect, type NodeConnectOptions } from '../../client/index.ts';
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

describe('a real worker, through a real host', () => {
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
