/** A token bucket: so many at once, then so many per second. */
export interface TokenBucket {
  take(): boolean;
  /** Seconds until there is one again; zero where there is one now. */
  readonly wait: number;
}

export interface Rate {
  readonly burst: number;
  readonly perSecond: number;
}

export function createTokenBucket(options: Rate & { readonly now: () => number }): TokenBucket {
  const { burst, perSecond } = options;
  let tokens = burst;
  let last = options.now();

  function refill(): void {
    const now = options.now();
    tokens = Math.min(burst, tokens + ((now - last) / 1_000) * perSecond);
    last = now;
  }

  return {
    take() {
      refill();
      if (tokens < 1) return false;
      tokens -= 1;
      return true;
    },
    get wait() {
      refill();
      return tokens >= 1 ? 0 : (1 - tokens) / perSecond;
    },
  };
}

/** A bucket for each caller, as many as there is room for; the one that was used longest ago makes room for another. */
export interface RateTable {
  /** Undefined where a token was taken, else the seconds until there is one. */
  take(caller: string, rate: Rate): number | undefined;
  readonly size: number;
}

export function createRateTable(options: { readonly callers: number; readonly now: () => number }): RateTable {
  const buckets = new Map<string, TokenBucket & { readonly rate: Rate }>();

  function bucketOf(caller: string, rate: Rate): TokenBucket {
    const found = buckets.get(caller);
    const isSame = found?.rate.burst === rate.burst && found.rate.perSecond === rate.perSecond;
    // Not spread: `wait` reads the time whenever it is asked.
    const bucket = isSame ? found : Object.assign(createTokenBucket({ ...rate, now: options.now }), { rate });
    buckets.delete(caller);
    if (buckets.size >= options.callers) buckets.delete(buckets.keys().next().value as string);
    buckets.set(caller, bucket);
    return bucket;
  }

  return {
    take(caller, rate) {
      const bucket = bucketOf(caller, rate);
      return bucket.take() ? undefined : bucket.wait;
    },
    get size() {
      return buckets.size;
    },
  };
}
