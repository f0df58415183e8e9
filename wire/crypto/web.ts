import { concatBytes, equalBytes, fromHex, isZero, toBase64url } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { isRsa4096, type KeyPairX25519, RSA_4096_BYTES, type Suite } from './suite.ts';

/**
 * The suite over WebCrypto, for browsers (and Node, where tests compare it with `node.ts`). Nothing here touches
 * `node:` or Buffer. Private keys are imported as not extractable.
 */
type Subtle = typeof globalThis.crypto.subtle;
type WebKey = Awaited<ReturnType<Subtle['importKey']>>;

const AES_KEY = 32;
const GCM_TAG = 16;
const X25519_KEY = 32;
/** PKCS#8 of an X25519 private key is this prefix and the 32 raw bytes (RFC 8410 section 7). */
const X25519_PKCS8: Uint8Array = fromHex('302e020100300506032b656e04220420');
/** The curve's base point u = 9 (RFC 7748 section 4.1): X25519 with it turns a private key into its public one. */
const X25519_BASE_POINT: Uint8Array = concatBytes(Uint8Array.of(9), new Uint8Array(X25519_KEY - 1));
/** `getRandomValues` refuses more at once (Web Cryptography, section 10.1.1). */
const RANDOM_QUOTA = 65_536;

function subtle(): Subtle {
  return globalThis.crypto.subtle;
}

/** WebCrypto takes no view of shared memory, and the compiler cannot see that ours never is one. */
function owned(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes.buffer instanceof ArrayBuffer ? (bytes as Uint8Array<ArrayBuffer>) : Uint8Array.from(bytes);
}

async function verifyEcdsa(
  curve: 'P-256' | 'P-384',
  hash: 'SHA-256' | 'SHA-384',
  point: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  const size = curve === 'P-256' ? 32 : 48;
  // Some engines read compressed points too; Proofmark has one spelling.
  if (point.length !== 1 + 2 * size || point[0] !== 4) return false;
  try {
    const key = await verifyKey(curve, point);
    return await subtle().verify({ name: 'ECDSA', hash }, key, owned(signature), owned(message));
  } catch {
    return false;
  }
}

/** The signers of the workers that a browser talks to: each receipt is checked by the same few keys. */
const MOST_SIGNERS = 16;
const signers: { readonly point: Uint8Array; readonly key: WebKey }[] = [];

async function verifyKey(curve: 'P-256' | 'P-384', point: Uint8Array): Promise<WebKey> {
  const known = signers.find((entry) => entry.point.length === point.length && equalBytes(entry.point, point));
  if (known !== undefined) return known.key;
  // Copied before the wait: what is kept under a point must be made of it.
  const copy = Uint8Array.from(point);
  const key = await subtle().importKey('raw', copy, { name: 'ECDSA', namedCurve: curve }, false, ['verify']);
  // Those of certificates come once.
  if (curve === 'P-384') return key;
  if (signers.length >= MOST_SIGNERS) signers.shift();
  signers.push({ point: copy, key });
  return key;
}

async function verifyRsaPss(
  modulus: Uint8Array,
  exponent: number,
  message: Uint8Array,
  signature: Uint8Array,
): Promise<boolean> {
  if (!isRsa4096(modulus, exponent) || signature.length !== RSA_4096_BYTES) return false;
  try {
    const jwk = { kty: 'RSA', n: toBase64url(modulus), e: 'AQAB' };
    const key = await subtle().importKey('jwk', jwk, { name: 'RSA-PSS', hash: 'SHA-384' }, false, ['verify']);
    return await subtle().verify({ name: 'RSA-PSS', saltLength: 48 }, key, owned(signature), owned(message));
  } catch {
    return false;
  }
}

async function importX25519Public(raw: Uint8Array): Promise<WebKey> {
  if (raw.length !== X25519_KEY) throw new WireError('key_invalid', 'an X25519 key has 32 bytes');
  return await subtle().importKey('raw', owned(raw), { name: 'X25519' }, true, []);
}

async function deriveX25519(privateKey: WebKey, publicKey: Uint8Array): Promise<Uint8Array> {
  const algorithm = { name: 'X25519', public: await importX25519Public(publicKey) };
  let secret: Uint8Array;
  try {
    secret = new Uint8Array(await subtle().deriveBits(algorithm, privateKey, 8 * X25519_KEY));
  } catch {
    throw new WireError('key_invalid', 'X25519 refused the key');
  }
  // Newer engines refuse low-order points themselves; older ones return the zeros.
  if (isZero(secret)) throw new WireError('key_invalid', 'X25519 gave an all-zero secret');
  return secret;
}

