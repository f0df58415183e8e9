import { concatBytes } from '../../../wire/bytes.ts';
import { SimulatorError } from '../errors.ts';
import type { SigningKey } from '../signing.ts';
import { type Cpu, encodeTcb, type Firmware, type Product, type Tcb } from './product.ts';

/**
 * ATTESTATION_REPORT of the SEV-SNP ABI specification (56860, table "ATTESTATION_REPORT Structure"): 1184 bytes,
 * little-endian, signed over all that comes before the signature.
 */

export interface ReportFields {
  /** 2 knows neither CPUID nor mitigation vectors, 3 and 4 no mitigation vectors; such fields stay zero. */
  readonly version: number;
  readonly guestSvn: number;
  readonly guestPolicy: bigint;
  readonly familyId: Uint8Array;
  readonly imageId: Uint8Array;
  readonly vmpl: number;
  /** 1: ECDSA P-384 with SHA-384. */
  readonly signatureAlgorithm: number;
  readonly currentTcb: Tcb;
  readonly platformInfo: bigint;
  readonly authorKeyEnabled: boolean;
  readonly chipKeyMasked: boolean;
  /** 0 VCEK, 1 VLEK, 7 none. */
  readonly signingKey: number;
  readonly reportData: Uint8Array;
  readonly measurement: Uint8Array;
  readonly hostData: Uint8Array;
  readonly idKeyDigest: Uint8Array;
  readonly authorKeyDigest: Uint8Array;
  readonly reportId: Uint8Array;
  /** All ones: no migration agent. */
  readonly migrationAgentReportId: Uint8Array;
  readonly reportedTcb: Tcb;
  readonly cpu: Cpu;
  readonly chipId: Uint8Array;
  readonly committedTcb: Tcb;
  readonly currentFirmware: Firmware;
  readonly committedFirmware: Firmware;
  readonly launchTcb: Tcb;
  readonly mitigations: { readonly launch: bigint; readonly current: bigint };
}

/** Bytes written over the finished fields, before the signature: how test vectors reach reserved regions. */
export interface Patch {
  readonly offset: number;
  readonly bytes: Uint8Array;
}

const SIGNATURE_OFFSET = 0x2a0;
const SIGNATURE_BYTES = 512;
/** r and s have 72 bytes each, of which P-384 fills 48. */
const SCALAR_BYTES = 72;

/** The part of a report that is signed: 672 bytes. */
export function encodeReport(product: Product, fields: ReportFields, patches: readonly Patch[]): Uint8Array {
  const view = new DataView(new ArrayBuffer(SIGNATURE_OFFSET));
  const out = new Uint8Array(view.buffer);
  const tcb = (offset: number, value: Tcb): void => out.set(encodeTcb(product, value), offset);
  number(view, 0x000, 4, fields.version);
  number(view, 0x004, 4, fields.guestSvn);
  number(view, 0x008, 8, fields.guestPolicy);
  fixed(out, 0x010, 16, fields.familyId);
  fixed(out, 0x020, 16, fields.imageId);
  number(view, 0x030, 4, fields.vmpl);
  number(view, 0x034, 4, fields.signatureAlgorithm);
  tcb(0x038, fields.currentTcb);
  number(view, 0x040, 8, fields.platformInfo);
  number(view, 0x048, 4, keyInformation(fields));
  fixed(out, 0x050, 64, fields.reportData);
  fixed(out, 0x090, 48, fields.measurement);
  fixed(out, 0x0c0, 32, fields.hostData);
  fixed(out, 0x0e0, 48, fields.idKeyDigest);
  fixed(out, 0x110, 48, fields.authorKeyDigest);
  fixed(out, 0x140, 32, fields.reportId);
  fixed(out, 0x160, 32, fields.migrationAgentReportId);
  tcb(0x180, fields.reportedTcb);
  if (fields.version >= 3) {
    number(view, 0x188, 1, fields.cpu.family);
    number(view, 0x189, 1, fields.cpu.model);
    number(view, 0x18a, 1, fields.cpu.stepping);
  }
  fixed(out, 0x1a0, 64, fields.chipId);
  tcb(0x1e0, fields.committedTcb);
  firmware(view, 0x1e8, fields.currentFirmware);
  firmware(view, 0x1ec, fields.committedFirmware);
  tcb(0x1f0, fields.launchTcb);
  if (fields.version >= 5) {
    number(view, 0x1f8, 8, fields.mitigations.launch);
    number(view, 0x200, 8, fields.mitigations.current);
  }
  for (const { offset, bytes } of patches) {
    if (offset < 0 || offset + bytes.length > out.length) {
      throw new SimulatorError('argument_invalid', `nothing signed lies at ${offset} for ${bytes.length} bytes`);
    }
    out.set(bytes, offset);
  }
  return out;
}

export function signReport(signed: Uint8Array, key: SigningKey): Uint8Array {
  const signature = key.sign(signed);
  const field = new Uint8Array(SIGNATURE_BYTES);
  field.set(signature.slice(0, 48).reverse(), 0);
  field.set(signature.slice(48, 96).reverse(), SCALAR_BYTES);
  return concatBytes(signed, field);
}

function keyInformation({ authorKeyEnabled, chipKeyMasked, signingKey }: ReportFields): number {
  if (!Number.isInteger(signingKey) || signingKey < 0 || signingKey > 7) {
    throw new SimulatorError('argument_invalid', `signing key ${signingKey} does not fit in three bits`);
  }
  return (authorKeyEnabled ? 1 : 0) | (chipKeyMasked ? 2 : 0) | (signingKey << 2);
}

function firmware(view: DataView, offset: number, { build, minor, major }: Firmware): void {
  number(view, offset, 1, build);
  number(view, offset + 1, 1, minor);
  number(view, offset + 2, 1, major);
}

function number(view: DataView, offset: number, length: 1 | 4 | 8, value: number | bigint): void {
  const whole = typeof value === 'bigint' || Number.isInteger(value);
  if (!whole || value < 0 || value >= 2 ** (8 * length)) {
    throw new SimulatorError('argument_invalid', `${value} does not fit in ${length} bytes`);
  }
  const wide = new DataView(new ArrayBuffer(8));
  wide.setBigUint64(0, BigInt(value), true);
  new Uint8Array(view.buffer).set(new Uint8Array(wide.buffer, 0, length), offset);
}

function fixed(out: Uint8Array, offset: number, length: number, bytes: Uint8Array): void {
  if (bytes.length !== length) {
    throw new SimulatorError('argument_invalid', `${bytes.length} bytes where a report has ${length}`);
  }
  out.set(bytes, offset);
}
