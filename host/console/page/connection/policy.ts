import { parseWorkerPolicy, type WorkerPolicy } from '../../../../verifier/index.ts';
import { utf8 } from '../../../../wire/bytes.ts';

/** What the user accepts. Without a policy nothing is accepted: no host is asked which one to take. */
export type PolicyState =
  | { readonly kind: 'none' }
  | {
      readonly kind: 'chosen';
      readonly policy: WorkerPolicy;
      readonly source: 'user package' | 'this browser';
      readonly text: string;
    };

export const noPolicy: PolicyState = { kind: 'none' };

/** Throws a `VerifierError` where the text is no policy. */
export function policyFrom(text: string, source: 'user package' | 'this browser'): PolicyState {
  return { kind: 'chosen', policy: parseWorkerPolicy(utf8(text)), source, text };
}

/** What of a browser's storage is used. It can be off, full or empty; the page works without it. */
export interface TextStore {
  load(name: string): string | undefined;
  save(name: string, text: string): void;
  remove(name: string): void;
}

export function browserStore(storage: () => Storage): TextStore {
  const attempt = <T>(work: (storage: Storage) => T): T | undefined => {
    try {
      return work(storage());
    } catch {
      // Switched off, or full: what was chosen then lasts as long as the page is open.
      return undefined;
    }
  };
  return {
    load: (name) => attempt((kept) => kept.getItem(name) ?? undefined),
    save: (name, text) => void attempt((kept) => kept.setItem(name, text)),
    remove: (name) => void attempt((kept) => kept.removeItem(name)),
  };
}

const KEPT_AS = 'proofmark.policy';

/** What the user named when starting the console wins over what this browser kept. */
export function firstPolicy(served: string | undefined, store: TextStore): PolicyState {
  if (served !== undefined) return policyFrom(served, 'user package');
  const kept = store.load(KEPT_AS);
  if (kept === undefined) return noPolicy;
  try {
    return policyFrom(kept, 'this browser');
  } catch {
    // Of an earlier version, or another program's at this origin: as good as none.
    store.remove(KEPT_AS);
    return noPolicy;
  }
}

export function keepPolicy(text: string, store: TextStore): PolicyState {
  const chosen = policyFrom(text, 'this browser');
  store.save(KEPT_AS, text);
  return chosen;
}

export function dropPolicy(store: TextStore): PolicyState {
  store.remove(KEPT_AS);
  return noPolicy;
}
