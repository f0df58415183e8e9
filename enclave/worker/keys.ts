import { createECDH, createPrivateKey, hkdfSync, type KeyObject, randomBytes } from 'node:crypto';
import { concatBytes, toBase64url, utf8 } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import type { KeyPairX25519 } from '../../wire/crypto/suite.ts';
import { readUint, uintWord } from '../../wire/words.ts';

/** Order of P-256 (SP 800-186 section 3.2.1.3). */
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

export interface WorkerKeys {
  /** Signs tree heads and nothing else. */
  readonly signer: KeyObject;
  /** 04 || x || y */
  readonly signerPoint: Uint8Array;
  /** Static key of Noise sessions. */
  readonly seal: KeyPairX25519;
}

/**
 * DESIGN section 2: every secret is HKDF(getrandom || hardware), so that neither a host that feeds the kernel's pool nor
 * a weak device alone can predict one. Secrets are imported, never exported, and die with the process.
 */
export interface SecretSource {
  /** The keys of this process, made once. */
  readonly keys: WorkerKeys;
  /** A fresh key for one handshake. */
  ephemeral(): KeyPairX25519;
  /** Fresh bytes for the primes of a key that KMS answers to. */
  primes(length: number): Uint8Array;
}

export function createSecretSource(hardwareEntropy: Uint8Array): SecretSource {
  const hardware = Uint8Array.from(hardwareEntropy);
  const draw = (purpose: string, length: number): Uint8Array => {
    const material = concatBytes(randomBytes(64), hardware);
    const secret = new Uint8Array(hkdfSync('sha256', material, new Uint8Array(0), utf8(purpose), length));
    material.fill(0);
    return secret;
  };
  const x25519 = (purpose: string): KeyPairX25519 => {
    const secret = draw(purpose, 32);
    const pair = nodeSuite.importX25519(secret);
    secret.fill(0);
    return pair;
  };
  const wide = draw('proofmark worker signer v1', 48);
  const { privateKey, point } = importP256(scalarFrom(wide));
  wide.fill(0);
  return {
    keys: { signer: privateKey, signerPoint: point, seal: x25519('proofmark worker seal v1') },
    ephemeral: () => x25519('proofmark worker ephemeral v1'),
    primes: (length) => draw('proofmark worker primes v1', length),
  };
}

/** 384 bits reduced to [1, n-1]: the bias is below 2^-127 (FIPS 186-5 appendix A.2.1). */
function scalarFrom(wide: Uint8Array): Uint8Array {
  return uintWord((readUint(wide) % (P256_ORDER - 1n)) + 1n);
}

function importP256(scalar: Uint8Array): { readonly privateKey: KeyObject; readonly point: Uint8Array } {
  const ecdh = createECDH('prime256v1');
  ecdh.setPrivateKey(scalar);
  const point = new Uint8Array(ecdh.getPublicKey());
  const privateKey = createPrivateKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      d: toBase64url(scalar),
      x: toBase64url(point.subarray(1, 33)),
      y: toBase64url(point.subarray(33)),
    },
  });
  scalar.fill(0);
  return { privateKey, point };
}
