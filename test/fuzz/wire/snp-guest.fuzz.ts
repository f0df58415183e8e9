import { concatBytes } from '../../../wire/bytes.ts';
import {
  decodeSnpReportRequest,
  decodeSnpReportResponse,
  encodeSnpReportRequest,
  encodeSnpReportResponse,
  SNP_DEVICE_RESPONSE_BYTES,
  SNP_REPORT_BYTES,
} from '../../../wire/message/snp-guest.ts';
import { type Check, exact, forCheck, oneOfMany, stable } from '../refused.ts';

/** What a refusal says beside its status means nothing, so a response has several spellings. */
export const fuzz: Check = oneOfMany([
  exact(decodeSnpReportRequest, encodeSnpReportRequest),
  stable((response) => decodeSnpReportResponse(response, 'stream'), encodeSnpReportResponse),
  stable(
    (response) => decodeSnpReportResponse(response, 'device'),
    (value) => asDevice(encodeSnpReportResponse(value)),
  ),
]);

function asDevice(message: Uint8Array): Uint8Array {
  return concatBytes(message, new Uint8Array(SNP_DEVICE_RESPONSE_BYTES - message.length));
}

const report = new Uint8Array(SNP_REPORT_BYTES).fill(7);
const plain = encodeSnpReportResponse({ kind: 'report', report, certificateTable: null });

export const seeds: readonly Uint8Array[] = [
  forCheck(0, encodeSnpReportRequest({ reportData: new Uint8Array(64).fill(3), vmpl: 2 })),
  forCheck(1, plain),
  forCheck(1, encodeSnpReportResponse({ kind: 'report', report, certificateTable: Uint8Array.of(1, 2, 3) })),
  forCheck(1, encodeSnpReportResponse({ kind: 'refused', status: 0x16 })),
  forCheck(2, asDevice(plain)),
];
