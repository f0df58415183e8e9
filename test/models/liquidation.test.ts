import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../enclave/worker/model/engine.ts';
import { scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import { decodeIntegers, encodeIntegers, integersToTensor, tensorToIntegers } from '../../wire/message/integers.ts';
import { floatTensor, type Tensor, tensorValues } from '../../wire/message/tensor.ts';
import { committedRelease, engineOf } from './drafts.ts';

const release = await committedRelease('liquidation-24h');

let engine: Engine;
beforeAll(async () => {
  engine = await engineOf(release);
});

async function risks(rows: readonly (readonly number[])[]): Promise<readonly number[]> {
  const [output] = await engine.run([floatTensor('position', [rows.length, 6], rows.flat())], 'all');
  return tensorValues(output as Tensor) as number[];
}

const float = (min: number, max: number): fc.Arbitrary<number> => fc.double({ min, max, noNaN: true });
/** Volatilities of an hour, a day and a week, the largest change and the day's change. */
const history = fc.tuple(float(0, 0.2), float(0, 0.6), float(0, 1.5), float(0, 0.3), float(-0.6, 0.6));

describe('liquidation-24h', () => {
  it('is trees of the domain ai.onnx.ml', () => {
    expect(scanOnnx(release.entry).operators.get('ai.onnx.ml.TreeEnsembleRegressor')).toBe(1);
    expect(release.entry.length).toBeLessThan(300_000);
    expect(release.manifest.inputs).toEqual([{ name: 'position', datatype: 'FP32', shape: ['batch', 6] }]);
    expect(release.manifest.outputs).toEqual([{ name: 'probability', datatype: 'FP32', shape: ['batch', 1] }]);
  });

  it('never reads more collateral as more risk', async () => {
    const health = fc.array(float(1.0001, 5), { minLength: 20, maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(history, health, async (past, factors) => {
        const answers = await risks([...factors].sort((a, b) => a - b).map((factor) => [factor, ...past]));
        expect(answers.every((risk) => risk >= 0 && risk <= 1)).toBe(true);
        expect([...answers].sort((a, b) => b - a)).toEqual(answers);
      }),
      { numRuns: 200 },
    );
  });

  it('is certain at a health factor of one and below', async () => {
    const rows = fc.sample(fc.tuple(float(0, 1), history), { numRuns: 100, seed: 3 });
    const answers = await risks([[1, 0, 0, 0, 0, 0], ...rows.map(([health, past]) => [health, ...past])]);
    expect(new Set(answers)).toEqual(new Set([1]));
  });

  it('tells the calm from the wild', async () => {
    const [safe, close, wild] = (await risks([
      [2, 0.004, 0.02, 0.05, 0.004, 0],
      [1.02, 0.004, 0.02, 0.05, 0.004, 0],
      [1.1, 0.04, 0.2, 0.5, 0.04, 0],
    ])) as [number, number, number];
    expect(safe).toBeLessThan(0.01);
    // One volatility of the day away, where the reflection principle says 2 (1 - Phi(1)) = 0.32.
    expect(close).toBeGreaterThan(0.2);
    expect(close).toBeLessThan(0.5);
    expect(wild).toBeGreaterThan(0.4);
  });

  it('has the same bits in company as alone', async () => {
    const rows = fc
      .sample(fc.tuple(float(1, 3), history), { numRuns: 32, seed: 5 })
      .map(([health, past]) => [health, ...past]);
    const alone = await Promise.all(rows.map((row) => risks([row])));
    expect(await risks(rows)).toEqual(alone.flat());
  });

  it('is asked and answered by contracts in integers of 18 decimals', async () => {
    const values = [1_100, 10, 50, 130, 12, -20].map((thousandths) => BigInt(thousandths) * 10n ** 15n);
    const [given] = decodeIntegers(encodeIntegers([{ decimals: 18, shape: [1, 6], values }]));
    if (given === undefined) throw new Error('no tensor');
    const [output] = await engine.run([integersToTensor({ name: 'position', datatype: 'FP32' }, given)], 'all');
    const { decimals, shape, values: answered } = tensorToIntegers(output as Tensor);
    expect({ decimals, shape }).toEqual({ decimals: 18, shape: [1, 1] });
    const [direct] = await risks([[1.1, 0.01, 0.05, 0.13, 0.012, -0.02]]);
    expect(Number(answered[0]) / 1e18).toBeCloseTo(direct as number, 12);
  });
});
