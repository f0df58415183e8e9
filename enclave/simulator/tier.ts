import type { SupervisorEvent } from './events.ts';
import type { Measurement } from './measure.ts';
import type { Sandbox } from './sandbox.ts';

/**
 * How one kind of enclave is made ready and booted: all that differs between the tiers of this machine (DESIGN section 9).
 * Who is restarted with whom, and what stopping means, is the supervisor's and the same in all.
 */
export interface Tier {
  readonly prepare: (ground: Ground) => Promise<PreparedEnclave>;
}

/** What a supervisor gives to its enclave: folders that are this user's alone, and an ear. */
export interface Ground {
  /** Kept between runs. */
  readonly state: string;
  /** Empty, and gone after the run. */
  readonly run: string;
  /** Where hosts look for `worker.sock`. */
  readonly link: string;
  readonly onEvent: (event: SupervisorEvent) => void;
}

export interface PreparedEnclave {
  readonly measurement: Measurement;
  /** The simulated root under which this machine's evidence verifies. */
  readonly rootCertificate: Uint8Array;
  readonly isolation: Isolation;
  /** Once after another; each boot is of the bytes that were measured. Ends early, with an error, when the signal says so. */
  readonly boot: (signal: AbortSignal) => Promise<Enclave>;
}

export type Isolation = Sandbox | { readonly kind: 'machine'; readonly accelerator: 'kvm' | 'tcg' };

/** One boot of one enclave: a signer that was told the measurement first, then the worker that was measured. */
export interface Enclave {
  readonly pids: { readonly signer: number | null; readonly worker: number | null };
  readonly kill: () => void;
  /** Resolves when both are gone. The end of one is the end of the other. */
  readonly ended: Promise<void>;
}
