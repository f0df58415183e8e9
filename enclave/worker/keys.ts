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
 * DESIGN section 2: secrets are HKDF(getrandom || hardware), so that neither a host that feeds the kernel's pool nor a
 * weak device alone can predict them. They are imported, never exported, and die with the process.
 */
export function makeKeys(hardwareEntropy: Uint8Array): WorkerKeys {
  const material = concatBytes(randomBytes(64), hardwareEntropy);
  try {
    const signerScalar = scalarFrom(derive(material, 'proofmark worker signer v1', 48));
    const { privateKey, point } = importP256(signerScalar);
    return {
      signer: privateKey,
      signerPoint: point,
      seal: nodeSuite.importX25519(derive(material, 'proofmark worker seal v1', 32)),
    };
  } finally {
    material.fill(0);
  }
}

function derive(material: Uint8Array, purpose: string, length: number): Uint8Array {
  return new Uint8Array(hkdfSync('sha256', material, new Uint8Array(0), utf8(purpose), length));
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
