/** Who vouches for this process, behind one interface (DESIGN section 3). A device differs; the worker does not. */
export interface AttestationRequest {
  readonly userData: Uint8Array;
  readonly nonce: Uint8Array;
  readonly publicKey: Uint8Array;
}

export interface Attester {
  readonly tee: 'aws-nitro' | 'amd-sev-snp';
  /** Random bytes from the hardware, mixed into every secret beside the kernel's. */
  entropy(): Promise<Uint8Array>;
  /** Ties the configuration to this boot, once: a second call fails because the register is locked. */
  bindConfiguration(config: Uint8Array): Promise<void>;
  attest(request: AttestationRequest): Promise<Uint8Array>;
}

export type AttesterErrorCode = 'device_unreachable' | 'device_refused' | 'device_protocol';

export class AttesterError extends Error {
  readonly code: AttesterErrorCode;

  constructor(code: AttesterErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'AttesterError';
    this.code = code;
  }
}
