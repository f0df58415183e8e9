import type { Budget } from './budget.ts';

/**
 * Sealed answers that a client may fetch when its connection was lost (DESIGN section 5): a repeated request would be a
 * new charge. Bounded in bytes and age, the oldest goes first; who fetches one learns what anybody on the way saw.
 */
export interface KeptAnswers {
  /** Undefined where an answer of that number is kept or under way: nobody takes another's place. */
  begin(requestId: string, type: string): Keeping | undefined;
  find(requestId: string): KeptAnswer | 'pending' | undefined;
}

export interface KeptAnswer {
  readonly type: string;
  readonly bytes: Uint8Array;
}

export interface Keeping {
  /** False once the answer is not kept any more, since there was no room for it. */
  add(bytes: Uint8Array): boolean;
  /** The answer is complete. */
  finish(): void;
  /** There is none: the number is free again. */
  drop(): void;
}

export interface KeptOptions {
  readonly budget: Budget;
  readonly maxBytes: number;
  readonly maxAnswers: number;
  readonly keepMs: number;
  readonly now: () => number;
}

interface Finished extends KeptAnswer {
  readonly until: number;
}

export function createKeptAnswers({ budget, maxBytes, maxAnswers, keepMs, now }: KeptOptions): KeptAnswers {
  const pending = new Set<string>();
  /** In the order in which they were finished, so that the first is the oldest. */
  const finished = new Map<string, Finished>();
  let held = 0;

  function forget(requestId: string, answer: Finished): void {
    finished.delete(requestId);
    release(answer.bytes.length);
  }

  function release(bytes: number): void {
    held -= bytes;
    budget.give(bytes);
  }

  function forgetOld(): void {
    const time = now();
    for (const [requestId, answer] of finished) {
      if (answer.until > time) break;
      forget(requestId, answer);
    }
  }

  /** What is finished gives way to what comes. */
  function makeRoom(bytes: number): boolean {
    while (held + bytes > maxBytes || !budget.take(bytes)) {
      const oldest = finished.entries().next().value;
      if (oldest === undefined) return false;
      forget(...oldest);
    }
    held += bytes;
    return true;
  }

  return {
    begin(requestId, type) {
      forgetOld();
      if (pending.has(requestId) || finished.has(requestId)) return undefined;
      pending.add(requestId);
      const chunks: Uint8Array[] = [];
      let size = 0;
      let open = true;

      function drop(): void {
        if (!open) return;
        open = false;
        pending.delete(requestId);
        release(size);
        chunks.length = 0;
      }

      return {
        add(bytes) {
          if (!open) return false;
          if (!makeRoom(bytes.length)) {
            drop();
            return false;
          }
          size += bytes.length;
          chunks.push(bytes);
          return true;
        },
        finish() {
          if (!open) return;
          open = false;
          pending.delete(requestId);
          const bytes = chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks);
          finished.set(requestId, { type, bytes, until: now() + keepMs });
          const oldest = finished.entries().next().value;
          if (finished.size > maxAnswers && oldest !== undefined) forget(...oldest);
        },
        drop,
      };
    },
    find(requestId) {
      forgetOld();
      return finished.get(requestId) ?? (pending.has(requestId) ? 'pending' : undefined);
    },
  };
}
