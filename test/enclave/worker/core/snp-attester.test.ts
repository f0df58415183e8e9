import { beforeEach, describe, expect, it } from 'vitest';
import type { Attestation } from '../../../../enclave/worker/attester.ts';
import { createSnpAttester, type ReportSource } from '../../../../enclave/worker/snp-attester.ts';
import { concatBytes } from '../../../../wire/bytes.ts';
import type { SnpReportRequest } from '../../../../wire/message/snp-guest.ts';
import { codeOf } from './harness.ts';
import { fakeReport } from './kernel-reports.ts';

const userData = new Uint8Array(32).fill(1);
const nonce = new Uint8Array(32).fill(2);
const publicKey = new Uint8Array(65).fill(4);
const random = (length: number): Uint8Array => new Uint8Array(length).fill(9);

let asked: SnpReportRequest[];
let answer: (request: SnpReportRequest) => Attestation;
const source: ReportSource = {
  vmpl: 2,
  async report(request) {
    asked.push(request);
    return answer(request);
  },
};

beforeEach(() => {
  asked = [];
  answer = ({ reportData, vmpl }) => ({ document: fakeReport(reportData, vmpl), certificateTable: Uint8Array.of(5) });
});

describe('an SNP attester', () => {
  it('puts the identity and the challenge into report_data, at its own level', async () => {
    const attester = createSnpAttester(source, random);
    expect(attester.tee).toBe('amd-sev-snp');
    const { document, certificateTable } = await attester.attest({ userData, nonce, publicKey });
    expect(asked).toEqual([{ reportData: concatBytes(userData, nonce), vmpl: 2 }]);
    expect(document.slice(0x50, 0x90)).toEqual(concatBytes(userData, nonce));
    expect(certificateTable).toEqual(Uint8Array.of(5));
  });

  it.each<[string, (request: SnpReportRequest) => Uint8Array]>([
    ['another challenge', ({ vmpl }) => fakeReport(concatBytes(userData, userData), vmpl)],
    ['another identity', ({ vmpl }) => fakeReport(concatBytes(nonce, nonce), vmpl)],
    ['another level', ({ reportData }) => fakeReport(reportData, 3)],
    ['nothing at all', () => new Uint8Array(0)],
    ['half a report', ({ reportData, vmpl }) => fakeReport(reportData, vmpl).slice(0, 600)],
  ])('does not hand on a report for %s', async (_, document) => {
    const attester = createSnpAttester(source, random);
    answer = (request) => ({ document: document(request), certificateTable: null });
    expect(await codeOf(attester.attest({ userData, nonce, publicKey }))).toBe('device_protocol');
  });

  it.each<[string, Uint8Array, Uint8Array | null]>([
    ['no challenge', userData, null],
    ['a short challenge', userData, new Uint8Array(31)],
    ['a long challenge', userData, new Uint8Array(33)],
    ['a short identity', new Uint8Array(31), nonce],
    ['a long identity', new Uint8Array(64), nonce],
  ])('has no room for anything else: %s', async (_, identity, challenge) => {
    const attester = createSnpAttester(source, random);
    const request = { userData: identity, nonce: challenge, publicKey };
    expect(await codeOf(attester.attest(request))).toBe('request_unsupported');
    expect(asked).toEqual([]);
  });

  it('is given one configuration', async () => {
    const attester = createSnpAttester(source, random);
    await attester.bindConfiguration(new Uint8Array(32));
    expect(await codeOf(attester.bindConfiguration(new Uint8Array(32)))).toBe('configuration_bound');
  });

  it('takes its entropy from the processor, and has no other source', async () => {
    expect(await createSnpAttester(source, random).entropy()).toEqual(new Uint8Array(64).fill(9));
    expect(await codeOf(createSnpAttester(source, () => null).entropy())).toBe('entropy_missing');
    const short = createSnpAttester(source, () => new Uint8Array(8));
    expect(await codeOf(short.entropy())).toBe('device_protocol');
  });
});
