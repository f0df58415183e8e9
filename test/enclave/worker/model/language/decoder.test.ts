import { describe, expect, it } from 'vitest';
import { type Decoder, openDecoder } from '../../../../../enclave/worker/model/language/decoder.ts';
import { entryOf, type TestDecoder, testDecoder } from '../../../../models/decoder.ts';

const open = (decoder: Partial<TestDecoder>): Promise<Decoder> =>
  openDecoder(testDecoder(decoder), { entry: entryOf(decoder), optimisation: 'all', threads: 1 });

describe('the width of a past', () => {
  it('follows from what a request may need at most, where it decides bits', async () => {
    const { width, widthFor } = await open({ layout: 'optimum' });
    expect(width).toBe('by-request');
    expect([1, 64, 65, 96, 97, 128, 129, 192, 193, 256].map(widthFor)).toEqual([
      63, 63, 95, 95, 127, 127, 191, 191, 255, 255,
    ]);
  });

  it('leaves room for all but the last token, and none beyond the context', async () => {
    const { widthFor } = await open({ layout: 'optimum', context: 200 });
    for (let tokens = 1; tokens <= 200; tokens++) {
      expect(widthFor(tokens)).toBeGreaterThanOrEqual(tokens - 1);
      expect(widthFor(tokens)).toBeLessThan(200);
    }
  });

  it('is the same for all where it decides nothing', async () => {
    const { width, widthFor } = await open({ layout: 'split' });
    expect(width).toBe('grows');
    expect(new Set([1, 64, 65, 256].map(widthFor)).size).toBe(1);
  });
});

describe('a prompt', () => {
  it('leaves keys and values of exactly its length, which agree between layouts', async () => {
    const prompt = [9, 8, 7, 6, 5];
    const [split, optimum, merged] = [
      await (await open({ layout: 'split' })).prefill(prompt),
      await (await open({ layout: 'optimum' })).prefill(prompt),
      await (await open({ layout: 'merged' })).prefill(prompt),
    ];
    for (const other of [optimum, merged]) {
      expect(other.length).toBe(5);
      expect(other.caches.map(({ length }) => length)).toEqual(Array(4).fill(2 * 5 * 16));
      for (const [i, cache] of other.caches.entries()) {
        const distances = cache.map((x, k) => Math.abs(x - (split.caches[i]?.[k] as number)));
        expect(Math.max(...distances)).toBeLessThan(1e-5);
      }
    }
  });
});
