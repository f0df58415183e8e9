import { createPublicKey, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { SimulatorError } from '../../../../enclave/simulator/errors.ts';
import { generateP384, signingKey } from '../../../../enclave/simulator/signing.ts';
import { encodeTcb, type Product, products, profiles, type Tcb } from '../../../../enclave/simulator/snp/product.ts';
import { encodeReport, type ReportFields, signReport } from '../../../../enclave/simulator/snp/report.ts';
import { concatBytes, fromHex } from '../../../../wire/bytes.ts';
import { hasRealEvidence, realBytes } from '../../../support/real-evidence.ts';

const filled = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);

function tcbOf(product: Product, first: number): Tcb {
  const fmc = product === 'Turin' ? first + 4 : null;
  return { fmc, bootloader: first, tee: first + 1, snp: first + 2, microcode: first + 3 };
}

function fieldsOf(product: Product, changes: Partial<ReportFields> = {}): ReportFields {
  return {
    version: 5,
    guestSvn: 0x01020304,
    guestPolicy: 0x1122334455667788n,
    familyId: filled(16, 0x10),
    imageId: filled(16, 0x20),
    vmpl: 3,
    signatureAlgorithm: 1,
    currentTcb: tcbOf(product, 0x31),
    platformInfo: 0x8070605040302010n,
    authorKeyEnabled: true,
    chipKeyMasked: false,
    signingKey: 1,
    reportData: filled(64, 0x50),
    measurement: filled(48, 0x90),
    hostData: filled(32, 0xc0),
    idKeyDigest: filled(48, 0xe0),
    authorKeyDigest: filled(48, 0x11),
    reportId: filled(32, 0x14),
    migrationAgentReportId: filled(32, 0x16),
    reportedTcb: tcbOf(product, 0x41),
    cpu: { family: 0x61, model: 0x62, stepping: 0x63 },
    chipId: filled(64, 0x1a),
    committedTcb: tcbOf(product, 0x51),
    currentFirmware: { major: 0x71, minor: 0x72, build: 0x73 },
    committedFirmware: { major: 0x74, minor: 0x75, build: 0x76 },
    launchTcb: tcbOf(product, 0x81),
    mitigations: { launch: 0x0807060504030201n, current: 0x1817161514131211n },
    ...changes,
  };
}

/** Offset, then the bytes that must stand there: the ABI's table, written out by hand for `fieldsOf('Milan')`. */
const MILAN_BYTES: readonly (readonly [offset: number, hex: string])[] = [
  [0x000, '05000000'],
  [0x004, '04030201'],
  [0x008, '8877665544332211'],
  [0x010, '10'.repeat(16)],
  [0x020, '20'.repeat(16)],
  [0x030, '03000000'],
  [0x034, '01000000'],
  [0x038, '3132000000003334'],
  [0x040, '1020304050607080'],
  [0x048, '05000000'],
  [0x04c, '00000000'],
  [0x050, '50'.repeat(64)],
  [0x090, '90'.repeat(48)],
  [0x0c0, 'c0'.repeat(32)],
  [0x0e0, 'e0'.repeat(48)],
  [0x110, '11'.repeat(48)],
  [0x140, '14'.repeat(32)],
  [0x160, '16'.repeat(32)],
  [0x180, '4142000000004344'],
  [0x188, '616263'],
  [0x18b, '00'.repeat(21)],
  [0x1a0, '1a'.repeat(64)],
  [0x1e0, '5152000000005354'],
  [0x1e8, '73727100'],
  [0x1ec, '76757400'],
  [0x1f0, '8182000000008384'],
  [0x1f8, '0102030405060708'],
  [0x200, '1112131415161718'],
  [0x208, '00'.repeat(0x2a0 - 0x208)],
];

const codeOf = (run: () => unknown): string => {
  try {
    run();
    return 'accepted';
  } catch (error) {
    return error instanceof SimulatorError ? error.code : String(error);
  }
};

