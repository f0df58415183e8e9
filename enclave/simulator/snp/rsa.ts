import { constants, createPrivateKey, generateKeyPair, type KeyObject, privateEncrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { concatBytes, u32 } from '../../../wire/bytes.ts';
import { SimulatorError } from '../errors.ts';
import { sha384 } from '../signing.ts';

/** An RSA-4096 key that signs with RSASSA-PSS and SHA-384, as AMD's root and intermediate keys do. */
export interface RsaSigningKey {
  /** 512 bytes; the exponent is 65537. */
  readonly modulus: Uint8Array;
  /** The salt is an argument, so that published vectors regenerate and can have a salt that verifiers refuse. */
  readonly sign: (message: Uint8Array, salt: Uint8Array) => Uint8Array;
}

const RSA_BYTES = 512;
const HASH_BYTES = 48;

/** Takes a second or several: keys are made once per machine. By way of DER, see `generateP384`. */
export async function generateRsa4096(): Promise<KeyObject> {
  const { privateKey } = await promisify(generateKeyPair)('rsa', {
    modulusLength: RSA_BYTES * 8,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
  });
  return createPrivateKey({ key: privateKey, type: 'pkcs8', format: 'der' });
}

export function rsaSigningKey(privateKey: KeyObject): RsaSigningKey {
  const { n, e } = privateKey.export({ format: 'jwk' });
  const modulus = new Uint8Array(Buffer.from(n ?? '', 'base64url'));
  if (modulus.length !== RSA_BYTES || e !== 'AQAB') {
    throw new SimulatorError('argument_invalid', 'not an RSA-4096 key with the exponent 65537');
  }
  return {
    modulus,
    sign: (message, salt) =>
      new Uint8Array(
        // Raw RSA: the padding is ours, because the platform draws its salts itself.
        privateEncrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, encodePss(message, salt)),
      ),
  };
}

/** EMSA-PSS-ENCODE with SHA-384 and MGF1 with SHA-384 for 4096 bits (RFC 8017 section 9.1.1). */
function encodePss(message: Uint8Array, salt: Uint8Array): Uint8Array {
  const zeros = RSA_BYTES - salt.length - HASH_BYTES - 2;
  if (zeros < 0) throw new SimulatorError('argument_invalid', `a salt of ${salt.length} bytes does not fit`);
  const hash = sha384(new Uint8Array(8), sha384(message), salt);
  const block = concatBytes(new Uint8Array(zeros), Uint8Array.of(1), salt);
  const masked = xor(block, mgf1(hash, block.length));
  // The encoded message has one bit less than the modulus.
  masked[0] = (masked[0] as number) & 0x7f;
  return concatBytes(masked, hash, Uint8Array.of(0xbc));
}

/** RFC 8017 appendix B.2.1. */
function mgf1(seed: Uint8Array, length: number): Uint8Array {
  const blocks = Array.from({ length: Math.ceil(length / HASH_BYTES) }, (_, counter) => sha384(seed, u32(counter)));
  return concatBytes(...blocks).subarray(0, length);
}

function xor(left: Uint8Array, right: Uint8Array): Uint8Array {
  return left.map((byte, index) => byte ^ (right[index] as number));
}
