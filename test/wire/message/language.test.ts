import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { utf8 } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeExecution, encodeExecution } from '../../../wire/message/execution.ts';
import { decimalText, decodeLanguageRequest, type LanguageRequest } from '../../../wire/message/language.ts';
import { codeOf, refusalOf } from '../codec/support.ts';

const messages = [{ role: 'user', content: 'hi' }];

const bodyOf = (value: unknown): Uint8Array => utf8(typeof value === 'string' ? value : JSON.stringify(value));

const chat = (more: object = {}): LanguageRequest => decodeLanguageRequest(bodyOf({ messages, ...more }), 'chat');

const completion = (more: object = {}): LanguageRequest =>
  decodeLanguageRequest(bodyOf({ prompt: 'once', ...more }), 'completion');

/** The code and the field of a refusal. */
function refused(run: () => unknown): string {
  const refusal = refusalOf(run);
  return refusal === 'accepted' ? refusal : `${refusal.code} ${refusal.place.field ?? ''}`;
}

describe('a language request', () => {
  it('says only what it says', () => {
    const nothing = {
      model: null,
      stream: false,
      includeUsage: false,
      temperature: null,
      topP: null,
      maxTokens: null,
      stop: [],
      seed: null,
    };
    expect(chat()).toEqual({ ...nothing, input: { kind: 'chat', messages } });
    expect(completion()).toEqual({ ...nothing, input: { kind: 'completion', prompt: 'once' } });
  });

  it('is read with everything that it may say', () => {
    const more = {
      model: 'owner/adder:1.0.0',
      stream: true,
      stream_options: { include_usage: true, include_obfuscation: false },
      temperature: 0.7,
      top_p: 0.95,
      max_tokens: 64,
      stop: ['\n\n', 'User:'],
      seed: 42,
    };
    const expected = {
      model: 'owner/adder:1.0.0',
      stream: true,
      includeUsage: true,
      temperature: 0.7,
      topP: 0.95,
      maxTokens: 64,
      stop: ['\n\n', 'User:'],
      seed: 42,
    };
    expect(chat(more)).toMatchObject(expected);
    expect(completion(more)).toMatchObject(expected);
  });

  it('may say null where OpenAI lets it', () => {
    const fields = [
      'model',
      'stream',
      'stream_options',
      'temperature',
      'top_p',
      'max_tokens',
      'stop',
      'seed',
      'n',
      'user',
    ];
    const nulls = Object.fromEntries(fields.map((name) => [name, null]));
    expect(chat({ ...nulls, max_completion_tokens: null })).toEqual(chat());
    expect(completion(nulls)).toEqual(completion());
  });

  it('ignores names that callers give for their own books', () => {
    const labels = { user: 'u-1', metadata: { run: '7' }, safety_identifier: 'x', prompt_cache_key: 'k', store: false };
    expect(chat({ ...labels, service_tier: 'auto', parallel_tool_calls: true })).toEqual(chat());
    expect(chat({ service_tier: 'default', metadata: {} })).toEqual(chat());
    expect(completion({ user: 'u-1' })).toEqual(completion());
  });

  it.each([
    ['n', 1],
    ['frequency_penalty', 0],
    ['presence_penalty', 0],
    ['logit_bias', {}],
    ['logprobs', false],
    ['logprobs', null],
    ['top_logprobs', null],
    ['tools', []],
    ['tools', null],
    ['tool_choice', 'none'],
    ['functions', []],
    ['function_call', 'none'],
    ['response_format', { type: 'text' }],
    ['modalities', ['text']],
    ['audio', null],
    ['prediction', null],
    ['reasoning_effort', null],
    ['verbosity', null],
    ['web_search_options', null],
  ])('takes %s where it changes nothing: %j', (name, value) => {
    expect(chat({ [name]: value })).toEqual(chat());
  });

  it.each([
    ['n', 2],
    ['n', '1'],
    ['n', true],
    ['frequency_penalty', 0.5],
    ['presence_penalty', -1],
    ['logit_bias', { '50256': -100 }],
    ['logit_bias', []],
    ['logprobs', true],
    ['logprobs', 0],
    ['top_logprobs', 0],
    ['tools', [{ type: 'function', function: { name: 'f' } }]],
    ['tools', {}],
    ['tool_choice', 'auto'],
    ['tool_choice', { type: 'function', function: { name: 'f' } }],
    ['functions', [{}]],
    ['function_call', 'auto'],
    ['modalities', []],
    ['audio', { voice: 'alloy', format: 'wav' }],
    ['prediction', { type: 'content', content: 'x' }],
    ['reasoning_effort', 'low'],
    ['verbosity', 'low'],
    ['web_search_options', {}],
    ['store', true],
    ['service_tier', 'flex'],
    ['metadata', { run: 7 }],
    ['user', 7],
    ['stream', 'yes'],
  ])('refuses %s as %j by name', (name, value) => {
    const refusal = refused(() => chat({ [name]: value }));
    expect(refusal).toMatch(/^field_invalid /);
    expect(refusal).toContain(name);
  });

  it.each([
    ['response_format', { type: 'json_object' }, 'response_format.type'],
    ['response_format', { type: 'text', strict: true }, 'response_format.strict'],
    ['modalities', ['audio'], 'modalities[0]'],
  ])('refuses %s as %j', (name, value, field) => {
    expect(refused(() => chat({ [name]: value }))).toContain(field);
  });

  it.each([
    ['best_of', 2],
    ['echo', true],
    ['logprobs', 0],
    ['logprobs', 5],
    ['suffix', 'end'],
  ])('refuses %s as %j of a completion', (name, value) => {
    expect(refused(() => completion({ [name]: value }))).toBe(`field_invalid ${name}`);
  });

  it('takes the neutral fields of a completion', () => {
    const more = { best_of: 1, echo: false, logprobs: null, suffix: null };
    expect(completion(more)).toEqual(completion());
    expect(completion({ suffix: '' })).toEqual(completion());
  });

  it.each(['top_k', 'min_p', 'repetition_penalty', 'guided_json', 'prompt', 'Temperature', '__proto__'])(
    'refuses the unknown field %s by name',
    (name) => {
      const body = `{"messages":[{"role":"user","content":"hi"}],${JSON.stringify(name)}:1}`;
      expect(refused(() => decodeLanguageRequest(bodyOf(body), 'chat'))).toBe(`field_unknown ${name}`);
    },
  );

  it('knows the fields of its own operation only', () => {
    expect(refused(() => completion({ max_completion_tokens: 3 }))).toBe('field_unknown max_completion_tokens');
    expect(refused(() => completion({ messages }))).toBe('field_unknown messages');
    expect(refused(() => chat({ echo: false }))).toBe('field_unknown echo');
    expect(refused(() => decodeLanguageRequest(bodyOf({}), 'chat'))).toBe('field_missing messages');
    expect(refused(() => decodeLanguageRequest(bodyOf({}), 'completion'))).toBe('field_missing prompt');
  });
});

