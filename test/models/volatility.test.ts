import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Engine } from '../../enclave/worker/model/engine.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { decodeIntegers, encodeIntegers, integersToTensor, tensorToIntegers } from '../../wire/message/integers.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { committedRelease, engineOf } from './drafts.ts';

const ONE = 10n ** 18n;
const STEPS = 16;

let engine: Engine;
beforeAll(async () => {
  engine = await engineOf(await committedRelease('volatility-1h'));
});

/** As `VolatilityFeePool.sol` asks and is answered: integers of 18 decimals. */
async function forecast(values: readonly bigint[]): Promise<bigint> {
  const body = encodeIntegers([{ decimals: 18, shape: [1, STEPS], values }]);
  const [given] = decodeIntegers(body);
  if (given === undefined) throw new Error('no tensor');
  const [output] = await engine.run([integersToTensor({ name: 'changes', datatype: 'FP32' }, given)], 'all');
  const { decimals, shape, values: answered } = tensorToIntegers(output as Tensor);
  expect({ decimals, shape }).toEqual({ decimals: 18, shape: [1, 1] });
  return answered[0] as bigint;
}

/** What `PriceHistory.sol` can hand out: nothing below minus one, nothing above one. */
const change = fc.oneof(
  fc.bigInt({ min: -ONE, max: ONE }),
  fc.bigInt({ min: -(10n ** 16n), max: 10n ** 16n }),
  fc.constantFrom(-ONE, 0n, 1n, -1n, ONE),
);
const history = fc.array(change, { minLength: STEPS, maxLength: STEPS });

describe('volatility-1h', () => {
  it('answers every history that the pool can send with a volatility that the pool accepts', async () => {
    await fc.assert(
      fc.asyncProperty(history, async (values) => {
        const volatility = await forecast(values);
        expect(volatility >= 0n && volatility <= ONE).toBe(true);
      }),
      { numRuns: 300 },
    );
  });

  it('expects more of a history that moved more', async () => {
    const wild = Array.from({ length: STEPS }, (_, at) => (at % 2 === 0 ? 1n : -1n) * 2n * 10n ** 16n);
    const calm = wild.map((value) => value / 10n);
    const [much, little] = [await forecast(wild), await forecast(calm)];
    expect(much).toBeGreaterThan(5n * little);
    // Sixteen moves of two per cent go on as about twelve of them: 7 %.
    expect(much).toBeGreaterThan(ONE / 25n);
    expect(much).toBeLessThan(ONE / 8n);
  });

  it('has the same bits in company as alone', async () => {
    const rows = fc.sample(history, { numRuns: 32, seed: 7 });
    const tensors = rows.map((values) =>
      integersToTensor({ name: 'changes', datatype: 'FP32' }, { decimals: 18, shape: [1, STEPS], values }),
    );
    const alone = await Promise.all(tensors.map((tensor) => engine.run([tensor], 'all')));
    const all = {
      ...(tensors[0] as Tensor),
      shape: [32, STEPS],
      data: concatBytes(...tensors.map(({ data }) => data)),
    };
    const [together] = await engine.run([all], 'all');
    expect(together?.data).toEqual(concatBytes(...alone.map(([output]) => (output as Tensor).data)));
  });
});
