/** A token bucket. It is one for everybody: whom a request claims to come from says nothing (attack case R12). */
export interface TokenBucket {
  take(): boolean;
}

export function createTokenBucket(options: {
  readonly burst: number;
  readonly perSecond: number;
  readonly now: () => number;
}): TokenBucket {
  let tokens = options.burst;
  let last = options.now();
  return {
    take() {
      const now = options.now();
      tokens = Math.min(options.burst, tokens + ((now - last) / 1_000) * options.perSecond);
      last = now;
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
  };
}
