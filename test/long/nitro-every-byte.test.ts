import { describe, expect, it } from 'vitest';
import { flipBytes } from '../support/flip-bytes.ts';
import { hardwarePolicy, hasRealEvidence, realBytes } from '../support/real-evidence.ts';

const documents = [
  ['definite', 'nitro/veracruz/aws_nitro_document.cbor', '2022-11-09T23:00:00Z'],
  ['indefinite', 'nitro/dstack/nsm-qvl_nitro_attestation.cose.cbor', '2025-12-25T13:30:00Z'],
] as const;

describe.skipIf(!hasRealEvidence)('every byte of a real document (skipped where ../shared/vectors is absent)', () => {
  it.each(documents)('refuses the %s encoding with any byte changed', { timeout: 1_800_000 }, async (_, file, at) => {
    const document = realBytes(file);
    const report = await flipBytes({
      document,
      policy: hardwarePolicy(),
      now: Date.parse(at),
      stride: 1,
      masks: 'all',
    });
    expect(report.tried).toBe(3 * document.length);
    expect(report.accepted).toEqual([]);
  });
});