describe('numbers', () => {
  it.each([0, 0.01, 0.123456, 1, 2])('takes the temperature %d', (temperature) => {
    expect(chat({ temperature }).temperature).toBe(temperature);
  });

  it.each(['-0', '0.009', '2.000001', '-1', '0.1234567', '"1"', '1e-7', 'true'])(
    'refuses the temperature %s',
    (text) => {
      const body = bodyOf(`{"prompt":"a","temperature":${text}}`);
      expect(refused(() => decodeLanguageRequest(body, 'completion'))).toBe('field_invalid temperature');
    },
  );

  it.each([0.000001, 0.5, 1])('takes the top_p %d', (value) => {
    expect(chat({ top_p: value }).topP).toBe(value);
  });

  it.each([0, -0.1, 1.000001, 0.0000001, 0.33333333])('refuses the top_p %d', (value) => {
    expect(refused(() => chat({ top_p: value }))).toBe('field_invalid top_p');
  });

  it('takes either name of the most tokens, and both where they agree', () => {
    expect(chat({ max_completion_tokens: 5 }).maxTokens).toBe(5);
    expect(chat({ max_tokens: 5, max_completion_tokens: 5 }).maxTokens).toBe(5);
    expect(refused(() => chat({ max_tokens: 5, max_completion_tokens: 6 }))).toBe(
      'field_invalid max_completion_tokens',
    );
  });

  it.each([0, -1, 1.5, limits.generatedTokens + 1, '5'])('refuses %s as the most tokens', (value) => {
    expect(refused(() => chat({ max_tokens: value }))).toBe('field_invalid max_tokens');
    expect(refused(() => chat({ max_completion_tokens: value }))).toBe('field_invalid max_completion_tokens');
  });

  it.each([-1, 0.5, '7'])('refuses the seed %s', (seed) => {
    expect(refused(() => chat({ seed }))).toBe('field_invalid seed');
  });

  it('refuses a seed that readers would round', () => {
    const body = bodyOf('{"prompt":"a","seed":9007199254740993}');
    expect(codeOf(() => decodeLanguageRequest(body, 'completion'))).toBe('json_number');
  });
});

