import { describe, expect, it } from 'vitest';
import type { DecoderLayout, TestDecoder } from '../../../../models/decoder.ts';
import { greedy, openWatched, runOne, type Watched } from './requests.ts';

const layouts: readonly DecoderLayout[] = ['split', 'optimum', 'uncounted', 'merged', 'pair'];
const architectures = ['llama', 'gpt2'] as const;
/** Logits here are about 1 in size; the same sum in another order differs in the last bits of float32. */
const TOLERANCE = 2e-5;

const prompt = Array.from({ length: 41 }, (_, i) => (37 * i + 5) % 512);

const open = (decoder: Partial<TestDecoder>): Promise<Watched> =>
  openWatched(decoder, { keep: 'rows', endTokens: new Set() });

function furthest(a: Float32Array, b: Float32Array): number {
  expect(a.length).toBe(b.length);
  return a.reduce((most, x, i) => Math.max(most, Math.abs(x - (b[i] as number))), 0);
}

describe.each(architectures)('%s', (architecture) => {
  it('speaks the same tokens in every layout, from logits that agree', async () => {
    const base = await open({ architecture, layout: 'uncounted' });
    const expected = await runOne(base, prompt, greedy(30));
    expect(new Set(expected.tokens).size).toBeGreaterThan(1);
    for (const layout of layouts) {
      const watched = await open({ architecture, layout });
      expect((await runOne(watched, prompt, greedy(30))).tokens).toEqual(expected.tokens);
      const distances = watched.rows.get(0)?.map((row, i) => furthest(row, base.rows.get(0)?.[i] as Float32Array));
      expect(distances).toHaveLength(30);
      expect(Math.max(...(distances as number[]))).toBeLessThan(TOLERANCE);
    }
  });

  it.each(layouts)('has the logits that its whole text has as a prompt: %s', async (layout) => {
    const watched = await open({ architecture, layout });
    const { tokens } = await runOne(watched, prompt, greedy(25));
    const stepped = watched.rows.get(0) as Float32Array[];
    for (const count of [1, 12, 24]) {
      watched.rows.clear();
      await runOne(watched, [...prompt, ...tokens.slice(0, count)], greedy(1));
      const [whole] = watched.rows.get(0) as Float32Array[];
      expect(furthest(stepped[count] as Float32Array, whole as Float32Array)).toBeLessThan(TOLERANCE);
    }
  });
});
