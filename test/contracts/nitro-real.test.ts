import { afterAll, describe, expect, it } from 'vitest';
import { verifyNitroDocument } from '../../verifier/nitro/verify.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { hardwarePolicy, hasRealEvidence, type RealCase, realBytes, realNitroCases } from '../support/real-evidence.ts';
import { type NitroWorld, nitroWorld, rootOfDocument } from './support/nitro.ts';

/** What the cases call what went wrong, in the words of the verifier. */
const CODES: Readonly<Record<string, string>> = {
  valid: 'accepted',
  cose_signature_invalid: 'document_signature',
  malformed_cbor: 'cbor_invalid',
};

const worlds: NitroWorld[] = [];
afterAll(() => Promise.all(worlds.map(({ chain }) => chain.stop())));

/** The vendor's root, as every genuine document brings it along. */
function vendorRoot(): Uint8Array {
  const { file } = realNitroCases().find(({ expect: cause }) => cause === 'valid') as RealCase;
  return rootOfDocument(realBytes(file));
}

describe.skipIf(!hasRealEvidence)("NitroVerifier on AWS's own documents", () => {
  it.each(realNitroCases())('$id: $expect', { timeout: 60_000 }, async ({ file, at, expect: cause }) => {
    const now = Date.parse(at);
    const document = realBytes(file);
    const world = await nitroWorld(vendorRoot(), now);
    worlds.push(world);
    const answer = await world.ask(document);
    const verdict = await verifyNitroDocument(document, {
      policy: hardwarePolicy(),
      now,
      challenge: 'any',
      suite: nodeSuite,
      cache: 'none',
    });
    if (verdict.verdict !== 'accepted') {
      expect(answer).toBe(verdict.code);
      // The framed file begins with what reads as an integer; the verifier says the same of it.
      expect([CODES[cause] ?? cause, 'cose_structure']).toContain(answer);
      return;
    }
    expect(CODES[cause]).toBe('accepted');
    const facts = verdict.proven;
    const hex = (bytes: Uint8Array | null): string => `0x${toHex(bytes ?? new Uint8Array(0))}`;
    expect(answer).toEqual({
      simulated: false,
      documentId: hex(facts.documentId),
      moduleId: hex(new TextEncoder().encode(facts.moduleId)),
      timestamp: BigInt(facts.timestamp),
      pcrMask: [...facts.pcrs.keys()].reduce((mask, index) => mask + 2 ** index, 0),
      pcrs: `0x${[...facts.pcrs]
        .sort(([a], [b]) => a - b)
        .map(([, value]) => toHex(value))
        .join('')}`,
      hasPublicKey: facts.publicKey !== null,
      publicKey: hex(facts.publicKey),
      hasUserData: facts.userData !== null,
      userData: hex(facts.userData),
      hasNonce: facts.nonce !== null,
      nonce: hex(facts.nonce),
      notBefore: BigInt(facts.validity.notBefore / 1000),
      notAfter: BigInt(facts.validity.notAfter / 1000),
      certificates: facts.certificates.map(({ tbsSha256 }) => hex(tbsSha256)),
    });
  });

  it('covers every kind of case', () => {
    expect(new Set(realNitroCases().map(({ expect: cause }) => cause)).size).toBeGreaterThan(4);
  });
});
