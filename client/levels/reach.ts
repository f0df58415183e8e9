import type { ReleaseFacts, Verified } from '../../verifier/index.ts';
import type { SignedApproval, SignedFinding } from './evidence.ts';
import type { LevelsPolicy, Recomputer } from './policy.ts';

/**
 * What a client has to bring results to levels that hardware does not reach. Nothing of it is trusted: what it hands out is
 * checked as if it came from anybody. Every field is there; what a client cannot reach is "none".
 */
export interface Reach {
  /** Whose word counts, and which setups. */
  readonly policy: LevelsPolicy;
  readonly replayed: 'none' | ReachesAuditors;
  readonly recomputed: 'none' | Recomputes;
  readonly proved: 'none' | Proves;
}

export interface ReachesAuditors {
  /** x || y of those that can be asked. They see request and answer. */
  readonly keys: readonly Uint8Array[];
  ask(question: ApprovalQuestion): Promise<AuditorsAnswer>;
}

export interface ApprovalQuestion {
  /** A `.proofmark` file with its payload. */
  readonly archive: Uint8Array;
  /** Pays nobody: chain and contract are zero, and the escrow is the request's number. */
  readonly statement: {
    readonly chainId: bigint;
    readonly verifier: Uint8Array;
    readonly escrow: Uint8Array;
  };
}

export interface AuditorsAnswer {
  readonly approvals: readonly SignedApproval[];
  readonly findings: readonly SignedFinding[];
}

/** A computation of the caller's own, by a program or by asking a chain's node. */
export interface Recomputes {
  readonly by: Recomputer;
  /** Asked before anything is sent. */
  open(release: Verified<ReleaseFacts>): Promise<OpenProgram | 'unavailable'>;
}

export interface OpenProgram {
  /** For people: what computes. */
  readonly where: string;
  /** Values of each input in the release's order; of each output the same. */
  compute(inputs: readonly (readonly bigint[])[]): Promise<readonly (readonly bigint[])[]>;
}

export interface Proves {
  /** Asked before anything is sent. */
  open(release: Verified<ReleaseFacts>): Promise<OpenProver | 'unavailable'>;
}

export interface OpenProver {
  readonly circuitKey: Uint8Array;
  /** A `.proof` file of the private form, for this commitment or none. */
  prove(row: RowToProve): Promise<Uint8Array>;
}

export interface RowToProve {
  readonly salt: Uint8Array;
  readonly inputs: readonly (readonly bigint[])[];
  readonly outputs: readonly (readonly bigint[])[];
}
