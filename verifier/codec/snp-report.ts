import { isZero } from '../../wire/bytes.ts';
import { type MalformedCode, VerifierError } from '../errors.ts';
import { P384_BYTES } from './p384.ts';

/** AMD 56860 (SEV-SNP firmware ABI) section 7.3, ATTESTATION_REPORT. All numbers are little-endian. */
export const SNP_REPORT_BYTES = 0x4a0;
const SIGNED_BYTES = 0x2a0;
/** Appendix of 56860 on signatures: r and s in 72 bytes each, of which P-384 fills 48. */
const SCALAR_FIELD = 72;
const ECDSA_P384_SHA384 = 1;

export type SnpReportVersion = 2 | 3 | 5;
/** Version 4 was never seen and is not known to be the same as either neighbour (verifier-checks S2). */
const VERSIONS: readonly number[] = [2, 3, 5] satisfies readonly SnpReportVersion[];

export interface SnpCpu {
  readonly family: number;
  readonly model: number;
  readonly stepping: number;
}

export interface SnpFirmware {
  readonly major: number;
  readonly minor: number;
  readonly build: number;
}

/** A report that was read and not yet believed. TCB versions stay raw: their layout depends on the product. */
export interface ParsedSnpReport {
  readonly version: SnpReportVersion;
  readonly guestSvn: number;
  readonly guestPolicy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  readonly currentTcb: Uint8Array;
  readonly platformInfo: bigint;
  readonly authorKeyEnabled: boolean;
  readonly chipKeyMasked: boolean;
  readonly signingKey: 'VCEK' | 'VLEK' | 'none';
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  readonly migrationAgentReportId: Uint8Array;
  readonly reportedTcb: Uint8Array;
  /** From version 3 on. */
  readonly cpu: SnpCpu | null;
  readonly chipId: Uint8Array;
  readonly committedTcb: Uint8Array;
  readonly currentFirmware: SnpFirmware;
  readonly committedFirmware: SnpFirmware;
  readonly launchTcb: Uint8Array;
  /** From version 5 on. */
  readonly mitigations: { readonly launch: bigint; readonly current: bigint } | null;
  readonly signed: Uint8Array;
  /** r || s, big-endian, as the suite takes it. */
  readonly signature: Uint8Array;
}

/** Reserved and zero, whatever the version; the version-dependent regions are in `reservedRegions`. */
const RESERVED: readonly (readonly [from: number, to: number])[] = [
  [0x4c, 0x50],
  [0x1eb, 0x1ec],
  [0x1ef, 0x1f0],
  [0x208, SIGNED_BYTES],
  [SIGNED_BYTES + 2 * SCALAR_FIELD, SNP_REPORT_BYTES],
];
/** Bits of POLICY and KEY_INFO that have a meaning. */
const POLICY_BITS = 26n;
const POLICY_MUST_BE_ONE = 17n;
const KEY_INFO_BITS = 5;

