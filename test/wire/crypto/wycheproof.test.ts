import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { fromHex } from '../../../wire/bytes.ts';
import { checkSignatureFormat, normaliseS, verifyLowS } from '../../../wire/crypto/ecdsa.ts';
import { refusal, suites } from '../noise/support.ts';

const folder = new URL('../../../../shared/vectors/wycheproof/', import.meta.url);

interface TestGroup {
  readonly publicKey: { readonly uncompressed: string };
  readonly tests: readonly {
    readonly tcId: number;
    readonly msg: string;
    readonly sig: string;
    readonly result: 'valid' | 'invalid';
  }[];
}

function* cases(name: string) {
  const file = JSON.parse(readFileSync(new URL(name, folder), 'utf8')) as { testGroups: TestGroup[] };
  for (const { publicKey, tests } of file.testGroups) {
    for (const { tcId, msg, sig, result } of tests) {
      yield {
        tcId,
        point: fromHex(publicKey.uncompressed),
        message: fromHex(msg),
        signature: fromHex(sig),
        valid: result === 'valid',
      };
    }
  }
}

const title = 'Wycheproof ECDSA (skipped where ../shared/vectors is absent)';
describe.skipIf(!existsSync(folder))(title, () => {
  for (const [suiteName, suite] of suites) {
    it(`${suiteName}: every P-256 verdict is theirs`, async () => {
      let count = 0;
      for (const { tcId, point, message, signature, valid } of cases('ecdsa_secp256r1_sha256_p1363_test.json')) {
        expect({ tcId, valid: await suite.verifyP256(point, message, signature) }).toEqual({ tcId, valid });
        count += 1;
      }
      expect(count).toBeGreaterThan(200);
    });

    it(`${suiteName}: every P-384 verdict is theirs, high s included`, async () => {
      let count = 0;
      for (const { tcId, point, message, signature, valid } of cases('ecdsa_secp384r1_sha384_p1363_test.json')) {
        const run = count % 2 === 0 ? 'here' : 'beside';
        expect({ tcId, valid: await suite.verifyP384(point, message, signature, run) }).toEqual({ tcId, valid });
        count += 1;
      }
      expect(count).toBeGreaterThan(200);
    });

    it(`${suiteName}: with low s, valid signatures verify once normalised, and invalid ones never`, async () => {
      let highS = 0;
      for (const { tcId, point, message, signature, valid } of cases('ecdsa_secp256r1_sha256_p1363_test.json')) {
        const form = await refusal(() => checkSignatureFormat(signature));
        if (form === 'signature_format') {
          expect({ tcId, valid }).toEqual({ tcId, valid: false });
          continue;
        }
        if (form === 'signature_high_s') highS += 1;
        const verified = await verifyLowS(suite, point, message, normaliseS(signature));
        expect({ tcId, verified }).toEqual({ tcId, verified: valid });
      }
      expect(highS).toBeGreaterThan(0);
    });
  }
});
