import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import {
  decodeSnpReportResponse,
  encodeSnpReportRequest,
  SNP_REPORT_DATA_BYTES,
  type SnpReportRequest,
  type SnpReportResponse,
  snpStatus,
} from '../../wire/message/snp-guest.ts';
import { type Attestation, AttesterError } from './attester.ts';
import { connectExchange, oneAtATime, openDevice } from './attester-exchange.ts';
import type { ReportSource } from './snp-attester.ts';

/** SNP_GET_REPORT: the driver's 4,000 bytes. */
export type SevIoctl = (fd: number, reportData: Uint8Array, vmpl: number) => Promise<Uint8Array>;

/** The most privileged first; AMD 56860 knows no others. */
const LEVELS = [0, 1, 2, 3] as const;

/** A software firmware: the driver's request and response over a unix stream, with the certificate table behind it. */
export async function connectReportSocket(path: string): Promise<ReportSource> {
  const exchange = await connectExchange(path, limits.snpResponseBytes);
  return findLevel(async (request) => decode(await exchange(encodeSnpReportRequest(request)), 'stream'));
}

/**
 * `/dev/sev-guest`, for kernels without configfs-tsm (before 6.7). Its plain report comes without certificates: whoever
 * runs the host keeps those beside it.
 */
export async function openReportDevice(path: string, ioctl: SevIoctl): Promise<ReportSource> {
  const device = openDevice(path);
  const exchange = oneAtATime(({ reportData, vmpl }: SnpReportRequest) => ioctl(device, reportData, vmpl));
  return findLevel(async (request) => decode(await exchange(request), 'device'));
}

type Ask = (request: SnpReportRequest) => Promise<SnpReportResponse>;

/**
 * A guest under a paravisor runs at a level above 0, and nothing but the firmware's refusals says at which. A refusal
 * costs nothing: it comes as a status in a well-formed answer.
 */
async function findLevel(ask: Ask): Promise<ReportSource> {
  for (const vmpl of LEVELS) {
    const trial = await ask({ reportData: new Uint8Array(SNP_REPORT_DATA_BYTES), vmpl });
    if (trial.kind === 'report') return { vmpl, report: async (request) => attestationOf(await ask(request)) };
    if (trial.status !== snpStatus.invalidParameters) throw refused(trial.status);
  }
  throw refused(snpStatus.invalidParameters);
}

function attestationOf(response: SnpReportResponse): Attestation {
  if (response.kind === 'refused') throw refused(response.status);
  return { document: response.report, certificateTable: response.certificateTable };
}

function refused(status: number): AttesterError {
  return new AttesterError('device_refused', `the firmware answers status 0x${status.toString(16)}`);
}

function decode(response: Uint8Array, form: 'device' | 'stream'): SnpReportResponse {
  try {
    return decodeSnpReportResponse(response, form);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new AttesterError('device_protocol', error.code);
  }
}
