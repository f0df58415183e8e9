import type { Patch } from '../../../../../enclave/simulator/snp/report.ts';
import { concatBytes } from '../../../../../wire/bytes.ts';
import type { Refusal } from '../../case.ts';
import type { SnpCaseSpec } from '../case.ts';

/** Reports that no reader of AMD's format takes, and one that the key did not sign. */
const refusedAs =
  (...expect: Refusal) =>
  (id: string, list: string, title: string, more: Partial<SnpCaseSpec>): SnpCaseSpec => ({
    id: `report-${id}`,
    list,
    title,
    expect,
    ...more,
  });

const length = refusedAs('malformed', 'report_length', 'S1');
const version = refusedAs('malformed', 'report_version_unknown', 'S2');
const algorithm = refusedAs('malformed', 'report_signature_algorithm', 'S3');
const reserved = refusedAs('malformed', 'report_reserved', 'S4');
const guestPolicy = refusedAs('malformed', 'report_reserved', 'S15.form');
const signer = refusedAs('malformed', 'report_signer_unknown', 'S5.form');
const scalar = refusedAs('malformed', 'report_signature_format', 'S6.form');
const forged = refusedAs('untrusted', 'report_signature', 'S6');

const patched = (offset: number, ...bytes: readonly number[]): Partial<SnpCaseSpec> => ({
  guest: { patches: [{ offset, bytes: Uint8Array.from(bytes) }] satisfies readonly Patch[] },
});
const at = (...offsets: readonly number[]) => ({
  report: (made: Uint8Array) => Uint8Array.from(made, (byte, index) => (offsets.includes(index) ? byte ^ 1 : byte)),
});
/** r and s as big-endian numbers, which AMD writes little-endian. */
const swapped = (made: Uint8Array): Uint8Array => {
  const changed = Uint8Array.from(made);
  for (const start of [0x2a0, 0x2e8]) changed.set(made.slice(start, start + 48).reverse(), start);
  return changed;
};
const scalarsWith =
  (start: number, value: Uint8Array) =>
  (made: Uint8Array): Uint8Array => {
    const changed = Uint8Array.from(made);
    changed.set(value, start);
    return changed;
  };

export const snpReportCases: readonly SnpCaseSpec[] = [
  length('empty', 'S1', 'no byte at all', { report: () => new Uint8Array(0) }),
  length('1183', 'S1', '1183 bytes', { report: (made) => made.subarray(0, 1_183) }),
  length('1185', 'S1', '1185 bytes', { report: (made) => concatBytes(made, Uint8Array.of(0)) }),
  version('version-0', 'S2', 'version 0', patched(0x00, 0)),
  version('version-1', 'S2', 'version 1', patched(0x00, 1)),
  version('version-4', 'S2', 'version 4, which nobody has seen', { guest: { version: 4 }, policy: 'any-firmware' }),
  version('version-99', 'S2', 'version 99', patched(0x00, 99)),
  version('version-wide', 'S2', 'version 5 with a bit above', patched(0x00, 5, 0, 0, 1)),
  algorithm('algorithm-0', 'S7', 'signature algorithm 0', patched(0x34, 0)),
  algorithm('algorithm-2', 'S7', 'signature algorithm 2', patched(0x34, 2)),
  ...[0x4c, 0x18b, 0x19f, 0x1eb, 0x1ef, 0x208, 0x29f].map((offset) =>
    reserved(
      `reserved-${offset.toString(16)}`,
      'S5',
      `the reserved byte at 0x${offset.toString(16)} is set`,
      patched(offset, 1),
    ),
  ),
  reserved('reserved-key-info', 'S5', 'a reserved bit of KEY_INFO is set', patched(0x48, 0x21)),
  reserved('reserved-mitigations', 'S5', 'version 3 with mitigation vectors', {
    guest: { version: 3, patches: [{ offset: 0x1f8, bytes: Uint8Array.of(1) }] },
    policy: 'any-firmware',
  }),
  reserved('reserved-cpu', 'S5', 'version 2 with a CPU', {
    guest: { version: 2, patches: [{ offset: 0x188, bytes: Uint8Array.of(0x19) }] },
    policy: 'old-versions',
  }),
  reserved('reserved-tail', 'S21', 'a byte after the signature is set', at(0x330)),
  reserved('reserved-last', 'S21', 'the last byte is set', at(0x49f)),
  guestPolicy('policy-bit-17', 'S5', 'bit 17 of the guest policy is 0', { guest: { guestPolicy: 0x1001fn } }),
  guestPolicy('policy-bit-26', 'S5', 'bit 26 of the guest policy is 1', { guest: { guestPolicy: 0x403001fn } }),
  guestPolicy('policy-bit-63', 'S5', 'bit 63 of the guest policy is 1', {
    guest: { guestPolicy: 0x8000_0000_0003_001fn },
  }),
  signer('signer-2', 'S11', 'signing key 2', { guest: { signingKey: 2 }, policy: 'any-cloud' }),
  signer('signer-6', 'S11', 'signing key 6', { guest: { signingKey: 6 }, policy: 'any-cloud' }),
  scalar('scalar-r', 'S21', 'r has a byte above its 48', at(0x2a0 + 48)),
  scalar('scalar-s', 'S21', 's has a byte above its 48', at(0x2e8 + 71)),
  forged('swapped', 'S21', 'r and s in the other byte order', { report: swapped }),
  forged('r-zero', 'S21', 'r = 0', { report: scalarsWith(0x2a0, new Uint8Array(48)) }),
  forged('s-ones', 'S21', 'every bit of s is set', { report: scalarsWith(0x2e8, new Uint8Array(48).fill(0xff)) }),
  forged('flipped-signature', 'S21', 'one bit of r is flipped', at(0x2a0)),
  forged('flipped-measurement', 'S20', 'one bit of the measurement is flipped', at(0x90)),
  forged('flipped-report-data', 'S15', 'one bit of report_data is flipped', at(0x50)),
  forged('flipped-svn', 'S20', "one bit of the guest's security version is flipped", at(0x05)),
];
