import { describe, expect, it } from 'vitest';
import { boundsOfRuns, RUN_LIMITS } from '../../contracts/generate/p384/bounds.ts';
import { runCode, type Statement } from '../../contracts/generate/p384/code.ts';
import { CHANNELS, decode } from '../../contracts/generate/p384/integers.ts';
import type { Interval } from '../../contracts/generate/p384/interval.ts';
import { LAYOUT, wordAt } from '../../contracts/generate/p384/layout.ts';
import { addition, closing, doubling, doublingAndAddition } from '../../contracts/generate/p384/steps.ts';
import { MODULI } from '../../contracts/prover/p384/field.ts';
import { scaled, scaledY, writeShort } from '../../contracts/prover/p384/short.ts';
import { runs } from '../support/runs.ts';
import { modulo, numbers, Point, PRIME, toInteger } from './support/p384.ts';

/*
 * The statements that become the contract, run one step at a time: the curve's law holds for any representative inside
 * the proven bounds, only the right slope passes, and no node of any tree leaves its interval on the way.
 */
const { running, table } = boundsOfRuns(RUN_LIMITS);

const steps = {
  double: doubling('stack', running).code,
  doubleInMemory: doubling('memory', table).code,
  add: addition('stack', running, table).code,
  doubleAndAdd: doublingAndAddition(running, table).code,
  close: closing(running, table),
} as const;

type Affine = { readonly x: bigint; readonly y: bigint };
type Curve = ReturnType<typeof Point.fromAffine>;

interface Outcome {
  readonly bad: boolean;
  readonly x: bigint;
  readonly y: bigint;
}

const mem = (base: number, channel: 0 | 1 | 2 | 3): string => `mload(0x${wordAt(base, channel).toString(16)})`;

function run(code: readonly Statement[], sum: Affine, entry: Affine, slopes: readonly bigint[], stack = true): Outcome {
  const state = new Map<string, bigint>([
    ['bad', 0n],
    ['ptr', 0n],
  ]);
  const xName = (channel: 0 | 1 | 2 | 3): string => (stack ? `x${channel}` : mem(LAYOUT.x, channel));
  for (const channel of CHANNELS) {
    state.set(xName(channel), modulo(sum.x, MODULI[channel]));
    state.set(mem(LAYOUT.y, channel), modulo(sum.y, MODULI[channel]));
    state.set(mem(LAYOUT.tableX, channel), modulo(entry.x, MODULI[channel]));
    state.set(mem(LAYOUT.tableY, channel), modulo(entry.y, MODULI[channel]));
  }
  runCode(feed(code, slopes.map(writeShort)), state);
  const read = (name: (channel: 0 | 1 | 2 | 3) => string): bigint =>
    decode([0, 1, 2, 3].map((c) => state.get(name(c as 0 | 1 | 2 | 3)) ?? 0n) as [bigint, bigint, bigint, bigint]);
  return { bad: state.get('bad') !== 0n, x: read(xName), y: read((channel) => mem(LAYOUT.y, channel)) };
}

/** Puts the slopes where the code reads calldata. */
function feed(code: readonly Statement[], slopes: readonly Uint8Array[]): readonly Statement[] {
  let next = 0;
  const walk = (statements: readonly Statement[]): readonly Statement[] =>
    statements.map((statement) => {
      if (statement.kind === 'block') return { ...statement, body: walk(statement.body) };
      if (statement.kind === 'store' || statement.word.kind !== 'given') {
        if (statement.kind === 'let' && statement.name === 'l3' && statement.word.kind === 'apply') {
          const first = slopes[next++]?.subarray(0, 32) ?? new Uint8Array(32);
          const [amount, source] = statement.word.args;
          if (amount === undefined || source === undefined) throw new RangeError('no shift');
          return { ...statement, word: { ...statement.word, args: [amount, word(first)] } };
        }
        return statement;
      }
      if (!statement.word.text.startsWith('calldataload')) return statement;
      return { ...statement, word: word(slopes[next]?.subarray(16) ?? new Uint8Array(32)) };
    });
  const word = (bytes: Uint8Array) =>
    ({ kind: 'literal', value: toInteger(bytes), range: { min: 0n, max: 2n ** 256n - 1n } }) as const;
  return walk(code);
}

const inverse = (value: bigint): bigint => Point.Fp.inv(modulo(value, PRIME));
const tangent = ({ x, y }: Affine): bigint => modulo((3n * x * x - 3n) * inverse(2n * y), PRIME);
const chord = (p: Affine, q: Affine): bigint => modulo((p.y - q.y) * inverse(p.x - q.x), PRIME);

/** A scaled coordinate plus the multiple of p that brings it near an end of its proven range, or none. */
function representative(value: bigint, range: Interval, end: 'min' | 'max' | 'none'): bigint {
  if (end === 'none') return value;
  return end === 'max' ? range.max - modulo(range.max - value, PRIME) : range.min + modulo(value - range.min, PRIME);
}

const affine = (point: Curve): Affine => point.toAffine();
const same = (outcome: Outcome, point: Curve): boolean => {
  const { x, y } = affine(point);
  return modulo(outcome.x, PRIME) === scaled(x) && modulo(outcome.y, PRIME) === scaledY(y);
};

