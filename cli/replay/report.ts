import type { Execution } from '../../wire/message/execution.ts';

/** Why an answer cannot be computed again here. No verdict about the worker. */
export type Unreplayable =
  | 'request_missing'
  | 'no_result'
  | 'release_encrypted'
  | 'other_engine'
  | 'other_layout'
  | 'stream_missing'
  | 'no_result_here';

/**
 * What running it again has shown. Only `replayed` is the level of DESIGN section 6: the same bits, by the same engine, on
 * the same class of processor. The same bits elsewhere say as much about the answer, and are still named apart; nearly the
 * same bits are never called the same.
 */
export type ReplayVerdict =
  | { readonly verdict: 'replayed' | 'replayed-elsewhere' }
  | { readonly verdict: 'near'; readonly tolerance: number; readonly farthest: number }
  | { readonly verdict: 'differs' | 'differs-elsewhere'; readonly where: string }
  | { readonly verdict: 'not-replayable'; readonly code: Unreplayable; readonly detail: string };

/** One fact about how an answer was computed, as the receipt says it and as this machine would. */
export interface ClassFact {
  readonly name: keyof Omit<Execution, 'generation'>;
  readonly worker: string;
  readonly here: string;
}

export type ReplayReport = ReplayVerdict & {
  /** Of the receipt's execution record, beside what this machine has. */
  readonly execution: readonly ClassFact[];
  readonly sameClass: boolean;
  /** Null where nothing was run. */
  readonly milliseconds: number | null;
};
