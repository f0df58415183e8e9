import { checkPrime, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { toBase64url, toHex } from '../../../wire/bytes.ts';

/** A key that lives for one answer of KMS. */
export interface RecipientKey {
  readonly privateKey: KeyObject;
  /** SubjectPublicKeyInfo in DER, as documents for KMS carry it. */
  readonly spki: Uint8Array;
}

/** What AWS documents for `Recipient`: RSA of 2,048 bits. */
const PRIME_BYTES = 128;
const MODULUS_BYTES = 2 * PRIME_BYTES;
const EXPONENT = 65_537n;

/**
 * An RSA key from random bytes of the caller's making: OpenSSL's own generator takes the kernel's word alone, and secrets
 * here come from kernel and hardware together (DESIGN section 2). Primes as in FIPS 186-5 appendix A.1.3, tested by
 * OpenSSL (64 rounds of Miller-Rabin); the key is imported, so it has no generator that could block an export.
 */
export async function makeRsaKey(draw: (length: number) => Uint8Array): Promise<RecipientKey> {
  for (;;) {
    const p = await makePrime(draw);
    const q = await makePrime(draw);
    const key = p > q ? keyOf(p, q) : keyOf(q, p);
    if (key !== undefined) return key;
  }
}

async function makePrime(draw: (length: number) => Uint8Array): Promise<bigint> {
  for (;;) {
    const bytes = draw(PRIME_BYTES);
    // The two highest bits, so that the product of two primes has all of its 2,048.
    bytes[0] = (bytes[0] as number) | 0xc0;
    bytes[PRIME_BYTES - 1] = (bytes[PRIME_BYTES - 1] as number) | 1;
    const candidate = fromBytes(bytes);
    const fits = (candidate - 1n) % EXPONENT !== 0n && (await isPrime(bytes));
    bytes.fill(0);
    if (fits) return candidate;
  }
}

function isPrime(candidate: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    checkPrime(candidate, (error, prime) => {
      // Null in the types, undefined from Node 20.
      if (error instanceof Error) reject(error);
      else resolve(prime);
    });
  });
}

/** Undefined for the two accidents that FIPS 186-5 names, both beyond any that happen: close primes, a small exponent. */
function keyOf(p: bigint, q: bigint): RecipientKey | undefined {
  if (p - q < 1n << 924n) return undefined;
  const order = ((p - 1n) * (q - 1n)) / greatestCommonDivisor(p - 1n, q - 1n);
  const d = inverse(EXPONENT, order);
  if (d <= 1n << 1024n) return undefined;
  const number = (value: bigint, length: number): string => toBase64url(toBytes(value, length));
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'RSA',
      e: 'AQAB',
      n: number(p * q, MODULUS_BYTES),
      d: number(d, MODULUS_BYTES),
      p: number(p, PRIME_BYTES),
      q: number(q, PRIME_BYTES),
      dp: number(d % (p - 1n), PRIME_BYTES),
      dq: number(d % (q - 1n), PRIME_BYTES),
      qi: number(inverse(q, p), PRIME_BYTES),
    },
  });
  const spki = new Uint8Array(createPublicKey(privateKey).export({ type: 'spki', format: 'der' }));
  return { privateKey, spki };
}

function greatestCommonDivisor(a: bigint, b: bigint): bigint {
  return b === 0n ? a : greatestCommonDivisor(b, a % b);
}

/** By the extended algorithm of Euclid; both are coprime here. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [r, next] = [modulus, value % modulus];
  let [t, nextT] = [0n, 1n];
  while (next !== 0n) {
    const quotient = r / next;
    [r, next] = [next, r - quotient * next];
    [t, nextT] = [nextT, t - quotient * nextT];
  }
  return t < 0n ? t + modulus : t;
}

function fromBytes(bytes: Uint8Array): bigint {
  return BigInt(`0x${toHex(bytes)}`);
}

function toBytes(value: bigint, length: number): Uint8Array {
  return new Uint8Array(Buffer.from(value.toString(16).padStart(2 * length, '0'), 'hex'));
}
