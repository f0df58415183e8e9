/**
 * Says once that nobody waits any more: what is used of an AbortSignal. A real one is as good and costs a small request as
 * much as its place in the journal does, so that this host makes its own.
 */
export interface Leaving {
  readonly aborted: boolean;
  addEventListener(type: 'abort', listener: () => void, options?: { readonly once: true }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

export interface LeavingControl {
  readonly signal: Leaving;
  /** Each listener is called once; the second call does nothing. */
  abort(): void;
}

export function createLeaving(): LeavingControl {
  let aborted = false;
  let listeners: readonly (() => void)[] = [];
  return {
    signal: {
      get aborted() {
        return aborted;
      },
      addEventListener(_, listener) {
        if (!aborted) listeners = [...listeners, listener];
      },
      removeEventListener(_, listener) {
        listeners = listeners.filter((known) => known !== listener);
      },
    },
    abort() {
      if (aborted) return;
      aborted = true;
      const all = listeners;
      listeners = [];
      for (const listener of all) listener();
    },
  };
}
