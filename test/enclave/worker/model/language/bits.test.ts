import { describe, expect, it } from 'vitest';
import { openDecoder } from '../../../../../enclave/worker/model/language/decoder.ts';
import { batchesKeepBits } from '../../../../../enclave/worker/model/language/probe.ts';
import { type DecoderLayout, entryOf, type TestDecoder, testDecoder } from '../../../../models/decoder.ts';
import { mixedRequests, openWatched, runAll } from './requests.ts';

const requests = mixedRequests(40);

const cases: readonly (readonly [string, Partial<TestDecoder>, string])[] = [
  ['split llama', { layout: 'split' }, 'split-v1'],
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
    for (const most of [3, 8]) expect(await runAll(watched, requests, most)).toEqual(alone);
  });

  it('keep them on two threads, and in another process of the same layout', async () => {
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

describe('what a load finds out', () => {
  const tried = async (decoder: Partial<TestDecoder>, optimisation: 'all' | 'disabled'): Promise<boolean> => {
    const opened = await openDecoder(testDecoder(decoder), { entry: entryOf(decoder), optimisation, threads: 1 });
    return batchesKeepBits(opened, 8);
  };

  it.each<DecoderLayout>(['split', 'optimum', 'merged', 'pair'])('rows may share a run: %s', async (layout) => {
    expect(await tried({ layout }, 'all')).toBe(true);
  });

  it('rows that are of exactly their length run alone', async () => {
    expect(await tried({ layout: 'uncounted' }, 'all')).toBe(false);
  });

  it('a product with a table that is made at run time depends on how many rows there are', async () => {
    expect(await tried({ layout: 'optimum', head: 'tied' }, 'disabled')).toBe(false);
    expect(await tried({ layout: 'split', head: 'tied' }, 'disabled')).toBe(false);
  });

  it('a context too short to try all sizes in is not shared', async () => {
    expect(await tried({ layout: 'split', context: 12 }, 'all')).toBe(false);
  });
});
