import { constants, createPublicKey, generateKeyPairSync, privateEncrypt, sign } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type Address, decodeFunctionResult, encodeFunctionData, type Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../contracts/tools/anvil.ts';
import { type Artifact, artifact } from '../../contracts/tools/artifacts.ts';
import { fromBase64url, fromHex, toHex, utf8 } from '../../wire/bytes.ts';

const file = new URL('../../../shared/vectors/wycheproof/rsa_pss_4096_sha384_mgf1_48_test.json', import.meta.url);

interface TestGroup {
  readonly publicKey: { readonly modulus: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: 'valid' | 'invalid';
  }[];
}

interface Signed {
  readonly modulus: Uint8Array;
  readonly message: Uint8Array;
  readonly signature: Uint8Array;
}

let chain: Chain;
let harness: Artifact;
let at: Address;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  const one = await chain.deploy(await artifact('Sha384Engine'));
  const two = await chain.deploy(await artifact('Sha384PairEngine'));
  harness = await artifact('RsaPssHarness');
  at = await chain.deploy(harness, [one, two]);
});

afterAll(() => chain.stop());

const hex = (bytes: Uint8Array): Hex => `0x${toHex(bytes)}`;

function callOf({ modulus, message, signature }: Signed): Hex {
  const args = [hex(modulus), hex(message), hex(signature)];
  return encodeFunctionData({ abi: harness.abi, functionName: 'verify', args });
}

async function verdict(signed: Signed, gas?: bigint): Promise<boolean> {
  const data = await chain.call({ to: at, data: callOf(signed), ...(gas !== undefined && { gas }) });
  return decodeFunctionResult({ abi: harness.abi, functionName: 'verify', data }) as boolean;
}

const title = 'Wycheproof RSASSA-PSS 4096, SHA-384, salt 48 (skipped where ../shared/vectors is absent)';
describe.skipIf(!existsSync(file))(title, () => {
  it('every verdict is theirs', async () => {
    const { testGroups } = JSON.parse(readFileSync(file, 'utf8')) as { testGroups: TestGroup[] };
    let count = 0;
    for (const { publicKey, tests } of testGroups) {
      // Their hex has the sign byte of a DER integer in front.
      const modulus = fromHex(publicKey.modulus).subarray(1);
      for (const { tcId, msg, sig, result } of tests) {
        const valid = await verdict({ modulus, message: fromHex(msg), signature: fromHex(sig) });
        expect({ tcId, valid }).toEqual({ tcId, valid: result === 'valid' });
        count += 1;
      }
    }
    expect(count).toBe(141);
  });
});

describe('RsaPss', () => {
  const pem = privateKey(4096);
  const message = utf8('a certificate');
  const { n } = createPublicKey(pem).export({ format: 'jwk' });
  const modulus = fromBase64url(n as string);
  const padding = constants.RSA_PKCS1_PSS_PADDING;
  const good: Signed = { modulus, message, signature: pss(48) };

  function pss(saltLength: number, hash = 'sha384'): Uint8Array {
    return new Uint8Array(sign(hash, message, { key: pem, padding, saltLength }));
  }

  /** The encoded message of `good`, changed at one place and signed again: a signature in all but that place. */
  function signedAgain(change: (encoded: Uint8Array) => void): Uint8Array {
    const encoded = fromHex(power(good.signature, 65_537n, modulus));
    change(encoded);
    return new Uint8Array(privateEncrypt({ key: pem, padding: constants.RSA_NO_PADDING }, encoded));
  }

  it('accepts what OpenSSL signs', async () => {
    expect(await verdict(good)).toBe(true);
  });

  it('refuses another message, salt length, hash or scheme', async () => {
    expect(await verdict({ ...good, message: utf8('another') })).toBe(false);
    for (const salt of [0, 20, 47, 49]) expect(await verdict({ ...good, signature: pss(salt) })).toBe(false);
    expect(await verdict({ ...good, signature: pss(48, 'sha256') })).toBe(false);
    expect(await verdict({ ...good, signature: new Uint8Array(sign('sha384', message, pem)) })).toBe(false);
  });

  it('refuses the same signature as s + n, and numbers that are no signature', async () => {
    const s = BigInt(hex(good.signature));
    const N = BigInt(hex(modulus));
    const fixed = (value: bigint): Uint8Array => fromHex(value.toString(16).padStart(1024, '0'));
    const values = [0n, 1n, N - 1n, N, N - s, ...(s + N < 1n << 4096n ? [s + N] : [])];
    for (const value of values) expect(await verdict({ ...good, signature: fixed(value) })).toBe(false);
  });

  it.each([
    { says: 'a trailer that is not bc', place: 511, flip: 0x01 },
    { says: 'a hash with one bit changed', place: 463, flip: 0x01 },
    { says: 'a first zero that is none', place: 0, flip: 0x40 },
    { says: 'a zero in the middle that is none', place: 200, flip: 0x10 },
    { says: 'a last zero that is none', place: 413, flip: 0x80 },
    { says: 'no 01 before the salt', place: 414, flip: 0x01 },
    { says: 'a salt with one bit changed', place: 462, flip: 0x01 },
  ])('refuses $says', async ({ place, flip }) => {
    const signature = signedAgain((encoded) => {
      encoded[place] = (encoded[place] as number) ^ flip;
    });
    expect(await verdict({ ...good, signature })).toBe(false);
  });

  it('refuses the unused bit set where the number is still below the modulus', async (context) => {
    const encoded = fromHex(power(good.signature, 65_537n, modulus));
    encoded[0] = (encoded[0] as number) | 0x80;
    if (BigInt(hex(encoded)) >= BigInt(hex(modulus))) context.skip('this key is too small for such a number');
    expect(await verdict({ ...good, signature: signedAgain((bytes) => bytes.set(encoded)) })).toBe(false);
  });

  it('refuses keys of another size, even ones, and signatures of another length', async () => {
    for (const length of [0, 511, 513]) {
      expect(await verdict({ ...good, modulus: new Uint8Array(length).fill(0xff) })).toBe(false);
      expect(await verdict({ ...good, signature: new Uint8Array(length) })).toBe(false);
    }
    const even = new Uint8Array(modulus);
    even[511] = (even[511] as number) ^ 1;
    expect(await verdict({ ...good, modulus: even })).toBe(false);
    const short = new Uint8Array(modulus);
    short[0] = (short[0] as number) & 0x7f;
    expect(await verdict({ ...good, modulus: short })).toBe(false);
  });

  it('reverts, and never says false, with too little gas for the arithmetic', async () => {
    for (const gas of [90_000n, 150_000n, 250_000n]) {
      await expect(verdict(good, gas)).rejects.toThrow(/eth_call/);
    }
  });
});

function privateKey(bits: number): string {
  return generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  }).privateKey;
}

/** 512 bytes in hex. */
function power(base: Uint8Array, exponent: bigint, modulus: Uint8Array): string {
  const N = BigInt(hex(modulus));
  let square = BigInt(hex(base));
  let result = 1n;
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if ((rest & 1n) === 1n) result = (result * square) % N;
    square = (square * square) % N;
  }
  return result.toString(16).padStart(1024, '0');
}
