import { createPrivateKey } from 'node:crypto';
import { publicPoint, signP256 } from '../../wire/crypto/node-sign.ts';
import { WireError } from '../../wire/errors.ts';
import { CommandError } from '../exit-codes.ts';
import { readText } from './hub-options.ts';

/** The key that a publisher's releases are under. It stays in this process. */
export interface OwnerKey {
  readonly owner: Uint8Array;
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
}

const PEM_BYTES = 16_384;

export async function readOwnerKey(path: string): Promise<OwnerKey> {
  const pem = await readText(path, PEM_BYTES);
  try {
    const key = createPrivateKey(pem);
    return { owner: publicPoint(key).slice(1), sign: async (message) => signP256(key, message) };
  } catch (error) {
    if (error instanceof WireError) throw new CommandError(`${path}: ${error.message}`);
    // What the platform says of a malformed key may quote it.
    throw new CommandError(`${path} is no private key in PEM without a pass phrase`);
  }
}