describe('decimal text', () => {
  it('is what an execution record takes', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2_000_000 }), (millionths) => {
        const value = millionths / 1e6;
        const text = decimalText(value);
        expect(Number(text)).toBe(value);
        const execution = {
          engine: 'e',
          version: '1',
          provider: 'cpu',
          optimisation: 'all',
          threads: 1,
          cpuFamily: 'f',
          cpuIsa: 'i',
          layout: 'l',
          schedule: 's',
          generation: { sampler: 's', temperature: text, topP: text, stop: [], maxTokens: 1 },
        } as const;
        expect(decodeExecution(encodeExecution(execution))).toEqual(execution);
      }),
      { numRuns: 300 },
    );
  });

  it.each([-0, -1, 1e-7, 0.1234567, 1e21, Number.NaN, Number.POSITIVE_INFINITY])('is not for %d', (value) => {
    expect(codeOf(() => decimalText(value))).toBe('field_invalid');
  });
});

describe('stop strings', () => {
  it('are one, or up to four', () => {
    expect(chat({ stop: '\n' }).stop).toEqual(['\n']);
    expect(chat({ stop: [] }).stop).toEqual([]);
    expect(chat({ stop: ['a', 'b', 'c', 'd'] }).stop).toHaveLength(4);
    expect(refused(() => chat({ stop: ['a', 'b', 'c', 'd', 'e'] }))).toBe('field_invalid stop');
  });

  it('have 1 to 256 characters, however many bytes those have', () => {
    expect(chat({ stop: '🙂'.repeat(256) }).stop).toEqual(['🙂'.repeat(256)]);
    expect(refused(() => chat({ stop: 'a'.repeat(257) }))).toBe('field_invalid stop');
    expect(refused(() => chat({ stop: '' }))).toBe('field_invalid stop');
    expect(refused(() => chat({ stop: ['a', ''] }))).toBe('field_invalid stop[1]');
    expect(refused(() => chat({ stop: [null] }))).toBe('field_invalid stop[0]');
  });

  it('always fit into the execution record', () => {
    expect(utf8('🙂'.repeat(limits.stopCharacters)).length).toBeLessThanOrEqual(1_024);
  });
});

