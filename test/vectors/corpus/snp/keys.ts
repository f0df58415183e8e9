import { createPrivateKey, type JsonWebKey } from 'node:crypto';
import { type RsaSigningKey, rsaSigningKey } from '../../../../enclave/simulator/snp/rsa.ts';
import { toHex } from '../../../../wire/bytes.ts';
import { filler } from '../../golden/keys.ts';

/**
 * RSA-4096 keys that everybody knows. Each prime is the first one from a number that SHA-256 of a label gives; how many
 * odd numbers lie before it is written down, because looking for it takes a while. The same three sign for every line.
 */
export interface PublishedRsaKey extends RsaSigningKey {
  readonly label: string;
  /** In hex. */
  readonly primes: { readonly p: string; readonly q: string };
}

const EXPONENT = 65_537n;

function prime(label: string, steps: number): bigint {
  const start = BigInt(`0x${toHex(filler(label, 256))}`);
  return (start | (3n << 2_046n) | 1n) + 2n * BigInt(steps);
}

function publishedRsaKey(role: string, steps: { readonly p: number; readonly q: number }): PublishedRsaKey {
  const label = `proofmark TEST VECTORS ONLY: corpus SEV-SNP ${role}`;
  const [p, q] = [prime(`${label} p`, steps.p), prime(`${label} q`, steps.q)];
  const primes = { p: p.toString(16), q: q.toString(16) };
  return { ...rsaSigningKey(createPrivateKey({ format: 'jwk', key: rsaJwk({ primes }) })), label, primes };
}

/** Everything that OpenSSL wants to know of a key, from its primes. */
export function rsaJwk({ primes }: Pick<PublishedRsaKey, 'primes'>): JsonWebKey {
  const [p, q] = [BigInt(`0x${primes.p}`), BigInt(`0x${primes.q}`)];
  const d = inverse(EXPONENT, (p - 1n) * (q - 1n));
  return {
    kty: 'RSA',
    n: part(p * q),
    e: part(EXPONENT),
    d: part(d),
    p: part(p),
    q: part(q),
    dp: part(d % (p - 1n)),
    dq: part(d % (q - 1n)),
    qi: part(inverse(q, p)),
  };
}

function part(value: bigint): string {
  const digits = value.toString(16);
  return Buffer.from(digits.length % 2 === 0 ? digits : `0${digits}`, 'hex').toString('base64url');
}

/** Extended Euclid. */
function inverse(value: bigint, modulus: bigint): bigint {
  let [a, b, x, y] = [value % modulus, modulus, 1n, 0n];
  while (a > 1n) {
    const quotient = a / b;
    [a, b] = [b, a % b];
    [x, y] = [y, x - quotient * y];
  }
  return ((x % modulus) + modulus) % modulus;
}

export const snpKeys: { readonly [role in 'ark' | 'ask' | 'asvk']: PublishedRsaKey } = {
  ark: publishedRsaKey('ark', { p: 462, q: 225 }),
  ask: publishedRsaKey('ask', { p: 1_200, q: 430 }),
  asvk: publishedRsaKey('asvk', { p: 149, q: 244 }),
};
