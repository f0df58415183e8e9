import { bn254 } from '@noble/curves/bn254.js';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { FIELD } from '../../wire/commitment/field.ts';
import { WireError } from '../../wire/errors.ts';
import { decodeProof, isPrivateForm, type ProofFile } from '../../wire/message/proof.ts';
import { readUint } from '../../wire/words.ts';
import { ProofError } from './errors.ts';
import { type CircuitSetup, isOpenedKey, type KeyPoints, type OpenedKey } from './key.ts';
import { firstGroup, type G1Point, secondGroup } from './points.ts';

/**
 * What a proof that holds says: whoever made it knew a salt, an input and an output of the circuit's model, such that the
 * output is the model's for the input, all three hash to the commitment, and input and output evaluate at the point to the
 * evaluation. It says nothing of when, where, for whom, or about which receipt: that is for whoever holds the commitment.
 */
export interface ProvenFacts {
  /** The circuit key's digest. A release names its circuit by it. */
  readonly circuit: Uint8Array;
  readonly setup: CircuitSetup;
  /** `private`: it reveals nothing of the values. `evaluated`: whoever knows values can see whether they are those. */
  readonly form: 'private' | 'evaluated';
  readonly commitment: Uint8Array;
  readonly point: Uint8Array;
  readonly evaluation: Uint8Array;
}

declare const proven: unique symbol;

/** Facts that came out of a complete check. Only `verifyProof` makes one. */
export type ProvenResult = ProvenFacts & { readonly [proven]: 'proved' };

const made = new WeakSet<object>();

/** Holds at run time too: an object that merely looks like a proven result is not one. */
export function isProvenResult(value: unknown): value is ProvenResult {
  return typeof value === 'object' && value !== null && made.has(value);
}

/**
 * Checks a `.proof` file with a key, or throws a `ProofError`. Proofs can be changed into others of the same facts: with a
 * and b both negated the equation still holds, and whoever has the proving key makes as many as he likes. Nothing may
 * therefore be keyed by a proof's bytes; an escrow is paid once by its own id, and a result has its level by its receipt.
 */
export function verifyProof(key: OpenedKey, file: Uint8Array): ProvenResult {
  if (!isOpenedKey(key)) throw new ProofError('key_malformed', 'nobody has looked at its points', 'key');
  const proof = decoded(file);
  if (!equalBytes(proof.circuit, key.digest)) {
    throw new ProofError('circuit_mismatch', `made for the circuit ${toHex(proof.circuit)}`, 'circuit');
  }
  const { circuit, commitment, point, evaluation } = proof;
  const signals = [signal(commitment, 'commitment'), signal(evaluation, 'evaluation'), signal(point, 'point')] as const;
  if (!holds(key.points, proof, signals)) throw new ProofError('proof_refused', 'the pairing equation does not hold');
  const facts: ProvenFacts = {
    ...{ circuit, setup: key.setup, form: isPrivateForm(proof) ? 'private' : 'evaluated' },
    ...{ commitment, point, evaluation },
  };
  Object.freeze(facts);
  made.add(facts);
  return facts as ProvenResult;
}

/** e(a, b) = e(alpha, beta) e(ic, gamma) e(c, delta), in one batch. */
function holds(key: KeyPoints, proof: ProofFile, signals: readonly [bigint, bigint, bigint]): boolean {
  const a = firstGroup(proof.a, 'proof.a');
  const b = secondGroup(proof.b, 'proof.b');
  const c = firstGroup(proof.c, 'proof.c');
  const publicPart = combined(key.ic, signals);
  const pairs = [
    { g1: a.negate(), g2: b },
    { g1: key.alpha, g2: key.beta },
    { g1: publicPart, g2: key.gamma },
    { g1: c, g2: key.delta },
  ];
  // A sum at infinity is a factor of one, which the library wants left out.
  const product = bn254.pairingBatch(pairs.filter(({ g1 }) => !g1.is0()));
  return bn254.fields.Fp12.eql(product, bn254.fields.Fp12.ONE);
}

function combined([constant, ...ic]: KeyPoints['ic'], signals: readonly [bigint, bigint, bigint]): G1Point {
  return ic.reduce((sum, point, index) => sum.add(point.multiplyUnsafe(signals[index] as bigint)), constant);
}

function signal(word: Uint8Array, place: string): bigint {
  const value = readUint(word);
  if (value >= FIELD) throw new ProofError('signal_range', 'beyond the field', place);
  return value;
}

function decoded(file: Uint8Array): ProofFile {
  try {
    return decodeProof(file);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ProofError('proof_malformed', error.message, 'proof', { cause: error });
  }
}
