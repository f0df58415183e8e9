import {
  constants,
  createCipheriv,
  createDecipheriv,
  createHmac,
  createPrivateKey,
  createPublicKey,
  diffieHellman,
  hash,
  KeyObject,
  randomBytes as nodeRandomBytes,
  type VerifyKeyObjectInput,
  verify,
  webcrypto,
} from 'node:crypto';
import { isZero, toBase64url } from '../bytes.ts';
import { WireError } from '../errors.ts';
import {
  isRsa4096,
  type KeyPairX25519,
  RSA_4096_BYTES,
  type SignatureRun,
  type Suite,
  type SyncSuite,
} from './suite.ts';

const GCM_TAG = 16;
/** PKCS#8 of an X25519 private key is this prefix and the 32 raw bytes (RFC 8410 section 7). */
const X25519_PKCS8 = Uint8Array.of(
  0x30,
  0x2e,
  0x02,
  0x01,
  0x00,
  0x30,
  0x05,
  0x06,
  0x03,
  0x2b,
  0x65,
  0x6e,
  0x04,
  0x22,
  0x04,
  0x20,
);

export function sha256(data: Uint8Array): Uint8Array {
  // As text of one byte a character: half the time of a Buffer, whose memory lies outside the heap and is collected apart.
  const digest = hash('sha256', data, 'binary');
  const out = new Uint8Array(32);
  for (let i = 0; i < 32; i++) out[i] = digest.charCodeAt(i);
  return out;
}

/** SubjectPublicKeyInfo of a P-384 point is this prefix and the point (RFC 5480 section 2). */
const P384_SPKI = Uint8Array.of(
  ...[0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
  ...[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22, 0x03, 0x62, 0x00],
);

/** Imports an uncompressed point; OpenSSL refuses coordinates that are not on the curve. */
export function importPoint(curve: 'P-256' | 'P-384', point: Uint8Array): KeyObject {
  const size = curve === 'P-256' ? 32 : 48;
  if (point.length !== 1 + 2 * size || point[0] !== 4) {
    throw new WireError('key_invalid', `not an uncompressed ${curve} point`);
  }
  try {
    // Each by the route that OpenSSL is quicker on: for P-384 DER takes a quarter of JWK's time, for P-256 JWK is ahead.
    if (curve === 'P-384') {
      return createPublicKey({ format: 'der', type: 'spki', key: Buffer.concat([P384_SPKI, point]) });
    }
    const [x, y] = [toBase64url(point.subarray(1, 33)), toBase64url(point.subarray(33))];
    return createPublicKey({ format: 'jwk', key: { kty: 'EC', crv: 'P-256', x, y } });
  } catch {
    throw new WireError('key_invalid', `the point is not on ${curve}`);
  }
}

function verifyP256(point: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  try {
    return verify('sha256', message, { key: importPoint('P-256', point), dsaEncoding: 'ieee-p1363' }, signature);
  } catch {
    return false;
  }
}

const P384 = { name: 'ECDSA', namedCurve: 'P-384' } as const;

async function verifyP384(
  point: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  run: SignatureRun = 'here',
): Promise<boolean> {
  // The import would also take a compressed point, of which Proofmark has no use.
  if (point.length !== 97 || point[0] !== 4) return false;
  try {
    // WebCrypto's way to import a raw point costs a third of OpenSSL's reader of DER, and is asynchronous in form only.
    const imported = KeyObject.from(await webcrypto.subtle.importKey('raw', point, P384, false, ['verify']));
    const key = { key: imported, dsaEncoding: 'ieee-p1363' } as const;
    return run === 'here' ? verify('sha384', message, key, signature) : await verifyBeside(message, key, signature);
  } catch {
    return false;
  }
}

/** On the thread pool. On a busy machine the way there and back takes longer than a signature: not for a lone one. */
function verifyBeside(message: Uint8Array, key: VerifyKeyObjectInput, signature: Uint8Array): Promise<boolean> {
  return new Promise((resolve, reject) => {
    verify('sha384', message, key, signature, (error, good) => {
      if (error === null) resolve(good);
      else reject(error);
    });
  });
}

/** AMD has three roots and six intermediates. OpenSSL's first use of a key costs half of a signature's check. */
const MOST_RSA_KEYS = 16;
const rsaKeys: { readonly modulus: Uint8Array; readonly key: KeyObject }[] = [];

function rsaKey(modulus: Uint8Array): KeyObject {
  // Compared where they lie: writing out 512 bytes as a name would cost as much as reading a certificate.
  const known = rsaKeys.find((entry) => Buffer.compare(entry.modulus, modulus) === 0);
  if (known !== undefined) return known.key;
  const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n: toBase64url(modulus), e: 'AQAB' } });
  if (rsaKeys.length >= MOST_RSA_KEYS) rsaKeys.shift();
  rsaKeys.push({ modulus: Uint8Array.from(modulus), key });
  return key;
}