describe('stream options', () => {
  it('come with a stream only', () => {
    expect(chat({ stream: true, stream_options: {} }).includeUsage).toBe(false);
    expect(chat({ stream: true, stream_options: { include_usage: null } }).includeUsage).toBe(false);
    expect(refused(() => chat({ stream_options: { include_usage: true } }))).toBe('field_invalid stream_options');
    expect(refused(() => chat({ stream: false, stream_options: {} }))).toBe('field_invalid stream_options');
  });

  it('are those that are known', () => {
    const options = (value: object) => refused(() => chat({ stream: true, stream_options: value }));
    expect(options({ include_obfuscation: true })).toBe('field_invalid stream_options.include_obfuscation');
    expect(options({ every: 2 })).toBe('field_unknown stream_options.every');
  });
});

describe('messages', () => {
  const read = (...list: readonly unknown[]): unknown => chat({ messages: list }).input;
  const refusal = (message: unknown): string => refused(() => read(message));

  it('have three roles, and developer is read as system', () => {
    const given = ['system', 'developer', 'user', 'assistant'].map((role) => ({ role, content: role }));
    expect(read(...given)).toEqual({
      kind: 'chat',
      messages: [
        { role: 'system', content: 'system' },
        { role: 'system', content: 'developer' },
        { role: 'user', content: 'user' },
        { role: 'assistant', content: 'assistant' },
      ],
    });
  });

  it('have a text, or parts of text', () => {
    const parts = ['one', 'two'].map((text) => ({ type: 'text', text }));
    expect(read({ role: 'user', content: parts, name: 'kim' })).toEqual({
      kind: 'chat',
      messages: [{ role: 'user', content: 'one\ntwo' }],
    });
  });

  it('come back as an answer gave them', () => {
    const answer = { refusal: null, annotations: [], audio: null, tool_calls: [], function_call: null };
    expect(read({ role: 'assistant', content: 'yes', ...answer })).toEqual({
      kind: 'chat',
      messages: [{ role: 'assistant', content: 'yes' }],
    });
  });

  it.each([
    [{ role: 'tool', content: 'x', tool_call_id: 'c' }, 'field_invalid messages[0].role'],
    [{ role: 'function', content: 'x', name: 'f' }, 'field_invalid messages[0].role'],
    [{ role: 'User', content: 'x' }, 'field_invalid messages[0].role'],
    [{ content: 'x' }, 'field_missing messages[0].role'],
    [{ role: 'user' }, 'field_missing messages[0].content'],
    [{ role: 'assistant', content: null }, 'field_invalid messages[0].content'],
    [{ role: 'user', content: 7 }, 'field_invalid messages[0].content'],
    [{ role: 'user', content: [] }, 'field_invalid messages[0].content'],
    [{ role: 'user', content: ['x'] }, 'field_invalid messages[0].content[0]'],
    [{ role: 'assistant', content: 'x', tool_calls: [{}] }, 'field_invalid messages[0].tool_calls'],
    [{ role: 'assistant', content: 'x', refusal: 'no' }, 'field_invalid messages[0].refusal'],
    [{ role: 'user', content: 'x', weight: 1 }, 'field_unknown messages[0].weight'],
    ['x', 'field_invalid messages[0]'],
  ])('are refused as %j', (message, expected) => {
    expect(refusal(message)).toBe(expected);
  });

  it.each([
    [{ type: 'image_url', image_url: { url: 'data:' } }, /type$/],
    [{ type: 'input_audio', input_audio: {} }, /type$/],
    [{ type: 'file', file: {} }, /type$/],
    [{ type: 'hologram' }, /type$/],
    [{ type: 'text' }, /field_missing .*text$/],
    [{ text: 'x' }, /field_missing .*type$/],
    [{ type: 'text', text: 'x', cache_control: {} }, /field_unknown .*cache_control$/],
  ])('have no part like %j', (part, expected) => {
    expect(refusal({ role: 'user', content: [part] })).toMatch(expected);
  });

  it('are named in words where a kind is not offered', () => {
    const words = (message: unknown): string => {
      try {
        return JSON.stringify(read(message));
      } catch (error) {
        return (error as WireError).detail;
      }
    };
    expect(words({ role: 'tool', content: 'x' })).toBe('messages of a tool are not offered');
    expect(words({ role: 'user', content: [{ type: 'image_url' }] })).toBe('image_url is not offered');
  });

  it('are bounded in number and in text', () => {
    const many = (count: number) => Array.from({ length: count }, () => ({ role: 'user', content: '' }));
    expect(read(...many(limits.chatMessages))).toBeDefined();
    expect(refused(() => read(...many(limits.chatMessages + 1)))).toBe('field_invalid messages');
    const half = { role: 'user', content: 'é'.repeat(limits.promptBytes / 4) };
    expect(read(half, half)).toBeDefined();
    expect(refused(() => read(half, half, { role: 'user', content: '.' }))).toBe('field_invalid messages');
    expect(refused(() => read())).toBe('field_invalid messages');
  });
});

