import { toHex } from '../../wire/bytes.ts';
import type { Session } from './sessions.ts';
import type { Ending } from './work.ts';

/** A request between its arrival and its answer. */
export interface UnderWay {
  readonly signal: AbortSignal;
  end(by: Ending): void;
}

export function beginRequest(): UnderWay {
  const controller = new AbortController();
  return {
    signal: controller.signal,
    end: (by) => controller.abort(by),
  };
}

/** Which requests a session's client may end by name: its own, and no other session's. */
export interface Cancellable {
  /** Gives what forgets it again. */
  add(session: Session, requestId: Uint8Array, request: UnderWay): () => void;
  /** False where it is not under way (any more). */
  cancel(session: Session, requestId: Uint8Array): boolean;
}

export function createCancellable(): Cancellable {
  const sessions = new WeakMap<Session, Map<string, UnderWay>>();
  return {
    add(session, requestId, request) {
      const key = toHex(requestId);
      const own = sessions.get(session) ?? new Map<string, UnderWay>();
      sessions.set(session, own);
      // A number that is used twice names the later one; the earlier one ends by itself.
      own.set(key, request);
      return () => {
        if (own.get(key) === request) own.delete(key);
      };
    },
    cancel(session, requestId) {
      const request = sessions.get(session)?.get(toHex(requestId));
      request?.end('client');
      return request !== undefined;
    },
  };
}
