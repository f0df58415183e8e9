import { deepStrictEqual } from 'node:assert/strict';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { seedPreimage } from '../../../wire/message/authorisations.ts';
import { decimalText, decodeLanguageRequest, type LanguageRequest } from '../../../wire/message/language.ts';
import { unlessRefused } from '../refused.ts';

/** The first byte chooses the operation. What was read says the same when it is written in few words and read again. */
export function fuzz(data: Uint8Array): void {
  const operation = (data[0] ?? 0) % 2 === 0 ? 'chat' : 'completion';
  const request = unlessRefused(() => decodeLanguageRequest(data.subarray(1), operation));
  if (request === undefined) return;
  deepStrictEqual(decodeLanguageRequest(written(request), operation), request);
  if (request.seed !== null) seedPreimage(request.seed);
  for (const fraction of [request.temperature, request.topP]) {
    if (fraction !== null) deepStrictEqual(Number(decimalText(fraction)), fraction);
  }
}

function written({ input, ...request }: LanguageRequest): Uint8Array {
  const body = {
    model: request.model,
    ...(input.kind === 'chat' ? { messages: input.messages } : { prompt: input.prompt }),
    stream: request.stream,
    stream_options: request.includeUsage ? { include_usage: true } : null,
    temperature: request.temperature,
    top_p: request.topP,
    max_tokens: request.maxTokens,
    stop: request.stop,
    seed: request.seed,
  };
  return utf8(JSON.stringify(body));
}

const parts = [
  { type: 'text', text: 'a' },
  { type: 'text', text: '\ud83d\ude42' },
];

const common = {
  model: 'm:1',
  stream: true,
  stream_options: { include_usage: true, include_obfuscation: false },
  temperature: 0.7,
  top_p: 0.95,
  stop: ['\n', 'END'],
  seed: 42,
  n: 1,
  logit_bias: {},
  user: 'u',
};

const chats: readonly object[] = [
  { messages: [{ role: 'user', content: 'hi' }] },
  {
    ...common,
    messages: [
      { role: 'developer', content: 'be brief', name: 'x' },
      { role: 'user', content: parts },
      { role: 'assistant', content: '', refusal: null, tool_calls: [], annotations: [] },
    ],
    max_completion_tokens: 9,
    max_tokens: 9,
    response_format: { type: 'text' },
    tools: [],
    tool_choice: 'none',
    modalities: ['text'],
    metadata: { a: 'b' },
    service_tier: 'auto',
    store: false,
  },
];

const completions: readonly object[] = [
  { prompt: 'once' },
  { ...common, prompt: ['once'], max_tokens: 3, best_of: 1, echo: false, suffix: '', logprobs: null },
];

const seed = (operation: number, body: object): Uint8Array =>
  concatBytes(Uint8Array.of(operation), utf8(JSON.stringify(body)));

export const seeds: readonly Uint8Array[] = [
  ...chats.map((body) => seed(0, body)),
  ...completions.map((body) => seed(1, body)),
];