const wrongs = (right: bigint, next: () => bigint): readonly bigint[] =>
  [(right + 1n) % PRIME, modulo(right - 1n, PRIME), modulo(-right, PRIME), right ^ (1n << (next() % 380n)), next(), 0n]
    .concat(2n ** 383n)
    .filter((slope) => modulo(slope, PRIME) !== right);

interface Case {
  readonly sum: Affine;
  readonly entry: Affine;
  readonly p: Curve;
  readonly t: Curve;
}

function* cases(count: number): Generator<Case & { readonly next: () => bigint }> {
  const next = numbers('curve steps');
  const ends = ['none', 'min', 'max'] as const;
  for (let index = 0; index < count; index++) {
    const p = Point.BASE.multiply(index % 5 === 0 ? BigInt(index + 1) : next());
    const t = Point.BASE.multiply(index % 7 === 0 ? BigInt(index + 900) : next());
    const end = ends[index % 3] ?? 'none';
    const place = (point: Curve, xs: Interval, ys: Interval): Affine => ({
      x: representative(scaled(affine(point).x), xs, end),
      y: representative(scaledY(affine(point).y), ys, end),
    });
    yield { sum: place(p, running.x, running.y), entry: place(t, table.x, table.y), p, t, next };
  }
}

const COUNT = runs(45);

describe('each step of the generated code', () => {
  it('doubles by the tangent alone', () => {
    for (const { sum, entry, p, next } of cases(COUNT)) {
      const slope = scaled(tangent(affine(p)));
      const right = run(steps.double, sum, entry, [slope]);
      expect(right.bad).toBe(false);
      expect(same(right, p.double())).toBe(true);
      for (const wrong of wrongs(slope, next)) expect(run(steps.double, sum, entry, [wrong]).bad).toBe(true);
    }
  });

  it('doubles in memory as on the stack', () => {
    for (const { entry, t } of cases(10)) {
      const outcome = run(steps.doubleInMemory, entry, entry, [scaled(tangent(affine(t)))], false);
      expect(outcome.bad).toBe(false);
      expect(same(outcome, t.double())).toBe(true);
    }
  });

  it('adds by the chord alone', () => {
    for (const { sum, entry, p, t, next } of cases(COUNT)) {
      const slope = scaled(chord(affine(p), affine(t)));
      const right = run(steps.add, sum, entry, [slope]);
      expect(right.bad).toBe(false);
      expect(same(right, p.add(t))).toBe(true);
      for (const wrong of wrongs(slope, next)) expect(run(steps.add, sum, entry, [wrong]).bad).toBe(true);
    }
  });

  it('doubles and adds by both slopes alone', () => {
    for (const { sum, entry, p, t, next } of cases(COUNT)) {
      const first = scaled(chord(affine(p), affine(t)));
      const second = scaled(chord(affine(p), affine(p.add(t))));
      const right = run(steps.doubleAndAdd, sum, entry, [first, second]);
      expect(right.bad).toBe(false);
      expect(same(right, p.double().add(t))).toBe(true);
      for (const wrong of wrongs(first, next))
        expect(run(steps.doubleAndAdd, sum, entry, [wrong, second]).bad).toBe(true);
      for (const wrong of wrongs(second, next))
        expect(run(steps.doubleAndAdd, sum, entry, [first, wrong]).bad).toBe(true);
    }
  });

  it('refuses additions of equal x, where any slope fits the chord, whatever the slope and the representative', () => {
    for (const { sum, entry, p, next } of cases(COUNT)) {
      const slopes = [scaled(tangent(affine(p))), 0n, next()];
      const spread = entry.x / PRIME;
      const equal = (y: bigint): Affine => ({ x: scaled(affine(p).x) + spread * PRIME, y: scaledY(modulo(y, PRIME)) });
      for (const slope of slopes) {
        for (const y of [affine(p).y, -affine(p).y]) {
          expect(run(steps.add, sum, equal(y), [slope]).bad).toBe(true);
          expect(run(steps.doubleAndAdd, sum, equal(y), [slope, slope]).bad).toBe(true);
        }
        // T = -2 P: the first sum is -P, and the second chord stands on one x.
        const opposite = affine(p.double().negate());
        const first = scaled(chord(affine(p), opposite));
        const degenerate = { x: scaled(opposite.x), y: scaledY(opposite.y) };
        expect(run(steps.doubleAndAdd, sum, degenerate, [first, slope]).bad).toBe(true);
      }
    }
  });

  it('closes on the negative of the sum alone', () => {
    for (const { sum, p, t } of cases(COUNT)) {
      const at = (point: Curve): Affine => ({ x: scaled(affine(point).x), y: scaledY(affine(point).y) });
      expect(run(steps.close, sum, at(p.negate()), []).bad).toBe(false);
      expect(run(steps.close, sum, at(p), []).bad).toBe(true);
      expect(run(steps.close, sum, at(t), []).bad).toBe(true);
      expect(run(steps.close, sum, { ...at(p.negate()), x: at(p).x + 1n }, []).bad).toBe(true);
    }
  });
});
