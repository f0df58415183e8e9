import { concatBytes } from '../../wire/bytes.ts';
import { answersRequest, SNP_REPORT_DATA_BYTES, type SnpReportRequest } from '../../wire/message/snp-guest.ts';
import { type Attestation, type Attester, AttesterError } from './attester.ts';

/** Where reports come from: the kernel in one of its two forms, or a simulator. */
export interface ReportSource {
  /** The least that a report may name: the privilege level at which this guest runs. */
  readonly vmpl: number;
  report(request: SnpReportRequest): Promise<Attestation>;
}

const WORD_BYTES = 32;
const ENTROPY_BYTES = 64;

/** AMD SEV-SNP: report_data = identity hash || challenge (DESIGN section 3), and nothing else of the worker's own. */
export function createSnpAttester(
  source: ReportSource,
  hardwareRandom: (length: number) => Uint8Array | null,
): Attester {
  let bound = false;
  return {
    tee: 'amd-sev-snp',
    entropy: async () => {
      // The firmware gives none. Reports are no substitute: the host sees them.
      const random = hardwareRandom(ENTROPY_BYTES);
      if (random === null) throw new AttesterError('entropy_missing', 'this processor has no RDRAND');
      if (random.length !== ENTROPY_BYTES) throw new AttesterError('device_protocol', `${random.length} random bytes`);
      return random;
    },
    bindConfiguration: async () => {
      // There is no register to extend after launch. The configuration's hash is one of the identity words, and every
      // report carries the hash of those; once is still once, as with a register that locks.
      if (bound) throw new AttesterError('configuration_bound', 'this guest has one');
      bound = true;
    },
    attest: async ({ userData, nonce }) => {
      // No place for a public key: the signer's is in the identity words too, so the hash of those binds it.
      if (userData.length !== WORD_BYTES || nonce?.length !== WORD_BYTES) {
        throw new AttesterError('request_unsupported', `${SNP_REPORT_DATA_BYTES} bytes: an identity and a challenge`);
      }
      const request = { reportData: concatBytes(userData, nonce), vmpl: source.vmpl };
      const attestation = await source.report(request);
      if (!answersRequest(attestation.document, request)) {
        throw new AttesterError('device_protocol', 'a report that answers another request');
      }
      return attestation;
    },
  };
}
