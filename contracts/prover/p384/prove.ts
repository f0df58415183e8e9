import { type AffinePoint, combine } from './curve.ts';
import { P384ProofError } from './errors.ts';
import { CURVE_B, FIELD_PRIME, GROUP_ORDER, invert, modulo } from './field.ts';
import { INTEGER_BYTES } from './format.ts';
import { relations } from './relation.ts';
import { type Route, routeOf } from './route.ts';
import { bigEndian, scaled, writeShort } from './short.ts';

export interface P384Signature {
  /** 48 bytes; ECDSA takes them modulo n. */
  readonly hash: Uint8Array;
  readonly r: Uint8Array;
  readonly s: Uint8Array;
  /** 04 || x || y. */
  readonly publicKey: Uint8Array;
}

/** How many relations are tried before giving up: one has always been enough. */
const ATTEMPTS = 40;
const UNCOMPRESSED = 4;

/** The five integers that P384Verifier is asked about. */
export function p384Statement({ hash, r, s, publicKey }: P384Signature): Uint8Array {
  return concatenate([hash, r, s, publicKey.subarray(1)]);
}

/**
 * Hints with which P384Verifier accepts the signature. Whoever relies on the contract trusts nothing of this: it is fast
 * for those who pay the gas, and works on public data only.
 */
export function proveP384(signature: P384Signature): Uint8Array {
  const { hash, r, s } = parse(signature);
  const key = parseKey(signature.publicKey);
  const inverse = invert(s, GROUP_ORDER);
  const u1 = modulo(hash * inverse, GROUP_ORDER);
  const u2 = modulo(r * inverse, GROUP_ORDER);
  const commitment = combine(u1, u2, key);
  if (commitment === null || commitment.x % GROUP_ORDER !== r)
    throw new P384ProofError('signature_invalid', 'the signature is not valid under this key: no hints exist');
  for (const relation of relations(u1, u2).slice(0, ATTEMPTS)) {
    const route = routeOf(relation, key, commitment);
    if (route !== undefined) return write(route, commitment);
  }
  throw new P384ProofError('no_route', `${ATTEMPTS} ways of writing the sum all meet an exceptional addition`);
}

function write({ position, digits, slopes }: Route, commitment: AffinePoint): Uint8Array {
  const sumIsAboveOrder = commitment.x >= GROUP_ORDER ? 1 : 0;
  return concatenate([
    bigEndian(commitment.y),
    Uint8Array.of(position, sumIsAboveOrder, digits.length >> 8, digits.length & 0xff),
    Uint8Array.from(digits.flatMap((digit) => [digit >> 8, digit & 0xff])),
    ...slopes.map((slope) => writeShort(scaled(slope))),
  ]);
}

function parse({ hash, r, s }: P384Signature): { hash: bigint; r: bigint; s: bigint } {
  if (hash.length !== INTEGER_BYTES)
    throw new P384ProofError('hash_length', `a SHA-384 hash has ${INTEGER_BYTES} bytes, not ${hash.length}`);
  return { hash: toInteger(hash), r: parseScalar('r', r), s: parseScalar('s', s) };
}

function parseScalar(name: string, bytes: Uint8Array): bigint {
  const value = bytes.length === INTEGER_BYTES ? toInteger(bytes) : 0n;
  if (value === 0n || value >= GROUP_ORDER)
    throw new P384ProofError('scalar_out_of_range', `${name} is not 48 bytes of an integer from 1 to n - 1`);
  return value;
}

function parseKey(bytes: Uint8Array): AffinePoint {
  if (bytes.length !== 1 + 2 * INTEGER_BYTES || bytes[0] !== UNCOMPRESSED)
    throw new P384ProofError('key_format', 'the key is not an uncompressed point of 97 bytes');
  const x = toInteger(bytes.subarray(1, 1 + INTEGER_BYTES));
  const y = toInteger(bytes.subarray(1 + INTEGER_BYTES));
  const reduced = x < FIELD_PRIME && y < FIELD_PRIME;
  if (!reduced || modulo(y * y - x * x * x + 3n * x - CURVE_B, FIELD_PRIME) !== 0n)
    throw new P384ProofError('key_not_on_curve', 'the key is no point of P-384');
  return { x, y };
}

const toInteger = (bytes: Uint8Array): bigint =>
  BigInt(`0x${Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')}`);

function concatenate(parts: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(parts.reduce((length, part) => length + part.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
