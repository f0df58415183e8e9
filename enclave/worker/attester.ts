import type { TeeName } from '../../wire/message/identity.ts';

/** Who vouches for this process, behind one interface (DESIGN section 3). A device differs; the worker does not. */
export interface AttestationRequest {
  readonly userData: Uint8Array;
  readonly nonce: Uint8Array | null;
  readonly publicKey: Uint8Array;
}

/** What a device says. None of it can be proven in here: whoever reads it outside verifies it. */
export interface Attestation {
  /** The device's own format: a Nitro document, or an SNP report. */
  readonly document: Uint8Array;
  /** The certificates that a machine's owner keeps for its guests (AMD 56421 section 4.1.8.1); null where there are none. */
  readonly certificateTable: Uint8Array | null;
}

export interface Attester {
  readonly tee: TeeName;
  /** Random bytes from the hardware, mixed into every secret beside the kernel's. */
  entropy(): Promise<Uint8Array>;
  /** Ties the configuration to this boot, once: a second call fails, whatever the first one came to. */
  bindConfiguration(config: Uint8Array): Promise<void>;
  attest(request: AttestationRequest): Promise<Attestation>;
}

export type AttesterErrorCode =
  /** The command line names no device that this program knows. */
  | 'attester_invalid'
  /** No such device, nobody behind it, or it went away. */
  | 'device_unreachable'
  /** The device is there, and this process may not use it. */
  | 'device_denied'
  /** Still busy, or used by somebody else, after every attempt. */
  | 'device_busy'
  /** The device understood the request and said no. */
  | 'device_refused'
  /** The answer is not one to what was asked. */
  | 'device_protocol'
  /** The register does not hold exactly the configuration, or is still open. */
  | 'register_unexpected'
  /** A configuration is bound once. */
  | 'configuration_bound'
  /** The device has no room for what was to be bound. */
  | 'request_unsupported'
  /** The hardware gives no random numbers. */
  | 'entropy_missing';

export class AttesterError extends Error {
  readonly code: AttesterErrorCode;

  constructor(code: AttesterErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'AttesterError';
    this.code = code;
  }
}
