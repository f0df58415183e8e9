/** Waits that double from a first one to a longest one, and begin again once all was well for a while. */
export interface Backoff {
  next(): number;
  reset(): void;
}

export function createBackoff([first, longest]: readonly [number, number]): Backoff {
  let wait = first;
  return {
    next() {
      const now = wait;
      wait = Math.min(2 * wait, longest);
      return now;
    },
    reset() {
      wait = first;
    },
  };
}
