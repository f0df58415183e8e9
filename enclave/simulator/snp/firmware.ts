import { WireError } from '../../../wire/errors.ts';
import { decodeSnpReportRequest, encodeSnpReportResponse, snpStatus } from '../../../wire/message/snp-guest.ts';
import { SimulatorError } from '../errors.ts';
import type { SnpAuthority } from './authority.ts';

/** Levels of privilege in one guest; there are no others (AMD 56860). */
const LEVELS = 4;
const MEASUREMENT_BYTES = 48;

export interface FirmwareOptions {
  readonly authority: SnpAuthority;
  /** Told before the guest runs, as the launch of a guest ends before it does. */
  readonly measurement: Uint8Array;
  readonly reportVersion: 3 | 5;
  /** The level at which the guest runs: it may name this one or a higher one, which has fewer rights. */
  readonly vmpl: number;
  /** What the owner of the machine keeps for its guests; not the firmware's own, and not signed. */
  readonly certificateTable: Uint8Array | null;
}

/** AMD's secure processor in software, as one guest meets it: a request's bytes to a response's. */
export function createFirmware(options: FirmwareOptions): (request: Uint8Array) => Uint8Array {
  const { authority, measurement, reportVersion, certificateTable } = options;
  if (measurement.length !== MEASUREMENT_BYTES) {
    throw new SimulatorError('argument_invalid', `a measurement has ${MEASUREMENT_BYTES} bytes`);
  }
  return (message) => {
    try {
      const { reportData, vmpl } = decodeSnpReportRequest(message);
      if (vmpl < options.vmpl || vmpl >= LEVELS) return refusal();
      const report = authority.report({ version: reportVersion, reportData, measurement, vmpl });
      return encodeSnpReportResponse({ kind: 'report', report, certificateTable });
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return refusal();
    }
  };
}

function refusal(): Uint8Array {
  return encodeSnpReportResponse({ kind: 'refused', status: snpStatus.invalidParameters });
}
