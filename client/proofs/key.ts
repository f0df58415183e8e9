import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { type CircuitKey, decodeCircuitKey } from '../../wire/message/circuit-key.ts';
import { ProofError } from './errors.ts';
import { firstGroup, type G1Point, type G2Point, secondGroup } from './points.ts';

/**
 * How the secrets behind a key were made. `dev`: a single party knew those of a phase, and can prove anything. `ceremony`:
 * two or more took part in each, and it is sound if one of them in each destroyed what it drew. Nobody can see whether one
 * did; and the counts are what the publisher checked, which `proofmark circuit verify` checks again from the files.
 */
export interface CircuitSetup {
  readonly kind: 'dev' | 'ceremony';
  readonly phase1: number;
  readonly phase2: number;
}

/** A key whose points are what they have to be. Only `openCircuitKey` makes one. */
export interface OpenedKey {
  /** SHA-256 of its bytes, as a manifest names it. */
  readonly digest: Uint8Array;
  readonly key: CircuitKey;
  readonly setup: CircuitSetup;
  readonly points: KeyPoints;
  readonly [opened]: true;
}

export interface KeyPoints {
  readonly alpha: G1Point;
  readonly beta: G2Point;
  readonly gamma: G2Point;
  readonly delta: G2Point;
  readonly ic: readonly [G1Point, G1Point, G1Point, G1Point];
}

declare const opened: unique symbol;

const made = new WeakSet<object>();

/** Holds at run time too: points that nobody looked at prove whatever somebody likes. */
export function isOpenedKey(value: unknown): value is OpenedKey {
  return typeof value === 'object' && value !== null && made.has(value);
}

/** Reads a circuit key and checks its points. Whose key it is, the digest says: hold it against a manifest’s `circuit`. */
export async function openCircuitKey(suite: Pick<Suite, 'sha256'>, bytes: Uint8Array): Promise<OpenedKey> {
  // Once, so that what is hashed is what is read.
  const copy = Uint8Array.from(bytes);
  const key = decoded(copy);
  const points = keyPoints(key);
  const whole = { digest: await suite.sha256(copy), key, setup: setupOf(key), points } as OpenedKey;
  made.add(Object.freeze(whole));
  return whole;
}

export function setupOf({ phase1, phase2 }: Pick<CircuitKey, 'phase1' | 'phase2'>): CircuitSetup {
  return { kind: phase1 < 2 || phase2 < 2 ? 'dev' : 'ceremony', phase1, phase2 };
}

function decoded(bytes: Uint8Array): CircuitKey {
  try {
    return decodeCircuitKey(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ProofError('key_malformed', error.message, 'key', { cause: error });
  }
}

function keyPoints({ verification }: CircuitKey): KeyPoints {
  const [constant, commitment, evaluation, point] = verification.ic;
  const points: KeyPoints = {
    alpha: firstGroup(verification.alpha, 'key.alpha'),
    beta: secondGroup(verification.beta, 'key.beta'),
    gamma: secondGroup(verification.gamma, 'key.gamma'),
    delta: secondGroup(verification.delta, 'key.delta'),
    ic: [
      firstGroup(constant, 'key.ic[0]'),
      firstGroup(commitment, 'key.ic[1]'),
      firstGroup(evaluation, 'key.ic[2]'),
      firstGroup(point, 'key.ic[3]'),
    ],
  };
  // A second phase that nobody entered leaves delta where gamma is, and the proof's c then cancels any public signals.
  if (points.gamma.equals(points.delta) || points.gamma.equals(points.delta.negate())) {
    throw new ProofError('key_degenerate', 'gamma and delta are one point', 'key.delta');
  }
  return points;
}
