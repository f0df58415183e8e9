import { concatBytes, readU32, u32, utf8 } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';

/**
 * How a token is chosen from logits, named in every receipt. `nucleus-v1` is this, for one row of logits x:
 *
 * - m is the largest x; NaN counts as minus infinity. With temperature 0 the token is the lowest index that has m (0 where
 *   no number is above minus infinity), and nothing below applies.
 * - Each token weighs w = floor(2^32 * e^((x - m) / temperature)), and 2^32 where x = m; nothing where the exponent is
 *   below -23. The exponential is `exponential` below: additions and multiplications of doubles in one order.
 * - All weights are integers whose sums stay below 2^53. They are exact, so no order of adding them changes anything.
 * - c is the largest weight such that the tokens of at least c together weigh topP times all of them or more (one product
 *   of doubles). The nucleus is every token of at least c, so that equal tokens are in it or out of it together.
 * - The n-th token of an answer (from 0) takes the draw u = the first 53 bits, big-endian, of
 *   SHA-256("proofmark nucleus v1" || seed || u32 n), and r = min(floor(u / 2^53 * N), N - 1), where N is what the nucleus
 *   weighs. It is the first token of the nucleus, by index, at which the weights up to and with it add up to more than r.
 *
 * A draw depends on seed and n alone: not on the neighbours in a batch, and a replay can begin at any token.
 */
export const SAMPLER = 'nucleus-v1';

export interface Sampler {
  /** `draw` is asked for only where chance decides. */
  choose(logits: Float32Array, options: Sampling, draw: () => number): number;
}

export interface Sampling {
  readonly temperature: number;
  readonly topP: number;
}

const DOMAIN = utf8('proofmark nucleus v1');

/** 53 bits for the n-th token. */
export function drawAt(seed: Uint8Array, n: number): number {
  const digest = sha256(concatBytes(DOMAIN, seed, u32(n)));
  return readU32(digest, 0) * 2 ** 21 + (readU32(digest, 4) >>> 11);
}

const HEAVIEST = 2 ** 32;
const LOWEST_EXPONENT = -23;

export function createSampler(vocabulary: number): Sampler {
  const weights = new Float64Array(vocabulary);
  const nucleus = createNucleus(vocabulary);
  return {
    choose: (logits, { temperature, topP }, draw) => {
      const best = heaviest(logits);
      if (temperature === 0) return best;
      const total = weigh(weights, logits, logits[best] as number, temperature);
      // Nothing weighs anything where every logit is minus infinity or NaN.
      if (total === 0) return best;
      const { cut, weight } = topP < 1 ? nucleus(weights, topP * total) : { cut: 1, weight: total };
      let rest = Math.min(Math.floor((draw() / 2 ** 53) * weight), weight - 1);
      for (let i = 0; i < weights.length; i++) {
        const w = weights[i] as number;
        if (w < cut) continue;
        if (rest < w) return i;
        rest -= w;
      }
      return best;
    },
  };
}

function heaviest(logits: Float32Array): number {
  let best = 0;
  let most = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < logits.length; i++) {
    const x = logits[i] as number;
    if (x > most) {
      most = x;
      best = i;
    }
  }
  return best;
}

function weigh(weights: Float64Array, logits: Float32Array, most: number, temperature: number): number {
  let total = 0;
  for (let i = 0; i < weights.length; i++) {
    const x = logits[i] as number;
    const exponent = (x - most) / temperature;
    let w = 0;
    if (x === most && most !== Number.NEGATIVE_INFINITY) w = HEAVIEST;
    else if (exponent >= LOWEST_EXPONENT) w = Math.floor(exponential(exponent) * HEAVIEST);
    weights[i] = w;
    total += w;
  }
  return total;
}

const POWERS: Float64Array = Float64Array.from({ length: 35 }, (_, k) => 2 ** -k);
/** ln 2 in two parts; the first has zeros at its end, so that products with small integers are exact. */
const LN2_HIGH = 0.6931471803691238;
const LN2_LOW = 1.9082149292705877e-10;
/** 1 / n!, each rounded once: factorials up to 13 are exact. */
const SERIES: Float64Array = Float64Array.from({ length: 14 }, (_, n) => {
  let factorial = 1;
  for (let i = 2; i <= n; i++) factorial *= i;
  return 1 / factorial;
});

/**
 * e^x for -23 <= x <= 0, written out: what a platform's own function returns in the last bit is not the same everywhere.
 * Thirteen terms of the series around the nearest multiple of ln 2 leave an error of about the last bit.
 */
export function exponential(x: number): number {
  const k = -Math.floor(x * Math.LOG2E + 0.5);
  const r = x + k * LN2_HIGH + k * LN2_LOW;
  let sum = 0;
  for (let n = 13; n >= 0; n--) sum = sum * r + (SERIES[n] as number);
  return sum * (POWERS[k] as number);
}

interface Cut {
  readonly cut: number;
  readonly weight: number;
}

/**
 * Finds the nucleus without sorting the vocabulary, which would cost what batching gains: weights fall into classes of a
 * sixteenth of an octave, and only the class in which the sum is reached is sorted.
 */
function createNucleus(vocabulary: number): (weights: Float64Array, target: number) => Cut {
  const single = new Float32Array(vocabulary);
  const bits = new Uint32Array(single.buffer);
  const classes = new Float64Array(HIGHEST_CLASS + 1);
  const members = new Float64Array(vocabulary);
  return (weights, target) => {
    classes.fill(0);
    single.set(weights);
    for (let i = 0; i < weights.length; i++) {
      const w = weights[i] as number;
      if (w > 0) classes[classOf(bits[i] as number)] = (classes[classOf(bits[i] as number)] as number) + w;
    }
    let above = 0;
    let index = HIGHEST_CLASS;
    while (index > 0 && above + (classes[index] as number) < target) above += classes[index--] as number;
    let count = 0;
    for (let i = 0; i < weights.length; i++) {
      const w = weights[i] as number;
      if (w > 0 && classOf(bits[i] as number) === index) members[count++] = w;
    }
    return cutIn(members.subarray(0, count).sort(), above, target);
  };
}

function cutIn(ascending: Float64Array, above: number, target: number): Cut {
  let weight = above;
  let place = ascending.length;
  let cut = 0;
  while (place > 0) {
    const w = ascending[--place] as number;
    // A topP of 0 asks for nothing; the heaviest tokens are the answer then.
    if (w !== cut && weight >= target && weight > 0) break;
    cut = w;
    weight += w;
  }
  return { cut, weight };
}

/** Exponent and four bits of the fraction of a single-precision float, counted from those of 1: monotone in the weight. */
function classOf(bits: number): number {
  return (bits >>> 19) - 2_032;
}
const HIGHEST_CLASS = 32 * 16;
