import { deepStrictEqual } from 'node:assert/strict';
import { parseSnpReport, SNP_REPORT_BYTES } from '../../../verifier/codec/snp-report.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { unlessMalformed } from '../refused.ts';

const SIGNED_BYTES = 0x2a0;
const SCALAR_FIELD = 72;
const SCALAR = 48;

/**
 * The input, brought to the one length that reports have. What is accepted keeps its signed bytes, and the rest of it
 * is exactly the two scalars: no byte of a report means nothing.
 */
export function fuzz(data: Uint8Array): void {
  unlessMalformed(() => parseSnpReport(data));
  const bytes = new Uint8Array(SNP_REPORT_BYTES);
  bytes.set(data.subarray(0, SNP_REPORT_BYTES));
  const before = Uint8Array.from(bytes);
  const report = unlessMalformed(() => parseSnpReport(bytes));
  deepStrictEqual(bytes, before);
  if (report === undefined) return;
  const [r, s] = [report.signature.slice(0, SCALAR).reverse(), report.signature.slice(SCALAR).reverse()];
  const gap = new Uint8Array(SCALAR_FIELD - SCALAR);
  const tail = new Uint8Array(SNP_REPORT_BYTES - SIGNED_BYTES - 2 * SCALAR_FIELD);
  deepStrictEqual(concatBytes(report.signed, r, gap, s, gap, tail), bytes);
}

function seed(version: number, changes: (bytes: Uint8Array, view: DataView) => void = () => {}): Uint8Array {
  const bytes = new Uint8Array(SNP_REPORT_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0x00, version, true);
  view.setBigUint64(0x08, 1n << 17n, true);
  view.setUint32(0x34, 1, true);
  bytes.fill(0x11, 0x50, 0xc0);
  bytes.fill(0x22, SIGNED_BYTES, SIGNED_BYTES + SCALAR);
  bytes.fill(0x33, SIGNED_BYTES + SCALAR_FIELD, SIGNED_BYTES + SCALAR_FIELD + SCALAR);
  changes(bytes, view);
  return bytes;
}

export const seeds: readonly Uint8Array[] = [
  seed(2),
  seed(3, (bytes) => bytes.set([0x19, 0x11, 0x01], 0x188)),
  seed(5, (bytes) => bytes.set([0x1a, 0x02, 0x01], 0x188)),
  seed(2, (_, view) => view.setUint32(0x48, 1 << 2, true)),
  seed(2, (_, view) => view.setUint32(0x48, 7 << 2, true)),
  seed(4),
];
