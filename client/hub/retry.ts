import { HubError, type HubErrorCode } from './errors.ts';
import type { HubPatience, HubPlatform, HubProgress } from './platform.ts';

/** Whatever another moment may mend; everything else is told at once. */
const passing: ReadonlySet<HubErrorCode> = new Set([
  'hub_unreachable',
  'hub_timeout',
  'hub_error',
  'file_truncated',
  'upload_failed',
]);

export interface Persistence {
  readonly platform: HubPlatform;
  readonly patience: HubPatience;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: (progress: HubProgress) => void;
}

/** Something came through: patience begins again. */
export type Advanced = () => void;

/** Tries until it works, until something is wrong that waiting does not mend, or until nothing new came for long. */
export async function persistently<T>(
  { platform, patience, signal, onProgress }: Persistence,
  path: string | null,
  work: (advanced: Advanced) => Promise<T>,
): Promise<T> {
  let failures = 0;
  const advanced = (): void => {
    failures = 0;
  };
  for (;;) {
    signal?.throwIfAborted();
    try {
      return await work(advanced);
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof HubError) || !passing.has(error.code)) throw error;
      failures += 1;
      if (failures >= patience.tries) throw error;
      // A hub that asks for more than the longest wait is asked again after that.
      const asked = Math.min(error.retryAfterMs, patience.longestMs);
      const waitMs = Math.max(asked, waitOf(failures, patience, platform));
      onProgress({ event: 'again', path, why: error.reason, waitMs });
      await platform.pause(waitMs, signal);
    }
  }
}

/** Up to half of it is drawn, so that many that were cut off at once do not come back at once. */
function waitOf(failures: number, { firstMs, longestMs }: HubPatience, { suite }: HubPlatform): number {
  const [draw = 0] = suite.randomBytes(1);
  const whole = Math.min(longestMs, firstMs * 2 ** (failures - 1));
  return Math.round(whole / 2 + (whole / 2) * (draw / 255));
}

/** A few at once, in order. The first failure ends those that have begun, and is the one that is told. */
export async function severally<T>(
  items: readonly T[],
  signal: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const stop = new AbortController();
  const both = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const waiting = items[Symbol.iterator]();
  let failure: { readonly error: unknown } | undefined;
  async function one(): Promise<void> {
    for (let next = waiting.next(); next.done !== true && !both.aborted; next = waiting.next()) {
      try {
        await work(next.value, both);
      } catch (error) {
        failure ??= { error };
        stop.abort(error);
      }
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, one));
  if (failure !== undefined) throw failure.error;
  signal?.throwIfAborted();
}

/** Files that travel at once: one connection rarely fills a long line, and more than a few take from one another. */
const AT_ONCE = 4;