describe('the signed part of a report', () => {
  it('has every field where the ABI puts it, and nothing else', () => {
    let next = 0;
    for (const [offset, hex] of MILAN_BYTES) {
      expect(offset).toBe(next);
      next += hex.length / 2;
    }
    const expected = fromHex(MILAN_BYTES.map(([, hex]) => hex).join(''));
    expect(encodeReport('Milan', fieldsOf('Milan'), [])).toEqual(expected);
  });

  it.each([
    ['Milan', '01020000000003ff'],
    ['Genoa', '01020000000003ff'],
    ['Turin', '09010203000000ff'],
  ] as const)('writes the TCB of %s in its own order', (product, hex) => {
    const tcb = { fmc: product === 'Turin' ? 9 : null, bootloader: 1, tee: 2, snp: 3, microcode: 0xff };
    expect(encodeTcb(product, tcb)).toEqual(fromHex(hex));
  });

  it.each([
    [2, false, false],
    [3, true, false],
    [5, true, true],
  ])('leaves out of version %i what it does not know', (version, cpu, mitigations) => {
    const report = encodeReport('Genoa', fieldsOf('Genoa', { version }), []);
    expect(report.subarray(0x188, 0x18b).some((byte) => byte !== 0)).toBe(cpu);
    expect(report.subarray(0x1f8, 0x208).some((byte) => byte !== 0)).toBe(mitigations);
  });

  it('lets a patch reach reserved bytes, and nothing beyond what is signed', () => {
    const patched = encodeReport('Milan', fieldsOf('Milan'), [{ offset: 0x29f, bytes: Uint8Array.of(7) }]);
    expect(patched[0x29f]).toBe(7);
    for (const offset of [-1, 0x2a0]) {
      expect(codeOf(() => encodeReport('Milan', fieldsOf('Milan'), [{ offset, bytes: Uint8Array.of(7) }]))).toBe(
        'argument_invalid',
      );
    }
  });

  it.each<[string, Partial<ReportFields>]>([
    ['a version of five bytes', { version: 2 ** 32 }],
    ['half a VMPL', { vmpl: 0.5 }],
    ['a negative guest SVN', { guestSvn: -1 }],
    ['a policy of nine bytes', { guestPolicy: 2n ** 64n }],
    ['a signing key of four bits', { signingKey: 8 }],
    ['63 bytes of report data', { reportData: new Uint8Array(63) }],
    ['an fmc on Milan', { currentTcb: tcbOf('Turin', 1) }],
    ['a microcode of two bytes', { launchTcb: { ...tcbOf('Milan', 1), microcode: 256 } }],
    ['a firmware build of two bytes', { currentFirmware: { major: 1, minor: 55, build: 256 } }],
  ])('refuses %s', (_, changes) => {
    expect(codeOf(() => encodeReport('Milan', fieldsOf('Milan', changes), []))).toBe('argument_invalid');
  });

  it('refuses a Turin TCB without fmc', () => {
    expect(codeOf(() => encodeTcb('Turin', tcbOf('Milan', 1)))).toBe('argument_invalid');
  });
});

describe('the signature of a report', () => {
  it('has r and s little-endian in 72 bytes each, zeros after them, and verifies', () => {
    const privateKey = generateP384();
    const signed = encodeReport('Genoa', fieldsOf('Genoa'), []);
    const report = signReport(signed, signingKey(privateKey));
    expect(report).toHaveLength(1184);
    expect(report.subarray(0, 0x2a0)).toEqual(signed);
    expect(report.subarray(0x2a0 + 48, 0x2a0 + 72)).toEqual(new Uint8Array(24));
    expect(report.subarray(0x2a0 + 120)).toEqual(new Uint8Array(392));
    const signature = concatBytes(report.slice(0x2a0, 0x2d0).reverse(), report.slice(0x2e8, 0x318).reverse());
    const key = { key: createPublicKey(privateKey), dsaEncoding: 'ieee-p1363' } as const;
    expect(verify('sha384', signed, key, signature)).toBe(true);
  });
});

const REAL: readonly (readonly [product: Product, file: string])[] = [
  ['Milan', 'go-sev-guest/attestation.bin'],
  ['Milan', 'trustee/test-report.bin'],
  ['Milan', 'trustee/test-vlek-report.bin'],
  ['Milan', 'routex/attestation_spec_rejects-valid-sev-vcek-with-unmet-requirements-milan_v3.bin'],
  ['Genoa', 'routex/attestation_spec_rejects-valid-sev-vcek-with-unmet-requirements-genoa-v3_v3.bin'],
  ['Genoa', 'routex/attestation_spec_works-with-valid-sev-vcek-and-attestation-report-genoa-v5_v5.bin'],
  ['Genoa', 'lunal/live-report-v5-genoa.bin'],
  ['Turin', 'routex/report_spec_verify-turin_v5.bin'],
];

