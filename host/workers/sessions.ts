import { equalBytes, toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { LinkError } from '../errors.ts';

/** Which worker answered each handshake. Records are of use to that worker only: no other has their keys. */
export interface SessionTable {
  /** Throws where the id is another worker's: whoever chooses an id must not take over somebody else's session by it. */
  remember(sessionId: Uint8Array, owner: SessionOwner, modelId?: Uint8Array): void;
  /** Undefined where nobody is known to have that session. */
  find(sessionId: Uint8Array): FoundSession | undefined;
  /** A worker that comes with another log has no sessions of the old one. */
  isNow(owner: SessionOwner): void;
}

export interface SessionOwner {
  readonly index: number;
  readonly log: Uint8Array;
}

export interface FoundSession {
  readonly index: number;
  /** What whoever opened it said that it is for; they may have said nothing. */
  readonly modelId?: Uint8Array;
}

interface Kept {
  readonly log: Uint8Array;
  /** In the order of their last use. */
  readonly ids: Map<string, Uint8Array | undefined>;
}

/** Each worker has a table of its own, of the size of the largest that a worker can have: a flood at one ends no session of another. */
export function createSessionTable(): SessionTable {
  const tables = new Map<number, Kept>();

  function tableOf({ index, log }: SessionOwner): Kept {
    const kept = tables.get(index);
    if (kept !== undefined && equalBytes(kept.log, log)) return kept;
    const fresh: Kept = { log, ids: new Map() };
    tables.set(index, fresh);
    return fresh;
  }

  function ownerOf(id: string): number | undefined {
    for (const [index, { ids }] of tables) if (ids.has(id)) return index;
    return undefined;
  }

  return {
    remember(sessionId, owner, modelId) {
      const id = toHex(sessionId);
      const { ids } = tableOf(owner);
      if (ownerOf(id) !== undefined) throw new LinkError('worker_protocol', 'the session has an id that is taken');
      if (ids.size >= limits.sessions) ids.delete(ids.keys().next().value as string);
      ids.set(id, modelId);
    },
    find(sessionId) {
      const id = toHex(sessionId);
      const index = ownerOf(id);
      if (index === undefined) return undefined;
      const { ids } = tables.get(index) as Kept;
      const modelId = ids.get(id);
      ids.delete(id);
      ids.set(id, modelId);
      return { index, ...(modelId === undefined ? {} : { modelId }) };
    },
    isNow: (owner) => void tableOf(owner),
  };
}
