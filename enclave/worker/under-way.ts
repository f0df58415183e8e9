import { toHex } from '../../wire/bytes.ts';
import type { Session } from './sessions.ts';

/** By whom: the client, by a sealed record, or the host, which says that nobody waits. */
export type Ending = 'client' | 'host';

/** A request between its arrival and its answer. */
export interface UnderWay {
  readonly endedBy: Ending | null;
  /** Aborted when it is ended. */
  readonly signal: AbortSignal;
  end(by: Ending): void;
}

export function beginRequest(): UnderWay {
  // Made when it is asked for: most requests end before anybody wants to end them, and a signal costs more than a hash.
  let controller: AbortController | undefined;
  let ended: Ending | undefined;
  return {
    get signal() {
      controller ??= new AbortController();
      if (ended !== undefined) controller.abort(ended);
      return controller.signal;
    },
    get endedBy() {
      return ended ?? null;
    },
    end(by) {
      ended ??= by;
      controller?.abort(ended);
    },
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
