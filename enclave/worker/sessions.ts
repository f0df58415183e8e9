import { randomBytes } from 'node:crypto';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import type { KeyPairX25519 } from '../../wire/crypto/suite.ts';
import { SESSION_ID_BYTES } from '../../wire/message/link.ts';
import { acceptHandshake, createReplayWindow, proofmarkPrologue, type Transport } from '../../wire/noise/index.ts';

export interface Session {
  readonly transport: Transport;
  /** The one channel that requests of this session may charge, once its key has signed for it. */
  channel: Uint8Array | null;
  /** Throws `record_replayed` for a request number that was seen, or is below the window. */
  accept(request: number): void;
}

export interface Sessions {
  /** Answers Noise message 1; the id only routes, it is no secret. */
  open(message1: Uint8Array): Promise<{ readonly sessionId: Uint8Array; readonly message2: Uint8Array }>;
  find(sessionId: Uint8Array): Session | undefined;
}

/**
 * Sessions live in memory and end with the process. The table is bounded: when it is full, the session that was quiet
 * for longest goes, because without a clock nobody can say that a silent client has left.
 */
export function createSessions(options: {
  readonly log: Uint8Array;
  readonly seal: KeyPairX25519;
  readonly ephemeral: () => KeyPairX25519;
  readonly capacity: number;
}): Sessions {
  const table = new Map<string, Session>();
  return {
    async open(message1) {
      const { message2, transport } = await acceptHandshake(nodeSuite, {
        prologue: proofmarkPrologue(options.log),
        localStatic: options.seal,
        message1,
        ephemeral: options.ephemeral(),
      });
      const sessionId = new Uint8Array(randomBytes(SESSION_ID_BYTES));
      const window = createReplayWindow();
      table.set(toHex(sessionId), { transport, channel: null, accept: (request) => window.accept(request) });
      if (table.size > options.capacity) {
        const quietest = table.keys().next().value;
        if (quietest !== undefined) table.delete(quietest);
      }
      return { sessionId, message2 };
    },
    find(sessionId) {
      const key = toHex(sessionId);
      const session = table.get(key);
      if (session === undefined) return undefined;
      // Maps keep insertion order: putting it back makes it the most recent.
      table.delete(key);
      table.set(key, session);
      return session;
    },
  };
}
