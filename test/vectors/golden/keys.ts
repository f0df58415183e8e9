import { p256 } from '@noble/curves/nist.js';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';

/**
 * Keys that everybody knows: the SHA-256 of a label. Signatures are made by RFC 6979 with low s, so that the vectors
 * regenerate byte for byte; the product itself signs with OpenSSL's fresh nonces.
 */
export interface TestKey {
  readonly label: string;
  readonly privateKey: Uint8Array;
  /** 04 || x || y */
  readonly point: Uint8Array;
}

export function testKey(role: string): TestKey {
  const label = `proofmark TEST VECTORS ONLY: ${role}`;
  const privateKey = sha256(utf8(label));
  return { label, privateKey, point: Uint8Array.from(p256.getPublicKey(privateKey, false)) };
}

export function sign(key: TestKey, message: Uint8Array): Uint8Array {
  return Uint8Array.from(p256.sign(message, key.privateKey, { lowS: true, prehash: true }));
}

export function describeKey(key: TestKey): Readonly<Record<string, string>> {
  return { label: key.label, privateKey: toHex(key.privateKey), publicKey: toHex(key.point) };
}

/** 32 bytes that stand for something in a vector. */
export function filler(label: string, length = 32): Uint8Array {
  const bytes: number[] = [];
  for (let block = 0; bytes.length < length; block++) bytes.push(...sha256(utf8(`${label} ${block}`)));
  return Uint8Array.from(bytes.slice(0, length));
}
