import { describe, expect, it } from 'vitest';
import { decoderSizes, type TestDecoder } from '../../../../models/decoder.ts';
import { mixedRequests, openWatched, runAll } from './requests.ts';

const requests = mixedRequests(40);

const cases: readonly (readonly [string, Partial<TestDecoder>, string])[] = [
  ['split llama', { layout: 'split' }, 'split-v1'],
  // Heads of 32, for which the engine has kernels that treat the last columns of a buffer in their own way.
  ['split llama of a million', { layout: 'split', ...decoderSizes.million }, 'split-v1'],
  ['split gpt2', { layout: 'split', architecture: 'gpt2' }, 'split-v1'],
  ['optimum llama', { layout: 'optimum' }, 'concat-canon-v1'],
  ['optimum gpt2', { layout: 'optimum', architecture: 'gpt2' }, 'concat-canon-v1'],
  ['merged llama', { layout: 'merged' }, 'concat-canon-v1'],
  ['pair llama', { layout: 'pair', folder: '' }, 'concat-canon-v1'],
  ['uncounted gpt2', { layout: 'uncounted', architecture: 'gpt2' }, 'concat-exact-v1'],
];

describe('requests that join and leave at any time', () => {
  it.each(cases)('keep every bit of the logits that each has alone: %s', async (_, decoder, layout) => {
    const watched = await openWatched(decoder);
    expect(watched.engine.info.layout).toBe(layout);
    const alone = await runAll(watched, requests, 1);
    expect(new Set(alone.map(({ logits }) => logits)).size).toBe(requests.length);
    expect(await runAll(watched, requests, 8)).toEqual(alone);
    if (layout === 'split-v1') expect(await runAll(watched, requests, 3)).toEqual(alone);
  });

  it('keep them on two threads, and in an engine of another capacity', async () => {
    const one = await runAll(await openWatched({ layout: 'split' }), requests.slice(0, 12), 1);
    const two = await runAll(
      await openWatched({ layout: 'split' }, { threads: 2, capacity: 5 }),
      requests.slice(0, 12),
      5,
    );
    expect(two).toEqual(one);
  });

  it('keep them where no size of batch would', async () => {
    const decoder = { layout: 'optimum', head: 'tied' } as const;
    const watched = await openWatched(decoder, { optimisation: 'disabled' });
    const alone = await runAll(watched, requests, 1);
    expect(await runAll(watched, requests, 8)).toEqual(alone);
  });
});
