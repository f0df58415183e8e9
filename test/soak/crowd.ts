import { join } from 'node:path';
import { type Forked, startForked } from '../support/forked.ts';

/** What the honest clients of a soak are told to do, one job after the other. */
export type CrowdJob =
  | {
      readonly kind: 'open';
      readonly url: string;
      readonly policyFile: string;
      /** The model of tensors and the one of chats. */
      readonly modelId: Uint8Array;
      readonly languageId: Uint8Array;
      /** Where every receipt that came is written down: see ledger.ts. */
      readonly ledger: string;
    }
  /** So many calls under way at all times: what the machine can do with clients that verify. */
  | { readonly kind: 'closed'; readonly inFlight: number; readonly ms: number }
  /** Calls that are due at a steady rate, whether or not earlier ones were answered. */
  | { readonly kind: 'steady'; readonly perSecond: number; readonly ms: number }
  | { readonly kind: 'close' };

export interface CrowdResult {
  readonly seconds: number;
  /** Verified answers, by the kind of call. */
  readonly answers: Readonly<Record<string, number>>;
  /** Calls that were told to come later, as they should be told. */
  readonly turnedAway: number;
  /** What no call may ever meet; the first few of them. */
  readonly wrong: readonly string[];
  /** Milliseconds from when a call was due until its answer had come, in slices of a second. */
  readonly slices: readonly Float64Array[];
}

export type Crowd = Forked<CrowdJob, never, CrowdResult>;

export function startCrowd(): Crowd {
  return startForked(join(import.meta.dirname, 'crowd-main.ts'));
}
