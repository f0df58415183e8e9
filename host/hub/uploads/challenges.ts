import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { HubError } from '../errors.ts';

/**
 * Nonces that cost nothing until they are used: 8 bytes of time, 8 of chance, and half a MAC of both under a key of this
 * process. Whoever asks for millions fills no table and pushes nobody's out; a restart voids them all.
 */
export interface Challenges {
  issue(): Uint8Array;
  /** Whether it is of this hub, and young enough; says nothing of whether it was used. */
  isIssued(nonce: Uint8Array): boolean;
  /** Takes it, once. Only after its signature was checked: nobody else may use up a publisher's nonce. */
  redeem(nonce: Uint8Array): void;
}

const HEAD_BYTES = 16;
const NONCE_BYTES = 32;

export function createChallenges(now: () => number): Challenges {
  const key = randomBytes(32);
  /** By nonce, when it stops to count anyway; in the order in which they were used. */
  const used = new Map<string, number>();

  function tagOf(head: Uint8Array): Uint8Array {
    return createHmac('sha256', key)
      .update(head)
      .digest()
      .subarray(0, NONCE_BYTES - HEAD_BYTES);
  }

  function isIssued(nonce: Uint8Array): boolean {
    if (nonce.length !== NONCE_BYTES) return false;
    const head = nonce.subarray(0, HEAD_BYTES);
    if (!timingSafeEqual(tagOf(head), nonce.subarray(HEAD_BYTES))) return false;
    const age = now() - Number(Buffer.from(head).readBigUInt64BE(0));
    return age >= 0 && age <= limits.hubNonceMilliseconds;
  }

  return {
    issue() {
      const head = randomBytes(HEAD_BYTES);
      head.writeBigUInt64BE(BigInt(Math.floor(now())), 0);
      return Uint8Array.from(Buffer.concat([head, tagOf(head)]));
    },
    isIssued,
    redeem(nonce) {
      const name = toHex(nonce);
      if (!isIssued(nonce) || used.has(name)) throw new HubError('nonce_unknown');
      for (const [other, end] of used) {
        if (end > now()) break;
        used.delete(other);
      }
      // Forgetting one early would let it be used again.
      if (used.size >= limits.hubNonces) throw new HubError('busy');
      used.set(name, now() + 2 * limits.hubNonceMilliseconds);
    },
  };
}
