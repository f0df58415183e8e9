import type { LevelCode, NotReachedCode, RefusedLevelCode } from './codes.ts';
import type { Level } from './level.ts';

/** What a result has of one level. */
export type LevelState = { readonly level: Level; readonly leftOut: readonly LeftOut[] } & LevelRuling;

export type LevelRuling =
  | {
      readonly state: 'reached';
      /** Who exactly: keys, a circuit and its setup, a kind of hardware. */
      readonly by: readonly string[];
      /** What has to be believed all the same. */
      readonly assumes: readonly string[];
      readonly cost: LevelCost;
    }
  | { readonly state: 'not-reached'; readonly code: NotReachedCode; readonly detail: string }
  | { readonly state: 'refused'; readonly code: RefusedLevelCode; readonly detail: string };

/** What was shown for a level and did not count, and why. */
export interface LeftOut {
  readonly what: 'proof' | 'circuit key' | 'approval' | 'finding' | 'recomputation';
  readonly code: LevelCode;
  readonly detail: string;
}

export interface LevelCost {
  /** In the smallest unit of the token that the worker's configuration is about. */
  readonly fee: bigint | 'unknown';
  readonly gas: bigint | 'unknown';
  readonly seconds: number | 'unknown';
}

/** A ruling before it is known what it cost. */
export type Uncosted = Omit<Reached, 'cost'> | Exclude<LevelRuling, Reached>;

type Reached = Extract<LevelRuling, { readonly state: 'reached' }>;

export interface Judged {
  readonly ruling: Uncosted;
  readonly leftOut: readonly LeftOut[];
}

export function notReached(code: NotReachedCode, detail: string, leftOut: readonly LeftOut[] = []): Judged {
  return { ruling: { state: 'not-reached', code, detail }, leftOut };
}

export function refused(code: RefusedLevelCode, detail: string, leftOut: readonly LeftOut[] = []): Judged {
  return { ruling: { state: 'refused', code, detail }, leftOut };
}