export function parseSnpReport(bytes: Uint8Array): ParsedSnpReport {
  if (bytes.length !== SNP_REPORT_BYTES) {
    throw malformed('report_length', 'S1', `${bytes.length} bytes instead of ${SNP_REPORT_BYTES}`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): bigint => view.getBigUint64(at, true);
  const field = (at: number, length: number): Uint8Array => bytes.slice(at, at + length);
  const firmware = (at: number): SnpFirmware => ({
    build: view.getUint8(at),
    minor: view.getUint8(at + 1),
    major: view.getUint8(at + 2),
  });

  const version = readVersion(u32(0x00));
  if (u32(0x34) !== ECDSA_P384_SHA384) {
    throw malformed('report_signature_algorithm', 'S3', `algorithm ${u32(0x34)}`, 0x34);
  }
  checkReserved(bytes, version);
  const guestPolicy = checkGuestPolicy(u64(0x08));
  const keyInfo = u32(0x48);
  if (keyInfo >= 2 ** KEY_INFO_BITS) throw malformed('report_reserved', 'S4', 'KEY_INFO', 0x48);

  return {
    version,
    guestSvn: u32(0x04),
    guestPolicy,
    familyId: field(0x10, 16),
    imageId: field(0x20, 16),
    vmpl: u32(0x30),
    currentTcb: field(0x38, 8),
    platformInfo: u64(0x40),
    authorKeyEnabled: (keyInfo & 1) !== 0,
    chipKeyMasked: (keyInfo & 2) !== 0,
    signingKey: readSigningKey(keyInfo >> 2),
    reportData: field(0x50, 64),
    measurement: field(0x90, 48),
    hostData: field(0xc0, 32),
    idKeyDigest: field(0xe0, 48),
    authorKeyDigest: field(0x110, 48),
    reportId: field(0x140, 32),
    migrationAgentReportId: field(0x160, 32),
    reportedTcb: field(0x180, 8),
    cpu:
      version === 2
        ? null
        : { family: view.getUint8(0x188), model: view.getUint8(0x189), stepping: view.getUint8(0x18a) },
    chipId: field(0x1a0, 64),
    committedTcb: field(0x1e0, 8),
    currentFirmware: firmware(0x1e8),
    committedFirmware: firmware(0x1ec),
    launchTcb: field(0x1f0, 8),
    mitigations: version === 5 ? { launch: u64(0x1f8), current: u64(0x200) } : null,
    signed: field(0, SIGNED_BYTES),
    signature: readSignature(bytes),
  };
}

function readVersion(version: number): SnpReportVersion {
  if (!VERSIONS.includes(version)) throw malformed('report_version_unknown', 'S2', `version ${version}`, 0x00);
  return version as SnpReportVersion;
}

function checkReserved(bytes: Uint8Array, version: SnpReportVersion): void {
  const regions = [
    ...RESERVED,
    [version === 2 ? 0x188 : 0x18b, 0x1a0] as const,
    ...(version === 5 ? [] : [[0x1f8, 0x208] as const]),
  ];
  for (const [from, to] of regions) {
    const region = bytes.subarray(from, to);
    if (isZero(region)) continue;
    const offset = region.findIndex((byte) => byte !== 0);
    throw malformed('report_reserved', 'S4', 'a reserved byte is not zero', from + offset);
  }
}

function checkGuestPolicy(policy: bigint): bigint {
  if (policy >> POLICY_BITS !== 0n) throw malformed('report_reserved', 'S15.form', 'POLICY', 0x08);
  if (((policy >> POLICY_MUST_BE_ONE) & 1n) === 0n) {
    throw malformed('report_reserved', 'S15.form', 'bit 17 of POLICY is not one', 0x08);
  }
  return policy;
}

function readSigningKey(value: number): ParsedSnpReport['signingKey'] {
  if (value === 0) return 'VCEK';
  if (value === 1) return 'VLEK';
  if (value === 7) return 'none';
  throw malformed('report_signer_unknown', 'S5.form', `SIGNING_KEY ${value}`, 0x48);
}

function readSignature(bytes: Uint8Array): Uint8Array {
  const signature = new Uint8Array(2 * P384_BYTES);
  for (const index of [0, 1]) {
    const at = SIGNED_BYTES + index * SCALAR_FIELD;
    if (!isZero(bytes.subarray(at + P384_BYTES, at + SCALAR_FIELD))) {
      throw malformed('report_signature_format', 'S6.form', 'a scalar of more than 48 bytes', at + P384_BYTES);
    }
    signature.set(bytes.slice(at, at + P384_BYTES).reverse(), index * P384_BYTES);
  }
  return signature;
}

function malformed(code: MalformedCode, checkId: string, detail: string, offset?: number): VerifierError {
  return new VerifierError(code, detail, { checkId, ...(offset === undefined ? {} : { offset }) });
}
