import type { Level } from './level.ts';
import type { Recomputer } from './policy.ts';

/** What is shown for the levels of one result, beside its archive. None of it is believed before it was checked. */
export interface LevelEvidence {
  /** `.proof` files. */
  readonly proofs: readonly Uint8Array[];
  /** Circuit keys; which one counts, the release's manifest says. */
  readonly circuitKeys: readonly Uint8Array[];
  readonly approvals: readonly SignedApproval[];
  readonly findings: readonly SignedFinding[];
  /** The caller's own: what a machine or a chain that the caller asked has computed. */
  readonly recomputations: readonly Recomputation[];
  readonly costs: readonly KnownCost[];
}

/** Nine words, and the signature of the auditor under whose key it is shown. */
export interface SignedApproval {
  readonly key: Uint8Array;
  readonly words: Uint8Array;
  readonly signature: Uint8Array;
}

/** Thirteen words, which name their auditor. */
export interface SignedFinding {
  readonly finding: Uint8Array;
  readonly signature: Uint8Array;
}

/** The values of each output in the release's order, computed from the request alone. */
export interface Recomputation {
  readonly by: Recomputer;
  /** What computed them, for people: a program's name, or chain and contract. */
  readonly where: string;
  readonly outputs: readonly (readonly bigint[])[];
}

/** What a level cost, where somebody measured it. */
export interface KnownCost {
  readonly level: Level;
  readonly gas: bigint | 'unknown';
  readonly seconds: number | 'unknown';
}

export const noEvidence: LevelEvidence = {
  proofs: [],
  circuitKeys: [],
  approvals: [],
  findings: [],
  recomputations: [],
  costs: [],
};

/** Evidence that came in parts: a result gains levels later. */
export function joinEvidence(...parts: readonly Partial<LevelEvidence>[]): LevelEvidence {
  const all = <K extends keyof LevelEvidence>(name: K): LevelEvidence[K] =>
    parts.flatMap((part) => [...((part[name] ?? []) as readonly unknown[])]) as unknown as LevelEvidence[K];
  return {
    ...{ proofs: all('proofs'), circuitKeys: all('circuitKeys'), approvals: all('approvals') },
    ...{ findings: all('findings'), recomputations: all('recomputations'), costs: all('costs') },
  };
}
