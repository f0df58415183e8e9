import { bn254 } from '@noble/curves/bn254.js';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';
import { FIELD } from '../../../wire/commitment/index.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { readUint, tagWord, uintWord } from '../../../wire/words.ts';
import { filler } from '../../vectors/golden/keys.ts';

/** One row of integers, as a circuit key names it. */
export interface Row {
  readonly bits: number;
  readonly signed: boolean;
  readonly count: number;
}

export interface TrapdoorOptions {
  readonly input: Row;
  readonly output: Row;
  readonly phase1: number;
  readonly phase2: number;
  /** Secrets of their own, as another circuit has. */
  readonly label: string;
}

export interface Signals {
  readonly commitment: bigint;
  readonly evaluation: bigint;
  readonly point: bigint;
}

/** a.x a.y b.x1 b.x0 b.y1 b.y0 c.x c.y */
export type ProofWords = readonly bigint[];

/**
 * A setup of one party that kept its secrets, which is what a dev setup is: it proves anything. So contracts are tested
 * with any row of integers, and with proofs that nobody could make for a true circuit; a real circuit's are tested beside it.
 */
export interface Trapdoor {
  readonly key: Uint8Array;
  readonly secrets: Readonly<Record<SecretName, bigint>>;
  prove(signals: Signals): ProofWords;
}

const secretNames = ['alpha', 'beta', 'gamma', 'delta', 'ic0', 'ic1', 'ic2', 'ic3'] as const;
type SecretName = (typeof secretNames)[number];

const { G1, G2 } = bn254;
const { Fr } = bn254.fields;

/** Such that no byte of its point is zero, which would cost less. */
const B = 2n;

export function trapdoor({ input, output, phase1, phase2, label }: TrapdoorOptions): Trapdoor {
  const secrets = Object.fromEntries(
    secretNames.map((name) => [name, readUint(sha256(utf8(`proofmark TEST TRAPDOOR: ${label}: ${name}`))) % FIELD]),
  ) as Record<SecretName, bigint>;
  const { alpha, beta, gamma, delta, ic0, ic1, ic2, ic3 } = secrets;
  const row = ({ bits, signed, count }: Row): readonly bigint[] => [BigInt(bits), signed ? 1n : 0n, BigInt(count)];
  const numbers = [
    ...[BigInt(phase1), BigInt(phase2), ...row(input), ...row(output)],
    ...[...first(alpha), ...second(beta), ...second(gamma), ...second(delta)],
    ...[ic0, ic1, ic2, ic3].flatMap(first),
  ];
  return {
    key: concatBytes(
      tagWord('proofmark circuit v1'),
      filler('r1cs'),
      filler('proving key'),
      ...numbers.map((n) => uintWord(n)),
    ),
    secrets,
    prove({ commitment, evaluation, point }) {
      // a b = alpha beta + sum gamma + c delta, for a b and a c that are as good as any.
      const sum = (ic0 + ic1 * commitment + ic2 * evaluation + ic3 * point) % FIELD;
      const c = readUint(sha256(uintWord(sum))) % FIELD;
      const a = Fr.div(Fr.create(alpha * beta + sum * gamma + c * delta), B);
      return [...first(a), ...second(B), ...first(c)];
    },
  };
}

function first(scalar: bigint): readonly bigint[] {
  const { x, y } = G1.Point.BASE.multiply(scalar).toAffine();
  return [x, y];
}

function second(scalar: bigint): readonly bigint[] {
  const { x, y } = G2.Point.BASE.multiply(scalar).toAffine();
  return [x.c1, x.c0, y.c1, y.c0];
}

/** The same with some of its points turned into their negatives: with a and b both it still proves what it proved. */
export function negated(proof: ProofWords, ...points: readonly ('a' | 'b' | 'c')[]): ProofWords {
  const places = points.flatMap((point) => ({ a: [1], b: [4, 5], c: [7] })[point]);
  return proof.map((word, at) => (places.includes(at) ? bn254.fields.Fp.neg(word) : word));
}

/** On the curve of the second group and outside the group: the first x with a y that a pairing has no meaning for. */
export function outsideSubgroup(): ProofWords {
  const { Fp2 } = bn254.fields;
  const { b } = G2.Point.CURVE();
  for (let c0 = 1n; ; c0++) {
    const x = Fp2.create({ c0, c1: 0n });
    const square = Fp2.add(Fp2.mul(Fp2.sqr(x), x), b);
    const y = rootOf(square);
    if (y !== undefined && !G2.Point.fromAffine({ x, y }).isTorsionFree()) return [x.c1, x.c0, y.c1, y.c0];
  }
}

function rootOf(square: ReturnType<typeof bn254.fields.Fp2.create>): typeof square | undefined {
  try {
    return bn254.fields.Fp2.sqrt(square);
  } catch {
    return undefined;
  }
}
