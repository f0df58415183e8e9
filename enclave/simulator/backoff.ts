/** How long to wait before the next start: not at all after the first death, then longer, up to a bound. */
export interface Backoff {
  /** Told how long the process lived, says how many milliseconds to wait. */
  readonly after: (livedMs: number) => number;
}

const FIRST_DELAY = 100;
const LONGEST_DELAY = 5_000;
/** Who lived this long started well: its death is a new matter. */
const SETTLED = 10_000;

export function createBackoff(): Backoff {
  let deaths = 0;
  return {
    after: (livedMs) => {
      deaths = livedMs >= SETTLED ? 1 : deaths + 1;
      return deaths === 1 ? 0 : Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** (deaths - 2));
    },
  };
}