async function importAesKey(key: Uint8Array): Promise<WebKey> {
  // WebCrypto would take 16 bytes and run AES-128.
  if (key.length !== AES_KEY) throw new WireError('key_invalid', 'an AES-256 key has 32 bytes');
  return await subtle().importKey('raw', owned(key), 'AES-GCM', false, ['encrypt', 'decrypt']);
}

interface ImportedKey {
  readonly bytes: Uint8Array;
  readonly key: WebKey;
}

/** A session's two keys seal and open all its records; each goes with the array that holds it. */
const aesKeys = new WeakMap<Uint8Array, ImportedKey>();

async function aesKey(key: Uint8Array): Promise<WebKey> {
  const known = aesKeys.get(key);
  // The array may hold another key by now, as those of a handshake do.
  if (known !== undefined && equalBytes(known.bytes, key)) return known.key;
  const bytes = Uint8Array.from(key);
  const imported = await importAesKey(bytes);
  aesKeys.set(key, { bytes, key: imported });
  return imported;
}

interface GcmParameters {
  readonly name: string;
  readonly iv: Uint8Array<ArrayBuffer>;
  readonly additionalData: Uint8Array<ArrayBuffer>;
  readonly tagLength: number;
}

function gcmParameters(nonce: Uint8Array, associated: Uint8Array): GcmParameters {
  return { name: 'AES-GCM', iv: owned(nonce), additionalData: owned(associated), tagLength: 8 * GCM_TAG };
}

export const webSuite: Suite = {
  async sha256(data) {
    return new Uint8Array(await subtle().digest('SHA-256', owned(data)));
  },
  async sha384(data) {
    return new Uint8Array(await subtle().digest('SHA-384', owned(data)));
  },
  async hmacSha256(key, data) {
    // WebCrypto refuses an empty key; HMAC pads keys with zeros, so one zero byte is the same key (RFC 2104).
    const raw = key.length === 0 ? new Uint8Array(1) : owned(key);
    const imported = await subtle().importKey('raw', raw, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign']);
    return new Uint8Array(await subtle().sign('HMAC', imported, owned(data)));
  },
  verifyP256: (point, message, signature) => verifyEcdsa('P-256', 'SHA-256', point, message, signature),
  verifyP384: (point, message, signature) => verifyEcdsa('P-384', 'SHA-384', point, message, signature),
  verifyRsaPss384: verifyRsaPss,
  async generateX25519() {
    const pair = (await subtle().generateKey({ name: 'X25519' }, false, ['deriveBits'])) as {
      readonly publicKey: WebKey;
      readonly privateKey: WebKey;
    };
    const publicKey = new Uint8Array(await subtle().exportKey('raw', pair.publicKey));
    return { publicKey, privateKey: pair.privateKey };
  },
  async importX25519(raw) {
    if (raw.length !== X25519_KEY) throw new WireError('key_invalid', 'an X25519 key has 32 bytes');
    const encoded = owned(concatBytes(X25519_PKCS8, raw));
    const privateKey = await subtle().importKey('pkcs8', encoded, { name: 'X25519' }, false, ['deriveBits']);
    encoded.fill(0);
    return { publicKey: await deriveX25519(privateKey, X25519_BASE_POINT), privateKey };
  },
  x25519: (pair: KeyPairX25519, publicKey) => deriveX25519(pair.privateKey as WebKey, publicKey),
  async sealAesGcm(key, nonce, associated, plaintext) {
    const parameters = gcmParameters(nonce, associated);
    const imported = await aesKey(key);
    return new Uint8Array(await subtle().encrypt(parameters, imported, owned(plaintext)));
  },
  async openAesGcm(key, nonce, associated, sealed) {
    const parameters = gcmParameters(nonce, associated);
    const imported = await aesKey(key);
    try {
      return new Uint8Array(await subtle().decrypt(parameters, imported, owned(sealed)));
    } catch {
      return undefined;
    }
  },
  randomBytes(length) {
    const out = new Uint8Array(length);
    for (let offset = 0; offset < length; offset += RANDOM_QUOTA) {
      globalThis.crypto.getRandomValues(out.subarray(offset, offset + RANDOM_QUOTA));
    }
    return out;
  },
};
