import { fromBase64url } from '../../wire/bytes.ts';
import { normaliseS } from '../../wire/crypto/ecdsa.ts';
import { ClientError } from '../errors.ts';

/**
 * The key that signs vouchers and opens sessions: P-256, so that no wallet has to sign for a call. Whoever has it can
 * spend what the channel holds, within what the channel's payee can show; whoever loses it closes the channel.
 */
export interface SessionKey {
  readonly x: Uint8Array;
  readonly y: Uint8Array;
  sign(message: Uint8Array): Promise<Uint8Array>;
  /** For the caller's own store. */
  export(): Promise<StoredKey>;
}

export interface StoredKey {
  readonly kty: 'EC';
  readonly crv: 'P-256';
  readonly x: string;
  readonly y: string;
  readonly d: string;
}

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;

type Subtle = typeof globalThis.crypto.subtle;
type WebKey = Awaited<ReturnType<Subtle['importKey']>>;

/** A fresh key that a channel names and that signs its vouchers. */
export async function createSessionKey(): Promise<SessionKey> {
  const { privateKey } = (await globalThis.crypto.subtle.generateKey(P256, true, ['sign'])) as {
    readonly privateKey: WebKey;
  };
  return keyOf(privateKey);
}

/** The key that `export` gave. */
export async function importSessionKey(stored: StoredKey): Promise<SessionKey> {
  try {
    return await keyOf(await globalThis.crypto.subtle.importKey('jwk', { ...stored }, P256, true, ['sign']));
  } catch {
    throw new ClientError('argument_invalid', 'the stored key is no P-256 key');
  }
}

async function keyOf(privateKey: WebKey): Promise<SessionKey> {
  const { subtle } = globalThis.crypto;
  const { x = '', y = '', d = '' } = await subtle.exportKey('jwk', privateKey);
  return {
    x: fromBase64url(x),
    y: fromBase64url(y),
    sign: async (message) => {
      const made = await subtle.sign({ name: 'ECDSA', hash: 'SHA-256' }, privateKey, Uint8Array.from(message));
      return normaliseS(new Uint8Array(made));
    },
    export: async () => ({ kty: 'EC', crv: 'P-256', x, y, d }),
  };
}
