import { concatBytes, equalBytes } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { decodeWords, encodeWords, tagWord, WORD, type WordField } from '../words.ts';

/**
 * What a release names as its circuit (DESIGN sections 6 and 7): the key that proofs of one model are checked with, what
 * it was made from, and how many parties took part. Its SHA-256 is the manifest's `circuit`. Only words, as a contract
 * reads them; whether the points are points is for `client/proofs`, and the counts are the word of whoever signed the
 * release until somebody checks the transcript again.
 */
export interface CircuitKey {
  /** SHA-256 of the constraints, the .r1cs file: they follow from the model, and anybody can make them again. */
  readonly r1cs: Uint8Array;
  /** SHA-256 of the .zkey file, which holds the transcript of the second phase. */
  readonly provingKey: Uint8Array;
  /** Contributions to the powers of tau, each checked. */
  readonly phase1: number;
  /** Contributions to this circuit's own part. */
  readonly phase2: number;
  readonly input: CircuitTensor;
  readonly output: CircuitTensor;
  readonly verification: VerificationKey;
}

/** One row of integers. */
export interface CircuitTensor {
  readonly bits: number;
  readonly signed: boolean;
  readonly count: number;
}

/** Coordinates x and y, each one word. */
export type G1Words = readonly [x: Uint8Array, y: Uint8Array];

/** Each coordinate of the second group is two words, the imaginary part first (EIP-197). */
export type G2Words = readonly [x: QuadraticWords, y: QuadraticWords];
export type QuadraticWords = readonly [c1: Uint8Array, c0: Uint8Array];

/** Groth16 over BN254. */
export interface VerificationKey {
  readonly alpha: G1Words;
  readonly beta: G2Words;
  readonly gamma: G2Words;
  readonly delta: G2Words;
  /** The constant's point, then those of commitment, evaluation and point. */
  readonly ic: readonly [G1Words, G1Words, G1Words, G1Words];
}

const TAG = 'proofmark circuit v1';

const facts = [
  { name: 'tag', kind: 'bytes32' },
  { name: 'r1cs', kind: 'bytes32' },
  { name: 'provingKey', kind: 'bytes32' },
  { name: 'phase1', kind: 'uint', bits: 32 },
  { name: 'phase2', kind: 'uint', bits: 32 },
  { name: 'inputBits', kind: 'uint', bits: 8 },
  { name: 'inputSigned', kind: 'uint', bits: 1 },
  { name: 'inputCount', kind: 'uint', bits: 32 },
  { name: 'outputBits', kind: 'uint', bits: 8 },
  { name: 'outputSigned', kind: 'uint', bits: 1 },
  { name: 'outputCount', kind: 'uint', bits: 32 },
] as const satisfies readonly WordField[];

const G1 = 2;
const G2 = 4;
const POINT_WORDS = G1 + 3 * G2 + 4 * G1;
const FACT_BYTES = facts.length * WORD;

export const CIRCUIT_KEY_BYTES: number = FACT_BYTES + POINT_WORDS * WORD;

const WIDTHS: readonly number[] = [8, 16, 32, 64];

export function encodeCircuitKey(key: CircuitKey): Uint8Array {
  const { r1cs, provingKey, phase1, phase2, input, output, verification } = key;
  checkCounts(key);
  const head = encodeWords(facts, {
    ...{ tag: tagWord(TAG), r1cs, provingKey },
    ...{ phase1: BigInt(phase1), phase2: BigInt(phase2) },
    ...{ inputBits: BigInt(input.bits), inputSigned: input.signed ? 1n : 0n, inputCount: BigInt(input.count) },
    ...{ outputBits: BigInt(output.bits), outputSigned: output.signed ? 1n : 0n, outputCount: BigInt(output.count) },
  });
  const { alpha, beta, gamma, delta, ic } = verification;
  const words = [alpha, beta.flat(), gamma.flat(), delta.flat(), ...ic].flat();
  const layout = words.map((_, index) => ({ name: String(index), kind: 'bytes32' }) as const);
  return concatBytes(head, encodeWords(layout, Object.fromEntries(words.map((word, index) => [index, word]))));
}

export function decodeCircuitKey(bytes: Uint8Array): CircuitKey {
  if (bytes.length < CIRCUIT_KEY_BYTES) {
    throw new WireError('truncated', `expected ${CIRCUIT_KEY_BYTES} bytes`, { offset: bytes.length });
  }
  if (bytes.length > CIRCUIT_KEY_BYTES) {
    throw new WireError('trailing_bytes', `expected ${CIRCUIT_KEY_BYTES} bytes`, { offset: CIRCUIT_KEY_BYTES });
  }
  // Of a Buffer, too, every part is then an array of its own.
  const copy = Uint8Array.from(bytes);
  const head = decodeWords(facts, copy.subarray(0, FACT_BYTES));
  if (!equalBytes(head.tag, tagWord(TAG))) throw new WireError('tag_mismatch', `expected "${TAG}"`, { field: 'tag' });
  const key: CircuitKey = {
    r1cs: head.r1cs,
    provingKey: head.provingKey,
    phase1: Number(head.phase1),
    phase2: Number(head.phase2),
    input: { bits: Number(head.inputBits), signed: head.inputSigned === 1n, count: Number(head.inputCount) },
    output: { bits: Number(head.outputBits), signed: head.outputSigned === 1n, count: Number(head.outputCount) },
    verification: points(copy),
  };
  checkCounts(key);
  return key;
}

function points(bytes: Uint8Array): VerificationKey {
  const word = (place: number): Uint8Array => bytes.slice(FACT_BYTES + place * WORD, FACT_BYTES + (place + 1) * WORD);
  const first = (place: number): G1Words => [word(place), word(place + 1)];
  const second = (place: number): G2Words => [
    [word(place), word(place + 1)],
    [word(place + 2), word(place + 3)],
  ];
  const ic = G1 + 3 * G2;
  return {
    alpha: first(0),
    beta: second(G1),
    gamma: second(G1 + G2),
    delta: second(G1 + 2 * G2),
    ic: [first(ic), first(ic + G1), first(ic + 2 * G1), first(ic + 3 * G1)],
  };
}

function checkCounts({ phase1, phase2, input, output }: CircuitKey): void {
  // A part to which nobody contributed has no secret: whoever likes proves whatever he likes.
  for (const [field, count] of Object.entries({ phase1, phase2 })) {
    if (count < 1) throw new WireError('field_invalid', 'nobody contributed', { field });
  }
  for (const [field, { bits, count }] of Object.entries({ input, output })) {
    if (!WIDTHS.includes(bits)) throw new WireError('field_invalid', `integers of ${bits} bits`, { field });
    if (!Number.isInteger(count) || count < 1 || count > limits.circuitValues) {
      throw new WireError('field_invalid', `${count} values; there are 1 to ${limits.circuitValues}`, { field });
    }
  }
}
