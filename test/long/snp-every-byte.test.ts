import { describe, expect, it } from 'vitest';
import { hasRealEvidence, realSnpCases } from '../support/real-evidence.ts';
import { acceptedFlips } from '../support/real-snp.ts';

const valid = realSnpCases().filter(({ expect: cause }) => cause === 'valid');

describe.skipIf(!hasRealEvidence)('every byte of a real report (skipped where ../shared/vectors is absent)', () => {
  it.each(valid)('refuses $id with any byte changed', { timeout: 1_800_000 }, async (real) => {
    expect(await acceptedFlips(real, { stride: 1, masks: 'all' })).toEqual([]);
  });
});
