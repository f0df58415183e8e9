/**
 * The primitives that Proofmark decides with (DESIGN section 2, "one hash, one signature"), as an interface: Node's
 * OpenSSL serves the worker, host and command line (`node.ts`), WebCrypto serves browsers (`web.ts`). Protocol code is
 * written once over this interface; with Node's suite every call returns at once.
 */
export type Awaitable<T> = T | Promise<T>;

export interface KeyPairX25519 {
  readonly publicKey: Uint8Array;
  /** Opaque to protocol code: a KeyObject in Node, a CryptoKey in a browser. */
  readonly privateKey: unknown;
}

/** A hint: a signature that was begun `beside` may be checked on another thread while the caller goes on. */
export type SignatureRun = 'here' | 'beside';

export interface Suite {
  sha256(data: Uint8Array): Awaitable<Uint8Array>;
  sha384(data: Uint8Array): Awaitable<Uint8Array>;
  hmacSha256(key: Uint8Array, data: Uint8Array): Awaitable<Uint8Array>;
  /** `point` is the 65-byte uncompressed form, `signature` 64 bytes r||s. Returns false for anything that does not verify. */
  verifyP256(point: Uint8Array, message: Uint8Array, signature: Uint8Array): Awaitable<boolean>;
  /** `point` is the 97-byte uncompressed form, `signature` 96 bytes r||s, hash SHA-384; high s is accepted (vendors emit it). */
  verifyP384(point: Uint8Array, message: Uint8Array, signature: Uint8Array, run?: SignatureRun): Awaitable<boolean>;
  /**
   * RSASSA-PSS of RSA-4096 with SHA-384, MGF1 with SHA-384 and a salt of 48 bytes: how AMD signs certificates. Returns
   * false for keys of another size or exponent, and for another salt, which an "automatic" salt length would let pass.
   */
  verifyRsaPss384(
    modulus: Uint8Array,
    exponent: number,
    message: Uint8Array,
    signature: Uint8Array,
  ): Awaitable<boolean>;
  generateX25519(): Awaitable<KeyPairX25519>;
  importX25519(privateKey: Uint8Array): Awaitable<KeyPairX25519>;
  /** The shared secret; all-zero results are refused with `key_invalid` (RFC 7748 section 6.1). */
  x25519(pair: KeyPairX25519, publicKey: Uint8Array): Awaitable<Uint8Array>;
  /** AES-256-GCM with a 16-byte tag appended. */
  sealAesGcm(key: Uint8Array, nonce: Uint8Array, associated: Uint8Array, plaintext: Uint8Array): Awaitable<Uint8Array>;
  /** Returns undefined when the tag does not hold; never throws for bad input of the right shape. */
  openAesGcm(
    key: Uint8Array,
    nonce: Uint8Array,
    associated: Uint8Array,
    sealed: Uint8Array,
  ): Awaitable<Uint8Array | undefined>;
  randomBytes(length: number): Uint8Array;
}

/** The one RSA key form that any party here uses: 4096 bits in full, odd, with the exponent 65537. */
export const RSA_4096_BYTES = 512;
export const RSA_EXPONENT = 65_537;

export function isRsa4096(modulus: Uint8Array, exponent: number): boolean {
  const first = modulus[0] ?? 0;
  const last = modulus[modulus.length - 1] ?? 0;
  return modulus.length === RSA_4096_BYTES && first >= 0x80 && last % 2 === 1 && exponent === RSA_EXPONENT;
}

/** A suite whose every answer is immediate. */
export type SyncSuite = {
  readonly [Name in keyof Suite]: Suite[Name] extends (...args: infer Args) => infer Result
    ? (...args: Args) => Exclude<Result, Promise<unknown>>
    : never;
};