function verifyRsaPss(modulus: Uint8Array, exponent: number, message: Uint8Array, signature: Uint8Array): boolean {
  if (!isRsa4096(modulus, exponent) || signature.length !== RSA_4096_BYTES) return false;
  try {
    const key = rsaKey(modulus);
    const padding = constants.RSA_PKCS1_PSS_PADDING;
    return verify('sha384', message, { key, padding, saltLength: 48 }, signature);
  } catch {
    return false;
  }
}

function importX25519Public(raw: Uint8Array): KeyObject {
  if (raw.length !== 32) throw new WireError('key_invalid', 'an X25519 key has 32 bytes');
  // The JWK route is measured 15 times faster than DER here.
  return createPublicKey({ format: 'jwk', key: { kty: 'OKP', crv: 'X25519', x: toBase64url(raw) } });
}

function pairOf(privateKey: KeyObject): KeyPairX25519 {
  const { x } = createPublicKey(privateKey).export({ format: 'jwk' });
  return { publicKey: new Uint8Array(Buffer.from(x as string, 'base64url')), privateKey };
}

/** All of it answers at once but for P-384, which only verifiers of evidence use. */
export type NodeSuite = Omit<SyncSuite, 'verifyP384'> & Pick<Suite, 'verifyP384'>;

export const nodeSuite: NodeSuite = {
  sha256,
  sha384: (data) => new Uint8Array(hash('sha384', data, 'buffer')),
  hmacSha256: (key, data) => new Uint8Array(createHmac('sha256', key).update(data).digest()),
  verifyP256,
  verifyP384,
  verifyRsaPss384: verifyRsaPss,
  // Not generateKeyPairSync: in Node 20 a key that is exported while its generator is collected can block for ever.
  generateX25519: () => nodeSuite.importX25519(nodeRandomBytes(32)),
  importX25519: (raw) => {
    if (raw.length !== 32) throw new WireError('key_invalid', 'an X25519 key has 32 bytes');
    return pairOf(createPrivateKey({ format: 'der', type: 'pkcs8', key: Buffer.concat([X25519_PKCS8, raw]) }));
  },
  x25519: (pair, publicKey) => {
    let secret: Uint8Array;
    try {
      secret = diffieHellman({
        privateKey: pair.privateKey as KeyObject,
        publicKey: importX25519Public(publicKey),
      });
    } catch {
      throw new WireError('key_invalid', 'X25519 refused the key');
    }
    if (isZero(secret)) throw new WireError('key_invalid', 'X25519 gave an all-zero secret');
    return new Uint8Array(secret);
  },
  sealAesGcm: (key, nonce, associated, plaintext) => {
    const cipher = createCipheriv('aes-256-gcm', key, nonce);
    cipher.setAAD(associated);
    return new Uint8Array(Buffer.concat([cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]));
  },
  openAesGcm: (key, nonce, associated, sealed) => {
    if (sealed.length < GCM_TAG) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: GCM_TAG });
    decipher.setAAD(associated);
    decipher.setAuthTag(sealed.subarray(sealed.length - GCM_TAG));
    const head = decipher.update(sealed.subarray(0, sealed.length - GCM_TAG));
    try {
      return new Uint8Array(Buffer.concat([head, decipher.final()]));
    } catch {
      return undefined;
    }
  },
  randomBytes: (length) => new Uint8Array(nodeRandomBytes(length)),
};
