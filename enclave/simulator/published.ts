import { createHash, type KeyObject } from 'node:crypto';
import { SimulatorError } from './errors.ts';

/**
 * SHA-256 of public keys (SubjectPublicKeyInfo) whose private halves are published with this project's test vectors.
 * Whoever trusted one would trust everybody, so no launcher starts with it.
 */
const PUBLISHED_KEYS: ReadonlySet<string> = new Set([
  '4f15a2a4848bab9be1dbfa480499a78bba79983c33f1789c5f2f97a4f0d4bacf',
]);

export function refusePublishedKey(key: KeyObject): void {
  const spki = key.export({ type: 'spki', format: 'der' });
  if (!PUBLISHED_KEYS.has(createHash('sha256').update(spki).digest('hex'))) return;
  throw new SimulatorError('root_unsafe', 'the private key of this root is published: it is for test vectors only');
}
