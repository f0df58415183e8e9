import { bn254 } from '@noble/curves/bn254.js';
import { FIELD } from '../../wire/commitment/field.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { type CircuitKey, encodeCircuitKey, type G1Words, type G2Words } from '../../wire/message/circuit-key.ts';
import { encodeProof, type ProofFile } from '../../wire/message/proof.ts';
import { uintWord } from '../../wire/words.ts';

const G1: typeof bn254.G1.Point = bn254.G1.Point;
const G2: typeof bn254.G2.Point = bn254.G2.Point;
type G1Point = InstanceType<typeof G1>;
type G2Point = InstanceType<typeof G2>;

/** What a ceremony is there to destroy: whoever knows these numbers proves anything. Any below the order will do. */
const secret = { alpha: 5n, beta: 7n, gamma: 11n, delta: 13n, ic: [17n, 19n, 23n, 29n] } as const;

export const trapdoorKey: CircuitKey = {
  r1cs: new Uint8Array(32).fill(0x11),
  provingKey: new Uint8Array(32).fill(0x22),
  phase1: 3,
  phase2: 2,
  input: { bits: 8, signed: false, count: 16 },
  output: { bits: 32, signed: true, count: 1 },
  verification: {
    alpha: g1Words(G1.BASE.multiply(secret.alpha)),
    beta: g2Words(G2.BASE.multiply(secret.beta)),
    gamma: g2Words(G2.BASE.multiply(secret.gamma)),
    delta: g2Words(G2.BASE.multiply(secret.delta)),
    ic: [icWords(0), icWords(1), icWords(2), icWords(3)],
  },
};

export const trapdoorKeyBytes: Uint8Array = encodeCircuitKey(trapdoorKey);

export type Signals = readonly [commitment: bigint, evaluation: bigint, point: bigint];

/** A proof of whatever these signals say. */
export function forgedProof(signals: Signals, key: Uint8Array = trapdoorKeyBytes): ProofFile {
  const [a, b] = [31n, 37n];
  const publicPart = secret.ic
    .slice(1)
    .reduce<bigint>((sum, ic, index) => sum + ic * (signals[index] as bigint), secret.ic[0]);
  const rest = a * b - secret.alpha * secret.beta - publicPart * secret.gamma;
  const c = mod(rest * inverse(secret.delta));
  const [commitment, evaluation, point] = signals;
  return {
    circuit: sha256(key),
    commitment: uintWord(commitment),
    point: uintWord(point),
    evaluation: uintWord(evaluation),
    a: g1Words(G1.BASE.multiply(a)),
    b: g2Words(G2.BASE.multiply(b)),
    c: g1Words(G1.BASE.multiply(c)),
  };
}

export function forgedProofFile(signals: Signals): Uint8Array {
  return encodeProof(forgedProof(signals));
}

export function g1Words(point: G1Point): G1Words {
  const { x, y } = point.toAffine();
  return [uintWord(x), uintWord(y)];
}

export function g2Words(point: G2Point): G2Words {
  const { x, y } = point.toAffine();
  return [
    [uintWord(x.c1), uintWord(x.c0)],
    [uintWord(y.c1), uintWord(y.c0)],
  ];
}

function icWords(index: number): G1Words {
  return g1Words(G1.BASE.multiply(secret.ic[index] as bigint));
}

function mod(value: bigint): bigint {
  return ((value % FIELD) + FIELD) % FIELD;
}

function inverse(value: bigint): bigint {
  return bn254.fields.Fr.inv(value);
}
