import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../../../enclave/worker/model/errors.ts';
import { openTokenEngine, type TokenOptions } from '../../../../../enclave/worker/model/language/token-engine.ts';
import { limits } from '../../../../../wire/limits.ts';
import { type DecoderLayout, entryOf, type TestDecoder, testDecoder } from '../../../../models/decoder.ts';
import { greedy, mixedRequests, openWatched, runAll, runOne, type Watched } from './requests.ts';

function refusal(work: () => void): string {
  try {
    work();
  } catch (error) {
    if (error instanceof ModelError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const prompt = [5, 6, 7, 8, 9, 10, 11, 12];
const sampled = (fill: number): TokenOptions => ({
  ...greedy(12),
  temperature: 1,
  seed: new Uint8Array(32).fill(fill),
});

describe('what a load says', () => {
  it('names everything that decides bits, each within what a receipt holds', async () => {
    const { engine } = await openWatched({ layout: 'split' });
    expect(engine.info).toEqual({
      engine: { engine: 'onnxruntime', version: expect.any(String), provider: 'cpu', optimisation: 'all', threads: 1 },
      layout: 'split-v1',
      schedule: 'one-prefill-then-steps-v1',
      sampler: 'nucleus-v1',
      contextTokens: 256,
      vocabulary: 512,
    });
    for (const name of [engine.info.layout, engine.info.schedule, engine.info.sampler]) {
      expect(name.length).toBeLessThanOrEqual(64);
    }
  });

  it.each([0, 1.5, limits.languageBatch + 1])('refuses a capacity of %s', async (capacity) => {
    await expect(openWatched({}, { capacity })).rejects.toMatchObject({ code: 'model_refused' });
  });

  it('refuses a graph that cannot be run', async () => {
    const files = new Map(testDecoder({ layout: 'optimum', keyHeads: 4 }));
    files.set('config.json', testDecoder({ layout: 'optimum', context: 100_000 }).get('config.json') as Uint8Array);
    const broken = new Map([...files, [entryOf(), corrupted(files.get(entryOf()) as Uint8Array)]]);
    const options = {
      entry: entryOf(),
      optimisation: 'all',
      threads: 1,
      endTokens: new Set<number>(),
      capacity: 1,
    } as const;
    await expect(openTokenEngine(broken, options)).rejects.toMatchObject({ code: 'model_refused' });
  });
});

/** One operator renamed to another that takes other inputs. */
function corrupted(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes);
  const place = copy.indexOf('Softmax');
  expect(place).toBeGreaterThan(0);
  copy.write('Reshape', place);
  return new Uint8Array(copy);
}

describe('what a request may ask', () => {
  it.each<readonly [string, readonly number[], Partial<TokenOptions>, string]>([
    ['no prompt', [], {}, 'model_input: the prompt is empty'],
    [
      'a prompt as long as the context',
      Array(256).fill(1),
      {},
      'model_input: the prompt has 256 tokens, and the context 256',
    ],
    ['a token outside the vocabulary', [1, 512], {}, 'model_input: the prompt holds a token outside the vocabulary'],
    ['a token below it', [-1], {}, 'model_input: the prompt holds a token outside the vocabulary'],
    ['half a token', [0.5], {}, 'model_input: the prompt holds a token outside the vocabulary'],
    ['no tokens', [1], { maxTokens: 0 }, 'model_input: maxTokens is not above 0'],
    ['a negative temperature', [1], { temperature: -1 }, 'model_input: no temperature like this'],
    ['no temperature', [1], { temperature: Number.NaN }, 'model_input: no temperature like this'],
    ['a topP above 1', [1], { topP: 1.1 }, 'model_input: topP is not in 0..1'],
    ['a short seed', [1], { seed: new Uint8Array(16) }, 'model_input: the seed has not 32 bytes'],
    ['chance without a seed', [1], { temperature: 1 }, 'model_input: a temperature above 0 needs a seed'],
  ])('refuses %s', async (_, tokens, options, expected) => {
    const { engine } = await shared;
    expect(refusal(() => engine.start(1, tokens, { ...greedy(4), ...options }))).toBe(expected);
    expect(engine.running).toBe(0);
  });

  it('refuses more requests than it has places, and one that runs already', async () => {
    const { engine } = await openWatched({ layout: 'split' }, { capacity: 2 });
    engine.start(1, prompt, greedy(4));
    expect(refusal(() => engine.start(1, prompt, greedy(4)))).toBe('model_failed: request 1 runs already');
    engine.start(2, prompt, greedy(4));
    expect(refusal(() => engine.start(3, prompt, greedy(4)))).toBe('model_failed: 2 requests run already');
    engine.stop(1);
    engine.start(3, prompt, greedy(4));
    expect(engine.running).toBe(2);
  });

  it('takes one step at a time', async () => {
    const { engine } = await openWatched({ layout: 'split' }, { capacity: 1 });
    engine.start(1, prompt, greedy(2));
    const step = engine.step();
    await expect(engine.step()).rejects.toMatchObject({ code: 'model_failed' });
    expect(await step).toMatchObject([{ kind: 'token', id: 1 }]);
  });
});

const shared: Promise<Watched> = openWatched({ layout: 'split' });

describe('how answers end', () => {
  const layouts: readonly DecoderLayout[] = ['split', 'optimum', 'uncounted'];

  it.each(layouts)('at the end of the context, whose last place is used: %s', async (layout) => {
    const watched = await openWatched({ layout, context: 64 }, { endTokens: new Set() });
    const long = await runOne(watched, Array(50).fill(3), greedy(1_000));
    expect(long).toMatchObject({ reason: 'length' });
    expect(long.tokens).toHaveLength(14);
    const last = await runOne(watched, Array(63).fill(3), greedy(1_000));
    expect(last.tokens).toHaveLength(1);
  });

  it('at an end token, which is not told', async () => {
    const free = await runOne(await openWatched({ layout: 'split' }, { endTokens: new Set() }), prompt, greedy(12));
    const end = free.tokens[5] as number;
    const first = free.tokens.indexOf(end);
    const ended = await runOne(
      await openWatched({ layout: 'split' }, { endTokens: new Set([end]) }),
      prompt,
      greedy(12),
    );
    expect(ended).toMatchObject({ reason: 'end', tokens: free.tokens.slice(0, first) });
    const at = await runOne(
      await openWatched({ layout: 'split' }, { endTokens: new Set([free.tokens[0] as number]) }),
      prompt,
      greedy(12),
    );
    expect(at).toMatchObject({ reason: 'end', tokens: [] });
  });

  it('by chance of the seed alone', async () => {
    const watched = await shared;
    const one = await runOne(watched, prompt, sampled(1));
    expect(await runOne(watched, prompt, sampled(1))).toEqual(one);
    expect((await runOne(watched, prompt, sampled(2))).tokens).not.toEqual(one.tokens);
  });
});

describe('stopping', () => {
  it.each<DecoderLayout>(['split', 'optimum'])(
    'frees the place at once and touches nobody else: %s',
    async (layout) => {
      const watched = await openWatched({ layout }, { capacity: 3 });
      const { engine } = watched;
      const alone = await runOne(watched, prompt, greedy(20));
      watched.hashes.clear();
      engine.start(0, prompt, greedy(20));
      engine.start(1, [9, 9, 9], greedy(20));
      engine.start(2, [8, 8], greedy(20));
      const tokens: number[] = [];
      const step = async (): Promise<void> => {
        for (const event of await engine.step()) if (event.kind === 'token' && event.id === 0) tokens.push(event.token);
      };
      for (let i = 0; i < 6; i++) await step();
      engine.stop(1);
      expect(engine.running).toBe(2);
      engine.start(3, [7, 7, 7, 7], greedy(20));
      const under = step();
      engine.stop(2);
      expect(engine.running).toBe(2);
      await under;
      expect((await engine.step()).every(({ id }) => id !== 1 && id !== 2)).toBe(true);
      engine.stop(3);
      engine.stop(77);
      watched.hashes.clear();
      tokens.length = 0;
      engine.stop(0);
      expect(engine.running).toBe(0);
      expect(await engine.step()).toEqual([]);
      expect(await runOne(watched, prompt, greedy(20))).toEqual(alone);
    },
  );

  it('takes a newcomer out of the line before it was computed', async () => {
    const watched = await openWatched({ layout: 'split' });
    watched.engine.start(0, prompt, greedy(4));
    watched.engine.stop(0);
    expect(await watched.engine.step()).toEqual([]);
    expect(watched.hashes.size).toBe(0);
  });
});

describe('the schedule', () => {
  it('lets those that run have a token between two newcomers', async () => {
    const { engine } = await openWatched({ layout: 'split' });
    for (const id of [0, 1, 2]) engine.start(id, prompt, greedy(20));
    const ids: (readonly number[])[] = [];
    for (let i = 0; i < 6; i++) ids.push((await engine.step()).map(({ id }) => id));
    expect(ids).toEqual([[0], [0], [1], [0, 1], [2], [0, 1, 2]]);
  });
});

describe('numbers that are none', () => {
  const poisons: readonly (readonly [DecoderLayout, number])[] = [
    ['split', Number.NaN],
    ['split', Number.POSITIVE_INFINITY],
    ['optimum', Number.NaN],
    ['optimum', Number.NEGATIVE_INFINITY],
  ];

  it.each(poisons)('stay with the request that made them: %s, %s', async (layout, value) => {
    const decoder: Partial<TestDecoder> = { layout, poison: { token: 300, value } };
    const watched = await openWatched(decoder, { capacity: 3, endTokens: new Set() });
    const clean = mixedRequests(12).map(({ prompt: tokens, options }) => ({
      prompt: tokens.filter((token) => token !== 300),
      options,
    }));
    const alone = await runAll(watched, clean, 1);
    const poisoned = { prompt: Array<number>(80).fill(300), options: greedy(4) };
    // Before, between and after the others, so that each place has held one when a clean request comes to it.
    const mixed = clean.flatMap((request) => [poisoned, request]);
    const answers = await runAll(watched, mixed, 3);
    expect(answers.filter((_, i) => i % 2 === 1)).toEqual(alone);
    // Every logit is NaN: the lowest token, which says nothing but is the same everywhere.
    expect(answers[0]?.tokens).toEqual([0, 0, 0, 0]);
  });
});
