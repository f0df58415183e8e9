import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { concatBytes } from '../../../wire/bytes.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import {
  answersRequest,
  decodeSnpReportRequest,
  decodeSnpReportResponse,
  encodeSnpReportRequest,
  encodeSnpReportResponse,
  SNP_DEVICE_RESPONSE_BYTES,
  SNP_REPORT_BYTES,
} from '../../../wire/message/snp-guest.ts';
import { runs } from '../../support/runs.ts';

function codeOf(run: () => unknown): string {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return error.code;
    throw error;
  }
}

const reportData = Uint8Array.from({ length: 64 }, (_, index) => index);
const report = new Uint8Array(SNP_REPORT_BYTES).fill(7);
const response = encodeSnpReportResponse({ kind: 'report', report, certificateTable: null });

function changed(bytes: Uint8Array, offset: number, ...values: readonly number[]): Uint8Array {
  const copy = Uint8Array.from(bytes);
  copy.set(values, offset);
  return copy;
}

function asDevice(message: Uint8Array): Uint8Array {
  return concatBytes(message, new Uint8Array(SNP_DEVICE_RESPONSE_BYTES - message.length));
}

describe('a request', () => {
  it('is struct snp_report_req: 64 bytes, a little-endian level, 28 zeros', () => {
    const request = encodeSnpReportRequest({ reportData, vmpl: 3 });
    expect(request).toEqual(concatBytes(reportData, Uint8Array.of(3), new Uint8Array(31)));
    expect(decodeSnpReportRequest(request)).toEqual({ reportData, vmpl: 3 });
  });

  it.each<[string, Uint8Array, string]>([
    ['nothing', new Uint8Array(0), 'truncated'],
    ['a byte too few', new Uint8Array(95), 'truncated'],
    ['a byte too many', new Uint8Array(97), 'trailing_bytes'],
    ['the first reserved byte', changed(new Uint8Array(96), 68, 1), 'field_invalid'],
    ['the last reserved byte', changed(new Uint8Array(96), 95, 1), 'field_invalid'],
  ])('is refused: %s', (_, bytes, code) => {
    expect(codeOf(() => decodeSnpReportRequest(bytes))).toBe(code);
  });

  it.each([0, 63, 65])('takes no %d bytes of data', (length) => {
    expect(codeOf(() => encodeSnpReportRequest({ reportData: new Uint8Array(length), vmpl: 0 }))).toBe('field_invalid');
  });
});

describe('a response', () => {
  it('is read from the driver, and from a stream with and without a table', () => {
    expect(decodeSnpReportResponse(asDevice(response), 'device')).toEqual({
      kind: 'report',
      report,
      certificateTable: null,
    });
    const certificateTable = new Uint8Array(limits.snpTableBytes).fill(9);
    for (const table of [null, certificateTable]) {
      const message = encodeSnpReportResponse({ kind: 'report', report, certificateTable: table });
      expect(decodeSnpReportResponse(message, 'stream')).toEqual({ kind: 'report', report, certificateTable: table });
    }
  });

  it('is a refusal by its status alone', () => {
    const refusal = encodeSnpReportResponse({ kind: 'refused', status: 0x16 });
    expect(decodeSnpReportResponse(refusal, 'stream')).toEqual({ kind: 'refused', status: 0x16 });
    expect(decodeSnpReportResponse(asDevice(refusal), 'device')).toEqual({ kind: 'refused', status: 0x16 });
    // Whatever else it says: a firmware that failed has no report to give.
    expect(decodeSnpReportResponse(changed(response, 0, 0x27), 'stream')).toEqual({ kind: 'refused', status: 0x27 });
  });

  it.each<[string, Uint8Array, 'device' | 'stream', string]>([
    ['half a header', response.slice(0, 31), 'stream', 'truncated'],
    ['a report cut short', response.slice(0, -1), 'stream', 'truncated'],
    ['another size, larger', changed(response, 4, 0xa1), 'stream', 'field_invalid'],
    ['another size, zero', changed(response, 4, 0, 0), 'stream', 'field_invalid'],
    ['a size of gigabytes', changed(response, 7, 0x80), 'stream', 'field_invalid'],
    ['a reserved byte', changed(response, 8, 1), 'stream', 'field_invalid'],
    ['the last reserved byte', changed(response, 31, 1), 'stream', 'field_invalid'],
    ['a table over the limit', concatBytes(response, new Uint8Array(limits.snpTableBytes + 1)), 'stream', 'too_large'],
    ['a driver’s buffer of another size', response, 'device', 'frame_invalid'],
    ['something behind a driver’s report', changed(asDevice(response), 3_999, 1), 'device', 'trailing_bytes'],
  ])('is refused: %s', (_, bytes, form, code) => {
    expect(codeOf(() => decodeSnpReportResponse(bytes, form))).toBe(code);
  });

  it('is not made of what is no report', () => {
    const short = report.slice(1);
    const encode = (): unknown => encodeSnpReportResponse({ kind: 'report', report: short, certificateTable: null });
    expect(codeOf(encode)).toBe('field_invalid');
  });

  it('of any bytes is read or refused with a code', () => {
    const bytes = fc.oneof(fc.uint8Array({ maxLength: 4_100 }), fc.uint8Array({ minLength: 4_000, maxLength: 4_000 }));
    const forms = fc.constantFrom('device', 'stream');
    fc.assert(
      fc.property(bytes, forms, (message, form) => {
        codeOf(() => decodeSnpReportResponse(message, form as 'device' | 'stream'));
        codeOf(() => decodeSnpReportRequest(message));
      }),
      { numRuns: runs(200) },
    );
  });
});

describe('whether a report answers a request', () => {
  const answer = Uint8Array.from(report);
  answer.set(reportData, 0x50);
  answer.set([2, 0, 0, 0], 0x30);

  it('is by its data and its level, every byte of them', () => {
    const request = { reportData, vmpl: 2 };
    expect(answersRequest(answer, request)).toBe(true);
    expect(answersRequest(answer, { reportData, vmpl: 0 })).toBe(false);
    expect(answersRequest(answer.slice(0, -1), request)).toBe(false);
    for (const offset of [0x30, 0x33, ...Array.from({ length: 64 }, (_, index) => 0x50 + index)]) {
      const other = changed(answer, offset, (answer[offset] as number) ^ 1);
      expect(answersRequest(other, request), `byte ${offset}`).toBe(false);
    }
    for (const outside of [0x2f, 0x34, 0x4f, 0x90]) {
      expect(answersRequest(changed(answer, outside, 0xee), request), `byte ${outside}`).toBe(true);
    }
  });
});
