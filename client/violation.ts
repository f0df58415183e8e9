import { WireError } from '../wire/errors.ts';
import { ClientError } from './errors.ts';

/** Whoever sent bytes that are not what they must be has broken the protocol. */
export function violation<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', error.message, { reason: error.code });
  }
}
