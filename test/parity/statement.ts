import { elementsIn } from '../vectors/corpus/certificate.ts';

/** What somebody may be asked to prove: this signature of this message by this key. Parts that cannot be found are null. */
export interface Statement {
  readonly message: Uint8Array;
  /** r || s. */
  readonly signature: Uint8Array | null;
  /** 04 || x || y. */
  readonly point: Uint8Array | null;
}

/** A BIT STRING of 97 whole bytes that begin with 04, as in a key of P-384. */
const POINT = Uint8Array.of(0x03, 0x62, 0x00, 0x04);
const POINT_BYTES = 97;
const SCALAR_BYTES = 48;

/**
 * The statement that a certificate makes, read as leniently as bytes allow: evidence that breaks a rule of a strict reader
 * still gets its hints, so that the rule and not a missing hint decides.
 */
export function statementOf(certificate: Uint8Array, issuer: Uint8Array): Statement {
  const [message = new Uint8Array(0), , value] = attempt(() => elementsIn(certificate)) ?? [];
  const signature = value === undefined ? null : (attempt(() => fixedSignature(value)) ?? null);
  return { message, signature, point: pointIn(issuer) };
}

export function pointIn(certificate: Uint8Array): Uint8Array | null {
  const at = Buffer.from(certificate).indexOf(POINT);
  const from = at + POINT.length - 1;
  return at === -1 || from + POINT_BYTES > certificate.length ? null : certificate.slice(from, from + POINT_BYTES);
}

/** From the BIT STRING, whatever follows the two numbers in it. */
function fixedSignature(bits: Uint8Array): Uint8Array | null {
  const [r, s] = elementsIn(bits.subarray(bits.indexOf(0x30, 2)));
  if (r === undefined || s === undefined) return null;
  const fixed = new Uint8Array(2 * SCALAR_BYTES);
  for (const [index, integer] of [r, s].entries()) {
    const magnitude = integer.subarray(integer[2] === 0 ? 3 : 2);
    if (magnitude.length > SCALAR_BYTES) return null;
    fixed.set(magnitude, SCALAR_BYTES * (index + 1) - magnitude.length);
  }
  return fixed;
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
