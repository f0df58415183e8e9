import { once } from 'node:events';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import fc from 'fast-check';
import OpenAI from 'openai';
import { afterEach, describe, expect, it } from 'vitest';
import { createAnswerWriter, type LanguageAnswer } from '../../../enclave/worker/language-answer.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { decodeLanguageRequest } from '../../../wire/message/language.ts';

const requestId = Uint8Array.from({ length: 32 }, (_, i) => i);
const execution = Uint8Array.from({ length: 32 }, (_, i) => 255 - i);
const usage = { promptTokens: 7, completionTokens: 3 };

const chat: LanguageAnswer = { requestId, execution, model: 'adder:1.0.0', operation: 'chat', includeUsage: false };
const completion: LanguageAnswer = { ...chat, operation: 'completion' };

const text = (bytes: Uint8Array): string => new TextDecoder('utf-8', { fatal: true }).decode(bytes);
const json = (bytes: Uint8Array): unknown => JSON.parse(text(bytes));

/** The events of a stream, which must be whole. */
function events(bytes: Uint8Array): readonly unknown[] {
  const parts = text(bytes).split('\n\n');
  expect(parts.pop()).toBe('');
  return parts.map((part) => {
    expect(part).toMatch(/^data: [^\n]*$/);
    return JSON.parse(part.slice('data: '.length)) as unknown;
  });
}

function stream(answer: LanguageAnswer, pieces: readonly string[]): Uint8Array {
  const writer = createAnswerWriter(answer);
  return concatBytes(writer.first(), ...pieces.map((piece) => writer.piece(piece)), writer.last('stop', usage));
}

describe('an answer at once', () => {
  it('of a chat is a chat.completion', () => {
    expect(json(createAnswerWriter(chat).whole('3672 "inches"\n', 'length', usage))).toEqual({
      id: 'chatcmpl-000102030405060708090a0b',
      object: 'chat.completion',
      created: 0,
      model: 'adder:1.0.0',
      system_fingerprint: 'fffefdfcfbfaf9f8',
      choices: [
        {
          index: 0,
          message: { role: 'assistant', content: '3672 "inches"\n', refusal: null },
          logprobs: null,
          finish_reason: 'length',
        },
      ],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    });
  });

  it('of a completion is a text_completion', () => {
    expect(json(createAnswerWriter(completion).whole('x', 'stop', usage))).toEqual({
      id: 'cmpl-000102030405060708090a0b',
      object: 'text_completion',
      created: 0,
      model: 'adder:1.0.0',
      system_fingerprint: 'fffefdfcfbfaf9f8',
      choices: [{ index: 0, text: 'x', logprobs: null, finish_reason: 'stop' }],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    });
  });

  it('can be sent back as the next message of the conversation', () => {
    const answer = json(createAnswerWriter(chat).whole('12', 'stop', usage)) as { choices: [{ message: object }] };
    const body = { messages: [{ role: 'user', content: '3+9' }, answer.choices[0].message] };
    expect(decodeLanguageRequest(new TextEncoder().encode(JSON.stringify(body)), 'chat').input).toEqual({
      kind: 'chat',
      messages: [
        { role: 'user', content: '3+9' },
        { role: 'assistant', content: '12' },
      ],
    });
  });
});