/** Reads a real report with nothing but the ABI's offsets. */
function readFields(product: Product, report: Uint8Array): ReportFields {
  const view = new DataView(report.buffer, report.byteOffset);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): bigint => view.getBigUint64(at, true);
  const u8 = (at: number): number => view.getUint8(at);
  const bytes = (at: number, length: number): Uint8Array => report.slice(at, at + length);
  const tcb = (at: number): Tcb =>
    product === 'Turin'
      ? { fmc: u8(at), bootloader: u8(at + 1), tee: u8(at + 2), snp: u8(at + 3), microcode: u8(at + 7) }
      : { fmc: null, bootloader: u8(at), tee: u8(at + 1), snp: u8(at + 6), microcode: u8(at + 7) };
  const firmware = (at: number) => ({ build: u8(at), minor: u8(at + 1), major: u8(at + 2) });
  return {
    version: u32(0),
    guestSvn: u32(4),
    guestPolicy: u64(8),
    familyId: bytes(0x10, 16),
    imageId: bytes(0x20, 16),
    vmpl: u32(0x30),
    signatureAlgorithm: u32(0x34),
    currentTcb: tcb(0x38),
    platformInfo: u64(0x40),
    authorKeyEnabled: (u32(0x48) & 1) !== 0,
    chipKeyMasked: (u32(0x48) & 2) !== 0,
    signingKey: u32(0x48) >> 2,
    reportData: bytes(0x50, 64),
    measurement: bytes(0x90, 48),
    hostData: bytes(0xc0, 32),
    idKeyDigest: bytes(0xe0, 48),
    authorKeyDigest: bytes(0x110, 48),
    reportId: bytes(0x140, 32),
    migrationAgentReportId: bytes(0x160, 32),
    reportedTcb: tcb(0x180),
    cpu: { family: u8(0x188), model: u8(0x189), stepping: u8(0x18a) },
    chipId: bytes(0x1a0, 64),
    committedTcb: tcb(0x1e0),
    currentFirmware: firmware(0x1e8),
    committedFirmware: firmware(0x1ec),
    launchTcb: tcb(0x1f0),
    mitigations: { launch: u64(0x1f8), current: u64(0x200) },
  };
}

describe.skipIf(!hasRealEvidence)('beside real reports (skipped without ../shared/vectors)', () => {
  it.each(REAL)('a report of %s is written back byte for byte: %s', (product, file) => {
    const report = realBytes(`sev-snp/${file}`);
    const written = encodeReport(product, readFields(product, report), []);
    expect(written).toEqual(report.slice(0, 0x2a0));
    // The signature field too: the real r and s, put in as a signer would hand them over.
    const signature = concatBytes(report.slice(0x2a0, 0x2d0).reverse(), report.slice(0x2e8, 0x318).reverse());
    expect(signReport(written, { point: new Uint8Array(97), sign: () => signature })).toEqual(report);
  });

  it.each([
    ['Milan', REAL[3]],
    ['Genoa', REAL[5]],
    ['Turin', REAL[7]],
  ] as const)('the defaults of %s are what a real machine reported', (product, sample) => {
    const real = readFields(product, realBytes(`sev-snp/${sample?.[1]}`));
    const { cpu, firmware, platformInfo, mitigations, tcb } = profiles[product];
    expect({ cpu, firmware, platformInfo, mitigations }).toEqual({
      cpu: real.cpu,
      firmware: real.currentFirmware,
      platformInfo: real.platformInfo,
      mitigations: real.mitigations.current,
    });
    // Turin's fmc differs on purpose; see the profile.
    expect({ ...tcb, fmc: real.currentTcb.fmc }).toEqual(real.currentTcb);
  });
});

it('has a profile for each product line', () => {
  expect(Object.keys(profiles)).toEqual([...products]);
});
