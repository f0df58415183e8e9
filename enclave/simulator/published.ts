import { createHash, type KeyObject } from 'node:crypto';
import { SimulatorError } from './errors.ts';

/**
 * SHA-256 of public keys (SubjectPublicKeyInfo) whose private halves are published with this project's test vectors.
 * Whoever trusted one would trust everybody, so no launcher starts with it.
 */
const PUBLISHED_KEYS: ReadonlySet<string> = new Set([
  // AWS Nitro: root.
  '4f15a2a4848bab9be1dbfa480499a78bba79983c33f1789c5f2f97a4f0d4bacf',
  // AMD SEV-SNP: ARK, ASK, ASVK.
  '5ef864a8bb0d812c76eba08e4b717dcf39d7c977bae035fc7a1b8d0ef4d56bba',
  '191e8da1e2a6b79f7ac212d07c18fb3aba49c9c3c4885e9446b78ec6c56bd243',
  '053cb4fd90ff2bc2f5fb6ab360e31057372fa9a838f6be8aa3e8a5004b612659',
]);

export function refusePublishedKey(key: KeyObject): void {
  const spki = key.export({ type: 'spki', format: 'der' });
  if (!PUBLISHED_KEYS.has(createHash('sha256').update(spki).digest('hex'))) return;
  throw new SimulatorError('root_unsafe', 'this key is published: it is for test vectors only');
}
