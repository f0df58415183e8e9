import { describe, expect, it } from 'vitest';
import { parsePolicy, requireAccepted, verifyNitroDocument } from '../../../verifier/index.ts';
import { toHex } from '../../../wire/bytes.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { policyJson } from '../../support/nitro-evidence.ts';
import { hardwarePolicy, hasRealEvidence, realBytes, realNitroCases } from '../../support/real-evidence.ts';

/** The collection names causes in its own words. */
const RULING_OF: { readonly [cause: string]: string } = {
  valid: 'accepted',
  cose_signature_invalid: 'untrusted document_signature',
  certificate_expired: 'untrusted certificate_expired',
  certificate_not_yet_valid: 'untrusted certificate_not_yet_valid',
  debug_mode: 'refused debug_mode',
  malformed_cbor: 'malformed cbor_invalid',
};

const DEFINITE = { file: 'nitro/veracruz/aws_nitro_document.cbor', now: Date.parse('2022-11-09T23:00:00Z') };
const INDEFINITE = {
  file: 'nitro/dstack/nsm-qvl_nitro_attestation.cose.cbor',
  now: Date.parse('2025-12-25T13:30:00Z'),
};

async function ruling(file: string, now: number, policy = hardwarePolicy()): Promise<string> {
  const verdict = await verifyNitroDocument(realBytes(file), {
    policy,
    now,
    challenge: 'any',
    suite: nodeSuite,
    cache: 'none',
  });
  return verdict.verdict === 'accepted' ? 'accepted' : `${verdict.verdict} ${verdict.code}`;
}

describe.skipIf(!hasRealEvidence)('real AWS documents (skipped where ../shared/vectors is absent)', () => {
  it.each(realNitroCases())('$id: $expect', async ({ file, at, expect: cause }) => {
    expect(await ruling(file, Date.parse(at))).toBe(RULING_OF[cause]);
  });

  it('has a case for every cause and every kind of document', () => {
    expect(new Set(realNitroCases().map(({ expect: cause }) => cause))).toEqual(new Set(Object.keys(RULING_OF)));
  });

  it('reports the vendor, the level and the region', async () => {
    const verdict = await verifyNitroDocument(realBytes(INDEFINITE.file), {
      policy: hardwarePolicy({ regions: ['us-east-1'] }),
      now: INDEFINITE.now,
      challenge: 'any',
      suite: nodeSuite,
      cache: 'none',
    });
    const facts = requireAccepted(verdict);
    // A2 is for roots that nobody vouches for: that no hardware was proven.
    expect(verdict.notProven.map(({ id }) => id)).not.toContain('A2');
    expect(facts).toMatchObject({
      level: 'attested',
      tee: 'aws-nitro',
      root: { name: 'aws-nitro-enclaves-g1', partition: 'aws' },
      region: 'us-east-1',
      moduleId: 'i-0827e799ec9232d44-enc019b55a68bd2ed4b',
      debug: false,
    });
    expect(facts.validity.notAfter).toBe(Date.parse('2025-12-25T16:15:37Z'));
  });

  it('finds the challenge in the document, and no other', async () => {
    const document = realBytes(DEFINITE.file);
    const options = { policy: hardwarePolicy(), now: DEFINITE.now, suite: nodeSuite, cache: 'none' as const };
    const { nonce } = requireAccepted(await verifyNitroDocument(document, { ...options, challenge: 'any' }));
    const challenge = nonce as Uint8Array;
    expect((await verifyNitroDocument(document, { ...options, challenge })).verdict).toBe('accepted');
    const other = Uint8Array.from(challenge, (byte, index) => (index === 31 ? byte ^ 1 : byte));
    expect(await verifyNitroDocument(document, { ...options, challenge: other })).toMatchObject({
      verdict: 'refused',
      code: 'challenge_mismatch',
    });
  });

  it('A2: hardware evidence meets a simulated policy, and is refused by level and by root', async () => {
    const policy = parsePolicy({ ...policyJson({ images: 'any', regions: 'any', maxAgeSeconds: 'any' }) });
    const options = { policy, now: DEFINITE.now, challenge: 'any' as const, suite: nodeSuite, cache: 'none' as const };
    const verdict = await verifyNitroDocument(realBytes(DEFINITE.file), options);
    expect(verdict).toMatchObject({ verdict: 'refused', code: 'level_refused' });
    const failed = verdict.checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
    expect(failed.slice(0, 2)).toEqual(['A2', 'N26']);
  });

  it('refuses a genuine root that a hardware policy does not name', async () => {
    expect(await ruling(DEFINITE.file, DEFINITE.now, hardwarePolicy({ roots: [] }))).toBe('refused root_refused');
  });

  it('refuses a genuine image that is not listed', async () => {
    expect(await ruling(DEFINITE.file, DEFINITE.now, hardwarePolicy({ images: [] }))).toBe('refused image_refused');
  });

  it('gives two documents two ids', async () => {
    const ids = await Promise.all(
      [DEFINITE, INDEFINITE].map(async ({ file, now }) => {
        const options = {
          policy: hardwarePolicy(),
          now,
          challenge: 'any' as const,
          suite: nodeSuite,
          cache: 'none' as const,
        };
        return toHex(requireAccepted(await verifyNitroDocument(realBytes(file), options)).documentId);
      }),
    );
    expect(new Set(ids).size).toBe(2);
  });
});
