import { constants, createPrivateKey, createPublicKey, generateKeyPairSync, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromBase64url, fromHex, utf8 } from '../../../wire/bytes.ts';
import { suites } from '../noise/support.ts';

const file = new URL('../../../../shared/vectors/wycheproof/rsa_pss_4096_sha384_mgf1_48_test.json', import.meta.url);

interface TestGroup {
  readonly publicKey: { readonly modulus: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: 'valid' | 'invalid';
  }[];
}

const title = 'Wycheproof RSASSA-PSS 4096, SHA-384, salt 48 (skipped where ../shared/vectors is absent)';
describe.skipIf(!existsSync(file))(title, () => {
  it.each(suites)('%s: every verdict is theirs', async (_name, suite) => {
    const { testGroups } = JSON.parse(readFileSync(file, 'utf8')) as { testGroups: TestGroup[] };
    let count = 0;
    for (const { publicKey, tests } of testGroups) {
      // Their hex has the sign byte of a DER integer in front.
      const modulus = fromHex(publicKey.modulus).subarray(1);
      for (const { tcId, msg, sig, result } of tests) {
        const valid = await suite.verifyRsaPss384(modulus, 65_537, fromHex(msg), fromHex(sig));
        expect({ tcId, valid }).toEqual({ tcId, valid: result === 'valid' });
        count += 1;
      }
    }
    expect(count).toBe(141);
  });
});

/** As text, so that no key object outlives its generator. */
function rsaPrivateKey(bits: number, exponent = 65_537): string {
  return generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicExponent: exponent,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey;
}

const message = utf8('a certificate');

function signed(pem: string, saltLength: number, hash = 'sha384'): { modulus: Uint8Array; signature: Uint8Array } {
  const key = createPrivateKey(pem);
  const { n } = createPublicKey(pem).export({ format: 'jwk' });
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  return {
    modulus: fromBase64url(n as string),
    signature: new Uint8Array(sign(hash, message, { key, padding, saltLength })),
  };
}

describe.each(suites)('%s suite: RSASSA-PSS', (_name, suite) => {
  const pem = rsaPrivateKey(4096);
  const { modulus, signature } = signed(pem, 48);

  it('verifies what a key of 4096 bits signed with a salt of 48 bytes', async () => {
    expect(await suite.verifyRsaPss384(modulus, 65_537, message, signature)).toBe(true);
    expect(await suite.verifyRsaPss384(modulus, 65_537, utf8('another'), signature)).toBe(false);
  });

  it.each([0, 32, 47, 49, 64])('S16 refuses a salt of %s bytes, which an automatic length lets pass', async (salt) => {
    expect(await suite.verifyRsaPss384(modulus, 65_537, message, signed(pem, salt).signature)).toBe(false);
  });

  it('refuses another hash', async () => {
    expect(await suite.verifyRsaPss384(modulus, 65_537, message, signed(pem, 48, 'sha256').signature)).toBe(false);
  });

  it('refuses keys of another size or exponent', async () => {
    const small = signed(rsaPrivateKey(2048), 48);
    expect(await suite.verifyRsaPss384(small.modulus, 65_537, message, small.signature)).toBe(false);
    for (const exponent of [0, 1, 3, 65_536, 65_539]) {
      expect(await suite.verifyRsaPss384(modulus, exponent, message, signature)).toBe(false);
    }
    const even = Uint8Array.from(modulus, (byte, index) => (index === 511 ? byte & 0xfe : byte));
    expect(await suite.verifyRsaPss384(even, 65_537, message, signature)).toBe(false);
    const short = Uint8Array.from(modulus, (byte, index) => (index === 0 ? byte & 0x7f : byte));
    expect(await suite.verifyRsaPss384(short, 65_537, message, signature)).toBe(false);
  });

  it('refuses signatures of another length, and zeros in front', async () => {
    for (const bad of [
      new Uint8Array(0),
      signature.subarray(1),
      Uint8Array.of(...signature, 0),
      Uint8Array.of(0, ...signature),
    ]) {
      expect(await suite.verifyRsaPss384(modulus, 65_537, message, bad)).toBe(false);
    }
    expect(await suite.verifyRsaPss384(Uint8Array.of(0, ...modulus), 65_537, message, signature)).toBe(false);
  });
});
