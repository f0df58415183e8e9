import { describe, expect, it } from 'vitest';
import { openDecoder } from '../../../../../enclave/worker/model/language/decoder.ts';
import { batchesKeepBits } from '../../../../../enclave/worker/model/language/probe.ts';
import { type DecoderLayout, entryOf, type TestDecoder, testDecoder } from '../../../../models/decoder.ts';

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
