import type { ShownHead } from './fetch.ts';

/** The largest head of a log that was found to continue all before it, and the words that name its signer. */
export interface KeptHead extends ShownHead {
  readonly identity: Uint8Array;
}

/** Where the largest heads survive the process: without that, a log that is rewritten meanwhile is not noticed. */
export interface HeadStore {
  load(): Promise<readonly KeptHead[]>;
  /** Replaces what was kept of that log. */
  save(head: KeptHead): Promise<void>;
}
