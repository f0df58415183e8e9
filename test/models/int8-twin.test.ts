import * as fc from 'fast-check';
import { beforeAll, describe, expect, it } from 'vitest';
import { onnxType } from '../../cli/demo-model/onnx-writer.ts';
import type { Engine } from '../../enclave/worker/model/engine.ts';
import { scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import { decodeIntegers, encodeIntegers, integersToTensor, tensorToIntegers } from '../../wire/message/integers.ts';
import { floatTensor, type Tensor, tensorValues } from '../../wire/message/tensor.ts';
import { cardOf, committedRelease, engineOf } from './drafts.ts';
import { type Initializer, initializersOf } from './initializers.ts';

const ONNX_INT8 = 3;
const STEPS = 16;
const MOST = 255;

interface Layer {
  /** By output: one weight for each input. */
  readonly weights: readonly (readonly bigint[])[];
  readonly bias: readonly bigint[];
}

const release = await committedRelease('volatility-1h-int8');
const constants = initializersOf(release.entry);
const layers: readonly Layer[] = [1, 2, 3].map(layerOf);

let engine: Engine;
beforeAll(async () => {
  engine = await engineOf(release);
});

function constant(name: string): Initializer {
  const found = constants.get(name);
  if (found === undefined) throw new Error(`no constant ${name}`);
  return found;
}

function layerOf(number: number): Layer {
  const { dimensions, raw } = constant(`w${number}`);
  const [inputs = 0, outputs = 0] = dimensions;
  const signed = new Int8Array(raw.buffer, raw.byteOffset, raw.length);
  const weights = Array.from({ length: outputs }, (_, to) =>
    Array.from({ length: inputs }, (__, from) => BigInt(signed[from * outputs + to] as number)),
  );
  return { weights, bias: int32(constant(`b${number}`)) };
}

function int32({ raw }: Initializer): readonly bigint[] {
  const view = new DataView(raw.buffer, raw.byteOffset, raw.length);
  return Array.from({ length: raw.length / 4 }, (_, at) => BigInt(view.getInt32(4 * at, true)));
}

/** The card's three lines, in integers that cannot overflow. */
function recomputed(x: readonly number[]): bigint {
  let values: readonly bigint[] = x.map(BigInt);
  for (const { weights, bias } of layers) {
    const last = weights.length === 1;
    values = weights.map((row, to) => {
      const sum = row.reduce((all, weight, from) => all + weight * (values[from] as bigint), bias[to] as bigint);
      const kept = sum < 0n ? 0n : sum;
      if (last) return kept;
      return kept >> 8n > BigInt(MOST) ? BigInt(MOST) : kept >> 8n;
    });
  }
  return values[0] as bigint;
}

async function answered(rows: readonly (readonly number[])[]): Promise<readonly bigint[]> {
  const data = Uint8Array.from(rows.flat());
  const [output] = await engine.run(
    [{ name: 'magnitudes', datatype: 'UINT8', shape: [rows.length, STEPS], data }],
    'all',
  );
  expect(output?.datatype).toBe('INT32');
  expect(output?.shape).toEqual([rows.length, 1]);
  return (tensorValues(output as Tensor) as number[]).map(BigInt);
}

const byte = fc.integer({ min: 0, max: MOST });
const row = (value: fc.Arbitrary<number>): fc.Arbitrary<number[]> =>
  fc.array(value, { minLength: STEPS, maxLength: STEPS });
const anyRow = fc.oneof(
  row(byte),
  row(fc.integer({ min: 0, max: 8 })),
  row(fc.constantFrom(0, MOST)),
  row(fc.constantFrom(0, 1, 127, 128, 254, MOST)),
);
/** Every input alone at its most, every input but one, and for each unit of the first layer what drives it furthest. */
const extremes: readonly (readonly number[])[] = [
  new Array<number>(STEPS).fill(0),
  new Array<number>(STEPS).fill(MOST),
  ...Array.from({ length: STEPS }, (_, at) => Array.from({ length: STEPS }, (__, i) => (i === at ? MOST : 0))),
  ...Array.from({ length: STEPS }, (_, at) => Array.from({ length: STEPS }, (__, i) => (i === at ? 0 : MOST))),
  ...(layers[0]?.weights ?? []).flatMap((weights) => [
    weights.map((weight) => (weight > 0n ? MOST : 0)),
    weights.map((weight) => (weight < 0n ? MOST : 0)),
  ]),
];

describe('volatility-1h-int8 in the engine', () => {
  it('has no float anywhere', () => {
    expect([...scanOnnx(release.entry).operators]).toEqual([
      ['MatMulInteger', 3],
      ['Add', 3],
      ['Relu', 3],
      ['Div', 2],
      ['Min', 2],
      ['Cast', 2],
    ]);
    for (const [name, { type }] of constants) {
      expect([name, type]).toEqual([name, name.startsWith('w') ? ONNX_INT8 : onnxType.int32]);
    }
    expect(int32(constant('divisor'))).toEqual([256n]);
    expect(int32(constant('most'))).toEqual([BigInt(MOST)]);
    expect(engine.info.inputs).toEqual([{ name: 'magnitudes', datatype: 'UINT8', shape: ['batch', STEPS] }]);
    expect(engine.info.outputs).toEqual([{ name: 'volatility', datatype: 'INT32', shape: ['batch', 1] }]);
  });

  it('gives the integers of the card on 4,000 random inputs, bit by bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { minLength: 200, maxLength: 200 }), async (rows) => {
        expect(await answered(rows)).toEqual(rows.map(recomputed));
      }),
      { numRuns: 20 },
    );
  });

  it('gives them at the extremes, in company and alone', async () => {
    const expected = extremes.map(recomputed);
    expect(await answered(extremes)).toEqual(expected);
    const alone = await Promise.all(extremes.map((one) => answered([one])));
    expect(alone.flat()).toEqual(expected);
    expect(new Set(expected).size).toBeGreaterThan(20);
  });
});

