import { concatBytes, equalBytes, isZero } from '../bytes.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * What an SNP guest and its firmware say to each other about a report, as Linux's `/dev/sev-guest` hands it on
 * (struct snp_report_req and snp_report_resp; AMD 56860, MSG_REPORT_REQ and MSG_REPORT_RSP). Little-endian throughout.
 */
export const SNP_REPORT_BYTES = 1_184;
export const SNP_REPORT_DATA_BYTES = 64;
const REQUEST_BYTES = 96;
const HEADER_BYTES = 32;
/** What the driver returns whatever the report's size: the rest is zero. */
export const SNP_DEVICE_RESPONSE_BYTES = 4_000;

/** AMD 56860, STATUS of MSG_REPORT_RSP; a firmware may know others. */
export const snpStatus = { success: 0, invalidParameters: 0x16, invalidKeySelection: 0x27 } as const;

export interface SnpReportRequest {
  /** 64 bytes of the guest's own choice. */
  readonly reportData: Uint8Array;
  /** The privilege level to be named in the report: the guest's own, or a less privileged (higher) one. */
  readonly vmpl: number;
}

export function encodeSnpReportRequest({ reportData, vmpl }: SnpReportRequest): Uint8Array {
  if (reportData.length !== SNP_REPORT_DATA_BYTES) throw new WireError('field_invalid', 'not 64 bytes', REPORT_DATA);
  const request = new Uint8Array(REQUEST_BYTES);
  request.set(reportData);
  new DataView(request.buffer).setUint32(SNP_REPORT_DATA_BYTES, vmpl, true);
  return request;
}

export function decodeSnpReportRequest(request: Uint8Array): SnpReportRequest {
  if (request.length < REQUEST_BYTES) throw new WireError('truncated', 'a request has 96 bytes');
  if (request.length > REQUEST_BYTES) throw new WireError('trailing_bytes', 'a request has 96 bytes');
  if (!isZero(request.subarray(SNP_REPORT_DATA_BYTES + 4))) {
    throw new WireError('field_invalid', 'not zero', { field: 'reserved', offset: SNP_REPORT_DATA_BYTES + 4 });
  }
  return {
    reportData: request.slice(0, SNP_REPORT_DATA_BYTES),
    vmpl: viewOf(request).getUint32(SNP_REPORT_DATA_BYTES, true),
  };
}

export type SnpReportResponse =
  | { readonly kind: 'report'; readonly report: Uint8Array; readonly certificateTable: Uint8Array | null }
  | { readonly kind: 'refused'; readonly status: number };

/**
 * Status, size and 24 reserved bytes, then the report. On a stream the certificate table follows it, as long as the
 * message is; the driver hands tables out in a page of their own.
 */
export function encodeSnpReportResponse(response: SnpReportResponse): Uint8Array {
  const header = new Uint8Array(HEADER_BYTES);
  const view = new DataView(header.buffer);
  if (response.kind === 'refused') {
    view.setUint32(0, response.status, true);
    return header;
  }
  if (response.report.length !== SNP_REPORT_BYTES) throw new WireError('field_invalid', 'not a report', REPORT);
  view.setUint32(4, SNP_REPORT_BYTES, true);
  return concatBytes(header, response.report, response.certificateTable ?? new Uint8Array(0));
}

/** `device`: 4,000 bytes with zeros behind the report. `stream`: a certificate table, or nothing, behind it. */
export function decodeSnpReportResponse(response: Uint8Array, form: 'device' | 'stream'): SnpReportResponse {
  if (response.length < HEADER_BYTES) throw new WireError('truncated', 'a response begins with 32 bytes');
  if (form === 'device' && response.length !== SNP_DEVICE_RESPONSE_BYTES) {
    throw new WireError('frame_invalid', `the driver gives ${SNP_DEVICE_RESPONSE_BYTES} bytes`);
  }
  const view = viewOf(response);
  const status = view.getUint32(0, true);
  if (status !== snpStatus.success) return { kind: 'refused', status };
  const size = view.getUint32(4, true);
  // The size is fixed for all versions of the report that exist; another one is another format.
  if (size !== SNP_REPORT_BYTES) throw new WireError('field_invalid', `a report of ${size} bytes`, REPORT);
  if (!isZero(response.subarray(8, HEADER_BYTES))) {
    throw new WireError('field_invalid', 'not zero', { field: 'reserved', offset: 8 });
  }
  const end = HEADER_BYTES + SNP_REPORT_BYTES;
  if (response.length < end) throw new WireError('truncated', 'the report ends early');
  const rest = response.slice(end);
  if (form === 'device' && !isZero(rest)) throw new WireError('trailing_bytes', 'something follows the report');
  if (rest.length > limits.snpTableBytes) throw new WireError('too_large', 'certificate table');
  const certificateTable = form === 'device' || rest.length === 0 ? null : rest;
  return { kind: 'report', report: response.slice(HEADER_BYTES, end), certificateTable };
}

/** Whether an unproven report answers a request: what a guest can see for itself before it hands the report on. */
export function answersRequest(report: Uint8Array, { reportData, vmpl }: SnpReportRequest): boolean {
  if (report.length !== SNP_REPORT_BYTES) return false;
  return viewOf(report).getUint32(0x30, true) === vmpl && equalBytes(report.subarray(0x50, 0x90), reportData);
}

const REPORT = { field: 'report' } as const;
const REPORT_DATA = { field: 'reportData' } as const;

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
