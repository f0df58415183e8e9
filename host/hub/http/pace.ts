import type { IncomingMessage } from 'node:http';
import { performance } from 'node:perf_hooks';
import { limits } from '../../../wire/limits.ts';
import { HubError } from '../errors.ts';

/** How long a transfer may take for `hubSlowestBytes`. */
export const PACE_MS = 30_000;

/**
 * The bytes of a request, as long as they keep coming. Only what the client lets us wait counts: a disk that is slow is not
 * its fault. The request is not destroyed where this ends early, so that a refusal reaches its client.
 */
export async function* paced(request: IncomingMessage, paceMs: number): AsyncGenerator<Uint8Array, void> {
  const iterator = request.iterator({ destroyOnReturn: false })[Symbol.asyncIterator]() as AsyncIterator<
    Uint8Array,
    void
  >;
  try {
    for (let waited = 0, bytes = 0; ; ) {
      const began = performance.now();
      const next = await within(iterator.next(), paceMs - waited);
      if (next.done === true) return;
      waited += performance.now() - began;
      bytes += next.value.length;
      if (bytes >= limits.hubSlowestBytes) {
        bytes = 0;
        waited = 0;
      }
      yield next.value;
    }
  } finally {
    // Not awaited: after a slow client it would wait for the bytes that did not come.
    void iterator.return?.();
  }
}

export async function within<T>(work: Promise<T>, milliseconds: number): Promise<T> {
  let late: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    late = setTimeout(() => reject(new HubError('too_slow')), Math.max(0, milliseconds));
  });
  try {
    return await Promise.race([work, timeout]);
  } finally {
    clearTimeout(late);
    // Whoever lost the race must not end the process.
    work.catch(() => undefined);
  }
}
