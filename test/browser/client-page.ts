import {
  type Client,
  ClientError,
  createAttestedFetch,
  createClient,
  fetchTransport,
  floatTensor,
  tensorValues,
} from '../../client/web.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { fromHex, toHex } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { webSuite } from '../../wire/crypto/web.ts';

interface Given {
  readonly rules: { readonly [rule: string]: JsonValue };
  readonly now: number;
  readonly demo: string;
  readonly chat: string;
  /** How many calls to make between the two marks, for whoever measures them. */
  readonly calls: number;
}

const ask = { model: 'demo-chat', messages: [{ role: 'user', content: 'Say hello' }] };

/** Runs in the browser: the whole client against a host at the page's own origin. */
async function main(): Promise<void> {
  const given = (await (await fetch('/cases')).json()) as Given;
  let outcome: object;
  try {
    outcome = await visit(given);
  } catch (error) {
    outcome = { error: error instanceof Error ? (error.stack ?? error.message) : 'not an error' };
  }
  await fetch('/outcome', { method: 'POST', body: JSON.stringify(outcome) });
}

function clientOf({ rules, now, chat }: Given, changes: Given['rules'] = {}): Client {
  return createClient({
    host: fetchTransport({ url: location.origin, timeoutMs: 10_000 }),
    policy: parseWorkerPolicy({ ...rules, ...changes }),
    suite: webSuite,
    now: () => now,
    models: { 'demo-chat': fromHex(chat, 32) },
  });
}

async function visit(given: Given): Promise<object> {
  const client = clientOf(given);
  const inputs = [floatTensor('x', [1, 2], Float32Array.of(1, 2))];
  const call = { modelId: fromHex(given.demo, 32), inputs, outputs: 'all', format: 'binary' } as const;
  const { response, receipt } = await client.infer(call);

  const pieces: string[] = [];
  const stream = client.streamChat(ask);
  for await (const { text } of stream) pieces.push(text);
  const streamed = await stream.result;

  const events = await client.fetch('http://nobody.invalid/v1/chat/completions', {
    method: 'POST',
    body: JSON.stringify({ ...ask, stream: true }),
  });
  const text = await events.text();

  const refusal = await clientOf(given, { images: [] })
    .infer(call)
    .catch((error: unknown) => error);
  const elsewhere = await createAttestedFetch(location.origin, { policy: parseWorkerPolicy(given.rules) })(
    'http://nobody.invalid/v1/embeddings',
    { method: 'POST', body: '{}' },
  );
  await fetch('/mark');
  for (let i = 0; i < given.calls; i++) await client.infer(call);
  await fetch('/mark');
  return {
    values: tensorValues(response.outputs[0] as (typeof response.outputs)[number]),
    log: toHex(receipt.log),
    pieces,
    status: streamed.receipt.status,
    ended: text.endsWith('data: [DONE]\n\n') && text.includes('"proofmark":{'),
    refusal: refusal instanceof ClientError ? `${refusal.code}/${refusal.reason}` : 'none',
    elsewhere: elsewhere.status,
  };
}

void main();
