import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseCertificate } from '../../../verifier/codec/x509.ts';
import { parseUnverifiedNitroDocument, VerifierError } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { chain, ROOT } from '../../support/certificates.ts';
import { evidence, payloadOf, verify } from '../../support/nitro-evidence.ts';

/** X10: whatever the bytes, the answer is a verdict with a code. The signature check says yes, so that parsers meet everything. */
const gullible = { ...nodeSuite, verifyP384: (): boolean => true };

const good = evidence();
const payload = payloadOf();
const certificates = chain();
const leaf = certificates[4] as Uint8Array;

/** A few bytes of a real structure replaced, cut out or doubled. */
function mutated(base: Uint8Array): fc.Arbitrary<Uint8Array> {
  const edit = fc.record({
    at: fc.nat(base.length - 1),
    remove: fc.nat(4),
    insert: fc.uint8Array({ maxLength: 6 }),
  });
  return fc.array(edit, { minLength: 1, maxLength: 4 }).map((edits) => {
    let bytes = [...base];
    for (const { at, remove, insert } of edits) bytes = [...bytes.slice(0, at), ...insert, ...bytes.slice(at + remove)];
    return Uint8Array.from(bytes);
  });
}

const documents = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  mutated(good),
  mutated(payload).map((bytes) => evidence({ certificates, payload: () => bytes })),
  mutated(leaf).map((bytes) => evidence({ certificates, fields: { certificate: bytes } })),
  mutated(ROOT).map((bytes) => evidence({ certificates, fields: { cabundle: [bytes] } })),
);

describe('any bytes', () => {
  it('get a verdict that lists every check', async () => {
    const { checks } = await verify(good);
    await fc.assert(
      fc.asyncProperty(documents, async (document) => {
        const verdict = await verify(document, { suite: gullible });
        expect(verdict.checks.map(({ id }) => id)).toEqual(checks.map(({ id }) => id));
        const failed = verdict.checks.some(({ outcome }) => outcome === 'failed');
        expect(failed).toBe(verdict.verdict !== 'accepted');
      }),
      { numRuns: 400 },
    );
  });

  it('are never accepted when a real signature check runs', async () => {
    await fc.assert(
      fc.asyncProperty(mutated(good), async (document) => {
        fc.pre(Buffer.compare(document, good) !== 0);
        expect((await verify(document)).verdict).not.toBe('accepted');
      }),
      { numRuns: 150 },
    );
  });

  it('are read or refused with a VerifierError by the parsers', () => {
    const attempt = (parse: () => unknown): void => {
      try {
        parse();
      } catch (error) {
        expect(error).toBeInstanceOf(VerifierError);
      }
    };
    fc.assert(
      fc.property(fc.oneof(fc.uint8Array({ maxLength: 100 }), mutated(leaf), mutated(good)), (bytes) => {
        attempt(() => parseCertificate(bytes));
        attempt(() => parseUnverifiedNitroDocument(bytes));
      }),
      { numRuns: 1_500 },
    );
  });
});
