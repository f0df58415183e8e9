import { concatBytes, isZero } from '../bytes.ts';
import type { KeyPairX25519, Suite } from '../crypto/suite.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { createSymmetricState, type SymmetricState } from './symmetric.ts';

/**
 * Noise pattern NK, with payloads, as the specification has it:
 *
 *     <- s
 *     ...
 *     -> e, es
 *     <- e, ee
 *
 * Proofmark uses it with empty payloads only, through `index.ts`; payloads exist so that the public vectors run through
 * this very code.
 */
export const PROTOCOL_NAME = 'Noise_NK_25519_AESGCM_SHA256';

/** An ephemeral key and the tag of an empty payload. */
export const EMPTY_MESSAGE_BYTES = 48;
const PUBLIC_KEY = 32;

/** What both sides hold after message 2. Keys are raw: one per direction, never used for the other. */
export interface Transport {
  readonly handshakeHash: Uint8Array;
  readonly sendKey: Uint8Array;
  readonly receiveKey: Uint8Array;
}

export interface InitiatorOptions {
  readonly prologue: Uint8Array;
  readonly remoteStatic: Uint8Array;
  readonly ephemeral?: KeyPairX25519;
  readonly payload: Uint8Array;
}

export interface Initiation {
  readonly message1: Uint8Array;
  /** Can be called once: a refused answer ends the handshake, and the next attempt starts with a new ephemeral key. */
  finish(message2: Uint8Array): Promise<{ readonly payload: Uint8Array; readonly transport: Transport }>;
}

export async function initiate(suite: Suite, options: InitiatorOptions): Promise<Initiation> {
  const { remoteStatic } = options;
  const state = await begin(suite, options.prologue, remoteStatic);
  const ephemeral = options.ephemeral ?? (await suite.generateX25519());
  await state.mixHash(ephemeral.publicKey);
  // A bad static key is the caller's parameter, not a message: the suite's own `key_invalid` says so.
  await state.mixKey(await agree(suite, ephemeral, remoteStatic));
  const message1 = concatBytes(ephemeral.publicKey, await state.encryptAndHash(options.payload));
  checkLength(message1);

  let finished = false;
  return {
    message1,
    async finish(message2) {
      if (finished) throw new WireError('handshake_invalid', 'this handshake has already been answered');
      finished = true;
      const { publicKey, sealed } = splitMessage(message2);
      await state.mixHash(publicKey);
      await state.mixKey(await agreeWithMessageKey(suite, ephemeral, publicKey));
      const payload = await openPayload(state, sealed);
      const handshakeHash = state.handshakeHash();
      const [sendKey, receiveKey] = await state.split();
      return { payload, transport: { handshakeHash, sendKey, receiveKey } };
    },
  };
}

export interface ResponderOptions {
  readonly prologue: Uint8Array;
  readonly localStatic: KeyPairX25519;
  readonly message1: Uint8Array;
  readonly ephemeral?: KeyPairX25519;
  readonly payload: Uint8Array;
}

export interface Response {
  readonly payload: Uint8Array;
  readonly message2: Uint8Array;
  readonly transport: Transport;
}

export async function respond(suite: Suite, options: ResponderOptions): Promise<Response> {
  const { localStatic } = options;
  const received = splitMessage(options.message1);
  const state = await begin(suite, options.prologue, localStatic.publicKey);
  await state.mixHash(received.publicKey);
  await state.mixKey(await agreeWithMessageKey(suite, localStatic, received.publicKey));
  const payload = await openPayload(state, received.sealed);

  const ephemeral = options.ephemeral ?? (await suite.generateX25519());
  await state.mixHash(ephemeral.publicKey);
  await state.mixKey(await agreeWithMessageKey(suite, ephemeral, received.publicKey));
  const message2 = concatBytes(ephemeral.publicKey, await state.encryptAndHash(options.payload));
  checkLength(message2);
  const handshakeHash = state.handshakeHash();
  const [receiveKey, sendKey] = await state.split();
  return { payload, message2, transport: { handshakeHash, sendKey, receiveKey } };
}

async function begin(suite: Suite, prologue: Uint8Array, responderStatic: Uint8Array): Promise<SymmetricState> {
  if (responderStatic.length !== PUBLIC_KEY) throw new WireError('key_invalid', 'an X25519 key has 32 bytes');
  const state = await createSymmetricState(suite, PROTOCOL_NAME);
  await state.mixHash(prologue);
  await state.mixHash(responderStatic);
  return state;
}

function splitMessage(message: Uint8Array): { readonly publicKey: Uint8Array; readonly sealed: Uint8Array } {
  checkLength(message);
  // Copies: the caller's buffer may change while the handshake awaits.
  return { publicKey: message.slice(0, PUBLIC_KEY), sealed: message.slice(PUBLIC_KEY) };
}

function checkLength(message: Uint8Array): void {
  if (message.length < EMPTY_MESSAGE_BYTES || message.length > limits.noiseMessageBytes) {
    throw new WireError('handshake_invalid', `a handshake message of ${message.length} bytes`);
  }
}

/** DESIGN section 5: an all-zero DH aborts. Suites refuse it; asked again here, so that no suite can forget. */
async function agree(suite: Suite, pair: KeyPairX25519, publicKey: Uint8Array): Promise<Uint8Array> {
  const secret = await suite.x25519(pair, publicKey);
  if (isZero(secret)) throw new WireError('key_invalid', 'X25519 gave an all-zero secret');
  return secret;
}

async function agreeWithMessageKey(suite: Suite, pair: KeyPairX25519, publicKey: Uint8Array): Promise<Uint8Array> {
  try {
    return await agree(suite, pair, publicKey);
  } catch (error) {
    if (error instanceof WireError && error.code === 'key_invalid') {
      throw new WireError('handshake_invalid', 'the key in the message is of low order');
    }
    throw error;
  }
}

async function openPayload(state: SymmetricState, sealed: Uint8Array): Promise<Uint8Array> {
  const payload = await state.decryptAndHash(sealed);
  if (payload === undefined) throw new WireError('handshake_invalid', 'the tag of the message does not hold');
  return payload;
}
