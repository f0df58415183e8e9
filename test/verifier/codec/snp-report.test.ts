import { describe, expect, it } from 'vitest';
import { parseSnpReport, SNP_REPORT_BYTES, type SnpReportVersion } from '../../../verifier/codec/snp-report.ts';
import { VerifierError } from '../../../verifier/errors.ts';

type Edit = readonly [at: number, ...bytes: number[]];

/** The least that is a report: a version, ECDSA, and the bit of the guest's policy that must be one. */
function report(version: number, ...edits: readonly Edit[]): Uint8Array {
  const bytes = new Uint8Array(SNP_REPORT_BYTES);
  for (const [at, ...values] of [[0, version], [0x34, 1], [0x0a, 2], ...edits] as readonly Edit[])
    bytes.set(values, at);
  return bytes;
}

const run = (from: number, length: number): Uint8Array => Uint8Array.from({ length }, (_, index) => from + index);
const at = (place: number, values: Uint8Array): Edit => [place, ...values];

function refusal(bytes: Uint8Array): unknown {
  try {
    parseSnpReport(bytes);
  } catch (error) {
    if (error instanceof VerifierError) return { code: error.code, place: error.place };
    throw error;
  }
  return 'accepted';
}

describe('a report (AMD 56860 section 7.3)', () => {
  it('has every field in its place', () => {
    const fields = {
      familyId: [0x10, 16],
      imageId: [0x20, 16],
      currentTcb: [0x38, 8],
      reportData: [0x50, 64],
      measurement: [0x90, 48],
      hostData: [0xc0, 32],
      idKeyDigest: [0xe0, 48],
      authorKeyDigest: [0x110, 48],
      reportId: [0x140, 32],
      migrationAgentReportId: [0x160, 32],
      reportedTcb: [0x180, 8],
      chipId: [0x1a0, 64],
      committedTcb: [0x1e0, 8],
      launchTcb: [0x1f0, 8],
    } as const;
    const edits = Object.values(fields).map(([place, length], index) => at(place, run(7 * index + 1, length)));
    const parsed = parseSnpReport(report(3, ...edits));
    for (const [index, [name, [, length]]] of Object.entries(fields).entries()) {
      expect({ name, value: parsed[name as keyof typeof fields] }).toEqual({ name, value: run(7 * index + 1, length) });
    }
  });

  it('has little-endian numbers, and firmware from build to major', () => {
    const parsed = parseSnpReport(
      report(
        3,
        [0x04, 1, 2, 0, 0],
        [0x30, 3, 0, 0, 0],
        [0x40, 9, 0, 0, 0, 0, 0, 0, 0x80],
        [0x188, 0x19, 0x11, 2],
        [0x1e8, 21, 55, 1],
        [0x1ec, 20, 54, 2],
      ),
    );
    expect(parsed).toMatchObject({
      guestSvn: 0x201,
      vmpl: 3,
      platformInfo: 2n ** 63n + 9n,
      guestPolicy: 2n ** 17n,
      cpu: { family: 0x19, model: 0x11, stepping: 2 },
      currentFirmware: { build: 21, minor: 55, major: 1 },
      committedFirmware: { build: 20, minor: 54, major: 2 },
    });
  });

  it('turns its signature around, and signs all before it', () => {
    const bytes = report(3, at(0x2a0, run(1, 48)), at(0x2a0 + 72, run(101, 48)));
    const parsed = parseSnpReport(bytes);
    expect(parsed.signature).toEqual(Uint8Array.of(...run(1, 48).reverse(), ...run(101, 48).reverse()));
    expect(parsed.signed).toEqual(bytes.slice(0, 0x2a0));
  });

  it.each<[number, object]>([
    [0, { authorKeyEnabled: false, chipKeyMasked: false, signingKey: 'VCEK' }],
    [1, { authorKeyEnabled: true, chipKeyMasked: false, signingKey: 'VCEK' }],
    [2, { authorKeyEnabled: false, chipKeyMasked: true, signingKey: 'VCEK' }],
    [3, { authorKeyEnabled: true, chipKeyMasked: true, signingKey: 'VCEK' }],
    [4, { authorKeyEnabled: false, chipKeyMasked: false, signingKey: 'VLEK' }],
    [0x1c, { authorKeyEnabled: false, chipKeyMasked: false, signingKey: 'none' }],
  ])('reads KEY_INFO %i', (value, expected) => {
    expect(parseSnpReport(report(3, [0x48, value]))).toMatchObject(expected);
  });

  it('has a CPU from version 3 and mitigations from version 5 on', () => {
    const mitigations: Edit = [0x1f8, 1, 0, 0, 0, 0, 0, 0, 0, 2];
    const of = (version: SnpReportVersion, ...edits: readonly Edit[]) => parseSnpReport(report(version, ...edits));
    expect(of(2)).toMatchObject({ version: 2, cpu: null, mitigations: null });
    expect(of(3, [0x188, 1])).toMatchObject({ version: 3, cpu: { family: 1 }, mitigations: null });
    expect(of(5, [0x188, 1], mitigations)).toMatchObject({
      cpu: { family: 1 },
      mitigations: { launch: 1n, current: 2n },
    });
  });
});

describe('what is no report', () => {
  it.each<[string, Uint8Array, string, object]>([
    ['a byte less', report(3).subarray(1), 'report_length', { checkId: 'S1' }],
    ['version 1', report(1), 'report_version_unknown', { checkId: 'S2', offset: 0 }],
    ['version 4', report(4), 'report_version_unknown', { checkId: 'S2', offset: 0 }],
    ['another algorithm', report(3, [0x34, 2]), 'report_signature_algorithm', { checkId: 'S3', offset: 0x34 }],
    ['a policy without bit 17', report(3, [0x0a, 0]), 'report_reserved', { checkId: 'S15.form', offset: 0x08 }],
    ['a policy with bit 26', report(3, [0x0b, 4]), 'report_reserved', { checkId: 'S15.form', offset: 0x08 }],
    ['KEY_INFO with bit 5', report(3, [0x48, 0x20]), 'report_reserved', { checkId: 'S4', offset: 0x48 }],
    ...[2, 3, 4, 5, 6].map(
      (key) =>
        [
          `signing key ${key}`,
          report(3, [0x48, key << 2]),
          'report_signer_unknown',
          { checkId: 'S5.form', offset: 0x48 },
        ] as [string, Uint8Array, string, object],
    ),
    ['r of 49 bytes', report(3, [0x2d0, 1]), 'report_signature_format', { checkId: 'S6.form', offset: 0x2d0 }],
    ['s of 72 bytes', report(3, [0x32f, 1]), 'report_signature_format', { checkId: 'S6.form', offset: 0x318 }],
  ])('%s', (_, bytes, code, place) => {
    expect(refusal(bytes)).toEqual({ code, place });
  });

  it.each<[SnpReportVersion, readonly number[]]>([
    [2, [0x4c, 0x4f, 0x188, 0x18a, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x1f8, 0x207, 0x208, 0x29f, 0x330, 0x49f]],
    [3, [0x4c, 0x4f, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x1f8, 0x207, 0x208, 0x29f, 0x330, 0x49f]],
    [5, [0x4c, 0x4f, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x208, 0x29f, 0x330, 0x49f]],
  ])('version %i with a reserved byte set, at that byte', (version, places) => {
    for (const place of places) {
      expect(refusal(report(version, [place, 1]))).toEqual({
        code: 'report_reserved',
        place: { checkId: 'S4', offset: place },
      });
    }
  });
});
