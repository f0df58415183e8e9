import { concatBytes } from '../bytes.ts';
import type { KeyPairX25519, Suite } from '../crypto/suite.ts';
import { WireError } from '../errors.ts';
import { bytes32Word, tagWord } from '../words.ts';
import { EMPTY_MESSAGE_BYTES, initiate, respond, type Transport } from './handshake.ts';

export { PROTOCOL_NAME, type Transport } from './handshake.ts';
export { openRecord, type RecordPadding, type RecordPlace, sealRecord } from './record.ts';
export {
  createRecordSequence,
  createReplayWindow,
  createRequestCounter,
  type RecordSequence,
  type ReplayWindow,
  type RequestCounter,
} from './sequence.ts';

/**
 * Sessions (DESIGN section 5): the client knows the attested seal key, and one round trip gives both sides fresh keys.
 * Both payloads are empty, so a message is exactly 48 bytes. The client is not authenticated; it cannot be replayed
 * either, since the worker's ephemeral key enters every transport key.
 */
export interface StartOptions {
  readonly prologue: Uint8Array;
  /** The worker's seal key, from an identity that was proven. */
  readonly remoteStatic: Uint8Array;
  /** Fresh for each handshake. Absent: drawn by the suite. */
  readonly ephemeral?: KeyPairX25519;
}

export interface StartedHandshake {
  readonly message1: Uint8Array;
  /** Can be called once: an answer of the right length, accepted or refused, ends the handshake. */
  finish(message2: Uint8Array): Promise<Transport>;
}

export async function startHandshake(suite: Suite, options: StartOptions): Promise<StartedHandshake> {
  const handshake = await initiate(suite, { ...options, payload: new Uint8Array(0) });
  return {
    message1: handshake.message1,
    async finish(message2) {
      requireEmptyPayload(message2);
      return (await handshake.finish(message2)).transport;
    },
  };
}

export interface AcceptOptions {
  readonly prologue: Uint8Array;
  readonly localStatic: KeyPairX25519;
  readonly message1: Uint8Array;
  /** Fresh for each handshake. Absent: drawn by the suite. */
  readonly ephemeral?: KeyPairX25519;
}

export interface AcceptedHandshake {
  readonly message2: Uint8Array;
  readonly transport: Transport;
}

export async function acceptHandshake(suite: Suite, options: AcceptOptions): Promise<AcceptedHandshake> {
  requireEmptyPayload(options.message1);
  const { message2, transport } = await respond(suite, { ...options, payload: new Uint8Array(0) });
  return { message2, transport };
}

/** Binds a session to one log: "proofmark/1" || log, both words (DESIGN sections 3 and 5). */
export function proofmarkPrologue(log: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark/1'), bytes32Word(log));
}

function requireEmptyPayload(message: Uint8Array): void {
  if (message.length !== EMPTY_MESSAGE_BYTES) {
    throw new WireError('handshake_invalid', `expected ${EMPTY_MESSAGE_BYTES} bytes, got ${message.length}`);
  }
}
