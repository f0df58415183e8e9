import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parseEcdsaP384Signature } from '../../../verifier/codec/ecdsa-signature.ts';
import { verifyP384 } from '../../../verifier/crypto/ecdsa.ts';
import { VerifierError } from '../../../verifier/index.ts';
import { fromHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';

const folder = new URL('../../../../shared/vectors/wycheproof/', import.meta.url);

interface Group {
  readonly publicKey: { readonly uncompressed: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: string;
  }[];
}

function groupsOf(file: string): readonly Group[] {
  const { testGroups } = JSON.parse(readFileSync(new URL(file, folder), 'utf8')) as { testGroups: Group[] };
  return testGroups;
}

async function judge(file: string, signatureOf: (bytes: Uint8Array) => Uint8Array): Promise<readonly string[]> {
  const wrong: string[] = [];
  let count = 0;
  for (const { publicKey, tests } of groupsOf(file)) {
    for (const { tcId, msg, sig, result } of tests) {
      count += 1;
      const good = await verifyWith(fromHex(publicKey.uncompressed), fromHex(msg), fromHex(sig), signatureOf);
      if (good !== (result === 'valid')) wrong.push(`${tcId}: ${result}`);
    }
  }
  expect(count).toBeGreaterThan(250);
  return wrong;
}

async function verifyWith(
  point: Uint8Array,
  message: Uint8Array,
  signature: Uint8Array,
  signatureOf: (bytes: Uint8Array) => Uint8Array,
): Promise<boolean> {
  try {
    return await verifyP384(nodeSuite, point, message, signatureOf(signature));
  } catch (error) {
    if (error instanceof VerifierError) return false;
    throw error;
  }
}

describe.skipIf(!existsSync(folder))('Wycheproof P-384 (skipped where ../shared/vectors is absent)', () => {
  it('agrees on every DER signature, so invalid spellings are refused before the curve is asked', async () => {
    expect(await judge('ecdsa_secp384r1_sha384_test.json', parseEcdsaP384Signature)).toEqual([]);
  });

  it('agrees on every fixed-length signature', async () => {
    expect(await judge('ecdsa_secp384r1_sha384_p1363_test.json', (bytes) => bytes)).toEqual([]);
  });
});