describe('a stream', () => {
  it('of a chat begins with the role and ends with the reason', () => {
    const choices = events(stream(chat, ['a', 'b'])).map((event) => {
      expect(event).toMatchObject({
        id: 'chatcmpl-000102030405060708090a0b',
        object: 'chat.completion.chunk',
        created: 0,
      });
      expect(event).not.toHaveProperty('usage');
      return (event as { choices: unknown }).choices;
    });
    const choice = (delta: object, reason: string | null) => [
      { index: 0, delta, logprobs: null, finish_reason: reason },
    ];
    expect(choices).toEqual([
      choice({ role: 'assistant', content: '' }, null),
      choice({ content: 'a' }, null),
      choice({ content: 'b' }, null),
      choice({}, 'stop'),
    ]);
  });

  it('of a completion has no role', () => {
    expect(createAnswerWriter(completion).first()).toHaveLength(0);
    const choices = events(stream(completion, ['a'])).map((event) => (event as { choices: unknown }).choices);
    expect(choices).toEqual([
      [{ index: 0, text: 'a', logprobs: null, finish_reason: null }],
      [{ index: 0, text: '', logprobs: null, finish_reason: 'stop' }],
    ]);
  });

  it.each([chat, completion])('with usage announces it and ends with it', (answer) => {
    const all = events(stream({ ...answer, includeUsage: true }, ['a'])) as { usage: unknown; choices: unknown[] }[];
    expect(all.slice(0, -1).map((event) => event.usage)).toEqual(all.slice(1).map(() => null));
    expect(all.at(-1)).toMatchObject({
      choices: [],
      usage: { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 },
    });
  });

  it('has no event for nothing', () => {
    expect(createAnswerWriter(chat).piece('')).toHaveLength(0);
  });

  it('carries any text in one line', () => {
    const writer = createAnswerWriter(chat);
    // Any UTF-16, halves of characters too.
    const units = fc.array(fc.oneof(fc.nat(0x1f), fc.nat(0xffff)), { minLength: 1, maxLength: 20 });
    fc.assert(
      fc.property(units, (given) => {
        const piece = String.fromCharCode(...given);
        const [event] = events(writer.piece(piece)) as [{ choices: [{ delta: { content: string } }] }];
        expect(event.choices[0].delta.content).toBe(piece);
      }),
    );
  });

  it("has neither a receipt nor an end mark, which are not the worker's to write", () => {
    expect(text(stream(chat, ['a']))).not.toMatch(/\[DONE\]|receipt/);
  });
});

describe("OpenAI's own package", () => {
  const servers: Server[] = [];

  afterEach(async () => {
    await Promise.all(
      servers.splice(0).map(async (server) => {
        server.closeAllConnections();
        server.close();
        await once(server, 'close');
      }),
    );
  });

  async function client(respond: (response: ServerResponse) => void): Promise<OpenAI> {
    const server = createServer((_, response) => respond(response));
    servers.push(server);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    return new OpenAI({ apiKey: 'none', baseURL: `http://127.0.0.1:${port}/v1`, maxRetries: 0 });
  }

  const whole = (answer: LanguageAnswer) => (response: ServerResponse) => {
    response.setHeader('content-type', 'application/json');
    response.end(createAnswerWriter(answer).whole('Grüße 🙂', 'stop', usage));
  };

  /** As a host sends it on: the worker's bytes, then what others add. */
  const streamed = (answer: LanguageAnswer) => (response: ServerResponse) => {
    response.setHeader('content-type', 'text/event-stream');
    response.write(stream({ ...answer, includeUsage: true }, ['Gr', 'üße', ' 🙂\r\n', '\u2028 \u0085']));
    response.end('data: [DONE]\n\n');
  };

  it('reads a chat', async () => {
    const openai = await client(whole(chat));
    const answer = await openai.chat.completions.create({ model: 'adder', messages: [{ role: 'user', content: '?' }] });
    expect(answer.choices[0]?.message.content).toBe('Grüße 🙂');
    expect(answer.usage?.total_tokens).toBe(10);
  });

  it('reads a streamed chat, and puts it together', async () => {
    const openai = await client(streamed(chat));
    const run = openai.chat.completions.stream({
      model: 'adder',
      messages: [{ role: 'user', content: '?' }],
      stream_options: { include_usage: true },
    });
    const answer = await run.finalChatCompletion();
    expect(answer.id).toBe('chatcmpl-000102030405060708090a0b');
    expect(answer.choices[0]?.message).toMatchObject({ role: 'assistant', content: 'Grüße 🙂\r\n\u2028 \u0085' });
    expect(answer.choices[0]?.finish_reason).toBe('stop');
    expect((await run.totalUsage()).total_tokens).toBe(10);
  });

  it('reads a completion', async () => {
    const openai = await client(whole(completion));
    const answer = await openai.completions.create({ model: 'adder', prompt: '?' });
    expect(answer.choices[0]).toMatchObject({ text: 'Grüße 🙂', finish_reason: 'stop' });
  });

  it('reads a streamed completion', async () => {
    const openai = await client(streamed(completion));
    let answer = '';
    let last: unknown;
    for await (const chunk of await openai.completions.create({ model: 'adder', prompt: '?', stream: true })) {
      answer += chunk.choices[0]?.text ?? '';
      last = chunk;
    }
    expect(answer).toBe('Grüße 🙂\r\n\u2028 \u0085');
    expect(last).toMatchObject({ choices: [], usage: { total_tokens: 10 } });
  });
});