describe('a prompt', () => {
  it('is one text', () => {
    expect(completion({ prompt: '' }).input).toEqual({ kind: 'completion', prompt: '' });
    expect(completion({ prompt: ['one'] }).input).toEqual({ kind: 'completion', prompt: 'one' });
  });

  it.each([[[]], [['a', 'b']], [[1, 2, 3]], [[[1, 2]]], [7], [null], ['x'.repeat(limits.promptBytes + 1)]])(
    'is refused otherwise',
    (prompt) => {
      expect(refused(() => completion({ prompt }))).toBe('field_invalid prompt');
    },
  );
});

describe('anything else', () => {
  it('is refused before it is read where it is too large', () => {
    const large = new Uint8Array(limits.languageBodyBytes + 1).fill(0x20);
    expect(codeOf(() => decodeLanguageRequest(large, 'chat'))).toBe('too_large');
    const values = { messages, metadata: null, stop: Array.from({ length: limits.languageValues }, () => 1) };
    expect(codeOf(() => decodeLanguageRequest(bodyOf(values), 'chat'))).toBe('too_large');
  });

  it('is refused as JSON', () => {
    expect(codeOf(() => decodeLanguageRequest(bodyOf('{"prompt":"a"'), 'completion'))).toBe('json_malformed');
    expect(codeOf(() => decodeLanguageRequest(bodyOf('{"n":1,"n":1}'), 'completion'))).toBe('json_duplicate_key');
    expect(codeOf(() => decodeLanguageRequest(bodyOf('{"prompt":"\\ud800"}'), 'completion'))).toBe('json_surrogate');
    expect(codeOf(() => decodeLanguageRequest(bodyOf('[]'), 'chat'))).toBe('field_invalid');
  });

  it('ends in a WireError and never in another one', () => {
    const names = fc.constantFrom(
      'messages',
      'prompt',
      'stop',
      'n',
      'stream_options',
      'role',
      'content',
      'type',
      'text',
    );
    const value = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        fc.constantFrom(null, true, 'user', 'text', '', 'hi', 1, 0.5),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(names, tie('value'), { maxKeys: 4 }),
      ),
    })).value;
    fc.assert(
      fc.property(value, fc.constantFrom('chat', 'completion'), (body, operation) => {
        try {
          const { input } = decodeLanguageRequest(bodyOf(body), operation as 'chat' | 'completion');
          expect(input.kind).toBe(operation);
        } catch (error) {
          expect(error).toBeInstanceOf(WireError);
        }
      }),
      { numRuns: 2_000 },
    );
  });

  it('is read as it was written', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 40 });
    const turns = fc.array(fc.record({ role: fc.constantFrom('system', 'user', 'assistant'), content: text }), {
      minLength: 1,
      maxLength: 5,
    });
    fc.assert(
      fc.property(turns, fc.option(fc.nat()), (given, seed) => {
        const read = chat({ messages: given, seed });
        expect(read.input).toEqual({ kind: 'chat', messages: given });
        expect(read.seed).toBe(seed);
      }),
    );
  });
});
