import { describe, expect, it } from 'vitest';
import { verifyNitroDocument } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { flipBytes } from '../../support/flip-bytes.ts';
import { hardwarePolicy, hasRealEvidence, realBytes } from '../../support/real-evidence.ts';

/** In a file of its own: thousands of verifications, which mutation testing leaves out. */
describe.skipIf(!hasRealEvidence)('real AWS documents (skipped where ../shared/vectors is absent)', () => {
  it.each([
    ['definite', 'nitro/veracruz/aws_nitro_document.cbor', '2022-11-09T23:00:00Z'],
    ['indefinite', 'nitro/dstack/nsm-qvl_nitro_attestation.cose.cbor', '2025-12-25T13:30:00Z'],
  ])('are refused in the %s encoding with a byte changed (sampled; test/long has every byte)', async (_, file, at) => {
    const document = realBytes(file);
    const [policy, now] = [hardwarePolicy(), Date.parse(at)];
    const options = { policy, now, challenge: 'any', suite: nodeSuite, cache: 'none' } as const;
    expect((await verifyNitroDocument(document, options)).verdict).toBe('accepted');
    const report = await flipBytes({ document, policy, now, stride: 7, masks: 'in turn' });
    expect(report.tried).toBe(Math.ceil(document.length / 7));
    expect(report.accepted).toEqual([]);
    expect(report.codes.size).toBeGreaterThan(8);
  });
});
