import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { bundleTarget } from './bundle.ts';
import { runCampaign } from './campaign.ts';
import { measureBundle, minimise } from './corpus.ts';

const scratch = mkdtempSync(join(tmpdir(), 'proofmark-planted-'));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const root = process.cwd();
const bytes = (...values: readonly number[]): Uint8Array => Uint8Array.from(values);

describe('the fuzzer', async () => {
  const bundle = await bundleTarget('driver/planted/bug', { root, guiding: /\/planted\/parser\.ts$/ });
  const file = join(scratch, 'planted.cjs');
  writeFileSync(file, bundle);

  it('finds a bug behind three comparisons by following coverage', async () => {
    const campaign = await runCampaign({
      bundle,
      inputs: [bytes(0, 0, 0)],
      seconds: 25,
      scratch: join(scratch, 'campaign'),
    });
    expect(campaign.end).toEqual({ kind: 'crash', input: expect.any(Uint8Array) });
    expect(campaign.end).toMatchObject({ input: { 0: 0x50, 1: 0x4d, 2: 0x21 } });
    expect(campaign.output).toContain('the planted bug');
  });

  it('keeps what reaches something new, once, and the shortest of equals', async () => {
    const corpus = await minimise(measureBundle(file), {
      seeds: [bytes(0)],
      kept: new Map([['crash-0', bytes(9)]]),
      found: [bytes(0x50, 0x4d, 1), bytes(1, 2, 3), bytes(0x50), bytes(0x50, 7)],
    });
    expect([...corpus.values()]).toEqual([bytes(9), bytes(0x50), bytes(0x50, 0x4d, 1)]);
  });
});