describe('the accumulators of volatility-1h-int8', () => {
  it('stay within the bounds of the card, whatever the input and the order of adding', () => {
    const grouped = (value: number): string => value.toLocaleString('en-US');
    layers.forEach(({ weights, bias }, index) => {
      const ends = weights.map((all, to) => {
        const own = bias[to] as bigint;
        const terms = [...all.map((weight) => weight * BigInt(MOST)), own];
        const sum = (wanted: (term: bigint) => boolean): bigint =>
          terms.filter(wanted).reduce((total, term) => total + term, 0n);
        return { least: sum((term) => term < 0n), most: sum((term) => term > 0n) };
      });
      const least = Math.min(...ends.map((end) => Number(end.least)));
      const most = Math.max(...ends.map((end) => Number(end.most)));
      expect(-least).toBeLessThan(2 ** 31);
      expect(most).toBeLessThan(2 ** 31);
      expect(cardOf('volatility-1h-int8')).toContain(`| layer ${index + 1} | ${grouped(least)} | ${grouped(most)} |`);
    });
  });

  it('have weights of which two products fit into sixteen bits on every processor', () => {
    const weights = layers.flatMap((layer) => layer.weights.flat().map(Number));
    expect(2 * MOST * Math.max(...weights)).toBeLessThan(2 ** 15);
    expect(2 * MOST * Math.min(...weights)).toBeGreaterThanOrEqual(-(2 ** 15));
  });
});

describe('volatility-1h-int8 for others', () => {
  it('is asked and answered in ABI integers without decimals, and no larger magnitude is taken', async () => {
    const input = { name: 'magnitudes', datatype: 'UINT8' } as const;
    const values = Array.from({ length: STEPS }, (_, at) => BigInt(at * MOST) / 15n);
    const [given] = decodeIntegers(encodeIntegers([{ decimals: 0, shape: [1, STEPS], values }]));
    if (given === undefined) throw new Error('no tensor');
    const [output] = await engine.run([integersToTensor(input, given)], 'all');
    expect(tensorToIntegers(output as Tensor)).toEqual({
      decimals: 0,
      shape: [1, 1],
      values: [recomputed(values.map(Number))],
    });
    expect(() => integersToTensor(input, { ...given, values: values.with(3, 256n) })).toThrow('is not a UINT8');
    expect(() => integersToTensor(input, { ...given, decimals: 18 })).toThrow('has no decimals');
  });

  it('answers about what its float sibling does', async () => {
    const unit = 1e-4;
    const sibling = await engineOf(await committedRelease('volatility-1h'));
    // Sums of twelve uniform numbers are nearly normal; sizes from three to sixty units.
    const uniform = fc.array(fc.integer({ min: -1_000, max: 1_000 }), { minLength: 12, maxLength: 12 });
    const normal = uniform.map((all) => all.reduce((sum, one) => sum + one, 0) / 2_000);
    const histories = fc.sample(
      fc.tuple(fc.integer({ min: 3, max: 60 }), fc.array(normal, { minLength: STEPS, maxLength: STEPS })),
      {
        numRuns: 500,
        seed: 11,
      },
    );
    const changes = histories.map(([size, all]) => all.map((one) => one * size * unit));
    const twin = await answered(
      changes.map((all) => all.map((one) => Math.min(MOST, Math.floor(Math.abs(one) / unit + 0.5)))),
    );
    const [output] = await sibling.run([floatTensor('changes', [changes.length, STEPS], changes.flat())], 'all');
    const floats = tensorValues(output as Tensor) as number[];
    const distances = twin.map((value, at) => Math.abs(Math.log((Number(value) * unit) / 32 / (floats[at] as number))));
    distances.sort((a, b) => a - b);
    expect(distances[250]).toBeLessThan(0.1);
    expect(distances[475]).toBeLessThan(0.3);
  });
});
