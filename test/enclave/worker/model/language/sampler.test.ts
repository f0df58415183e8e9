import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  createSampler,
  drawAt,
  exponential,
  type Sampling,
} from '../../../../../enclave/worker/model/language/sampler.ts';
import { chance } from './requests.ts';

const never = (): number => {
  throw new Error('no chance was needed');
};

function choose(logits: readonly number[], sampling: Partial<Sampling>, draw: () => number = never): number {
  const all = Float32Array.from(logits);
  return createSampler(all.length).choose(all, { temperature: 0, topP: 1, ...sampling }, draw);
}

/** The description in the source, with a sort and exact integers. */
function nucleusBySorting(
  logits: Float32Array,
  { temperature, topP }: Sampling,
): { readonly weights: readonly bigint[]; readonly cut: bigint } {
  const most = Math.max(...logits);
  const weights = [...logits].map((x) => {
    if (x === most) return 2n ** 32n;
    const exponent = (x - most) / temperature;
    return exponent < -23 ? 0n : BigInt(Math.floor(exponential(exponent) * 2 ** 32));
  });
  const target = topP * Number(weights.reduce((a, b) => a + b, 0n));
  const sorted = [...weights].sort((a, b) => (a < b ? 1 : a > b ? -1 : 0));
  let sum = 0n;
  for (const weight of sorted) {
    sum += weight;
    if (Number(sum) >= target) return { weights, cut: topP === 1 ? 1n : weight };
  }
  throw new Error('the sum is not reached');
}

function chooseBySorting(logits: Float32Array, sampling: Sampling, draw: number): number {
  const { weights, cut } = nucleusBySorting(logits, sampling);
  const inside = weights.map((weight) => (weight >= cut && weight > 0n ? weight : 0n));
  const total = inside.reduce((a, b) => a + b, 0n);
  const point = BigInt(Math.min(Math.floor((draw / 2 ** 53) * Number(total)), Number(total) - 1));
  let sum = 0n;
  return inside.findIndex((weight) => {
    sum += weight;
    return weight > 0n && sum > point;
  });
}

describe('greedy', () => {
  it('takes the lowest index among equals, and asks nothing of chance', () => {
    expect(choose([1, 3, 2, 3], {})).toBe(1);
    expect(choose([-0, 0], {})).toBe(0);
  });

  it('counts NaN as nothing', () => {
    expect(choose([Number.NaN, -5, Number.NaN, -4], {})).toBe(3);
    expect(choose([Number.NaN, Number.NaN], {})).toBe(0);
    expect(choose([Number.NEGATIVE_INFINITY, Number.NaN], {})).toBe(0);
    expect(choose([1, Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY], {})).toBe(1);
  });
});

describe('the draw of a token', () => {
  it('is the first 53 bits of a hash of seed and number', () => {
    const seed = new Uint8Array(32).fill(7);
    for (const n of [0, 1, 65_536]) {
      const number = Buffer.alloc(4);
      number.writeUInt32BE(n);
      const digest = createHash('sha256').update('proofmark nucleus v1').update(seed).update(number).digest();
      expect(BigInt(drawAt(seed, n))).toBe(digest.readBigUInt64BE() >> 11n);
    }
  });
});

describe('the exponential', () => {
  it('is e^x to the last bits', () => {
    expect(exponential(0)).toBe(1);
    for (let x = -23; x < 0; x += 0.0137) {
      expect(Math.abs(exponential(x) / Math.exp(x) - 1)).toBeLessThan(2 ** -51);
    }
  });
});

describe('nucleus-v1', () => {
  const sampling: readonly Sampling[] = [
    { temperature: 1, topP: 1 },
    { temperature: 0.9, topP: 0.9 },
    { temperature: 0.05, topP: 0.5 },
    { temperature: 30, topP: 0.999 },
    { temperature: 1, topP: 0 },
    { temperature: 1e-300, topP: 0.3 },
  ];

  it.each(sampling)('is what its description says, computed with a sort: $temperature, $topP', (options) => {
    const next = chance(4);
    const sampler = createSampler(300);
    for (let round = 0; round < 200; round++) {
      const spread = 10 ** (next() * 4 - 2);
      // Few distinct values in every other round, so that there are ties at the edge of the nucleus.
      const logits = Float32Array.from({ length: 300 }, () => {
        const x = (next() - 0.5) * spread;
        return round % 2 === 0 ? x : (Math.round((x / spread) * 6) * spread) / 6;
      });
      const draw = Math.floor(next() * 2 ** 53);
      expect(sampler.choose(logits, options, () => draw)).toBe(chooseBySorting(logits, options, draw));
    }
  });

  it('gives every token of the nucleus its share, and the others nothing', () => {
    const logits = Float32Array.from([2, 1, 0, -1, -2, -9].map((x) => x * 1.5));
    const sampler = createSampler(6);
    const seed = new Uint8Array(32).fill(3);
    const rounds = 40_000;
    const counts = new Array<number>(6).fill(0);
    for (let n = 0; n < rounds; n++) {
      const token = sampler.choose(logits, { temperature: 1.5, topP: 0.95 }, () => drawAt(seed, n));
      counts[token] = (counts[token] as number) + 1;
    }
    // e^2, e, 1 make 96.6 % of the whole, e^2 and e alone 87.9 %.
    const shares = [2, 1, 0].map((x) => Math.exp(x) / (Math.exp(2) + Math.exp(1) + 1));
    const surprise = shares.reduce(
      (sum, share, i) => sum + ((counts[i] as number) - share * rounds) ** 2 / (share * rounds),
      0,
    );
    expect(surprise).toBeLessThan(13.8); // two degrees of freedom, one in a thousand
    expect(counts.slice(3)).toEqual([0, 0, 0]);
  });

  it('reaches both ends of the nucleus', () => {
    const logits = [0, 0, 0, 0];
    expect(choose(logits, { temperature: 1 }, () => 0)).toBe(0);
    expect(choose(logits, { temperature: 1 }, () => 2 ** 53 - 1)).toBe(3);
    expect(choose(logits, { temperature: 1, topP: 0.1 }, () => 2 ** 53 - 1)).toBe(3);
  });

  it('never takes what has no probability', () => {
    const logits = [Number.NaN, 0, Number.NEGATIVE_INFINITY, -24, 0, Number.NaN];
    expect(choose(logits, { temperature: 1 }, () => 0)).toBe(1);
    expect(choose(logits, { temperature: 1 }, () => 2 ** 53 - 1)).toBe(4);
    const infinite = [0, Number.POSITIVE_INFINITY, 5];
    expect(choose(infinite, { temperature: 1, topP: 0.5 }, () => 2 ** 53 - 1)).toBe(1);
    expect(choose([Number.NaN, Number.NaN], { temperature: 1 })).toBe(0);
  });

  it('keeps nothing from one row to the next', () => {
    const sampler = createSampler(4);
    const half = (): number => 2 ** 52;
    const row = Float32Array.from([0, 1, 2, 3]);
    const options = { temperature: 1, topP: 0.9 };
    const first = sampler.choose(row, options, half);
    sampler.choose(Float32Array.from([9, 9, -9, -9]), options, half);
    expect(sampler.choose(row, options, half)).toBe(first);
  });
});
