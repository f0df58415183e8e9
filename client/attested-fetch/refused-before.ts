import { concatBytes, toHex, utf8 } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { limits } from '../../wire/limits.ts';
import { type ClientError, isDistrust } from '../errors.ts';

/**
 * Clients of the OpenAI API repeat a call that was rejected, and cannot be told not to. Evidence that failed would so be
 * tried again until it passes, or until another worker answers, and nobody would hear of it. Therefore the same call
 * fails with the same error for a while, and nothing is sent.
 */
export interface RefusedBefore {
  check(path: string, body: Uint8Array): Promise<void>;
  note(path: string, body: Uint8Array, error: unknown): Promise<void>;
}

/** Such clients are done after some seconds. Who calls after this has read the error, or was restarted. */
const MEMORY_MS = 600_000;

export function createRefusedBefore(suite: Suite, now: () => number): RefusedBefore {
  const refused = new Map<string, { readonly error: ClientError; readonly until: number }>();
  const keyOf = async (path: string, body: Uint8Array): Promise<string> =>
    toHex(await suite.sha256(concatBytes(utf8(`${path}\n`), body)));

  return {
    async check(path, body) {
      if (refused.size === 0) return;
      const key = await keyOf(path, body);
      const found = refused.get(key);
      if (found === undefined) return;
      if (now() <= found.until) throw found.error;
      refused.delete(key);
    },
    async note(path, body, error) {
      if (!isDistrust(error)) return;
      const [oldest] = refused.keys();
      if (refused.size >= limits.refusedCalls && oldest !== undefined) refused.delete(oldest);
      refused.set(await keyOf(path, body), { error, until: now() + MEMORY_MS });
    },
  };
}
