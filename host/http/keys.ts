import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { utf8 } from '../../wire/bytes.ts';
import { array, either, hexBytes, integer, literal, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';

/** One caller that the operator knows. The key itself is nowhere: only its SHA-256 is kept, and that in a file. */
export interface ApiKey {
  readonly name: string;
  readonly sha256: Uint8Array;
  /** Requests per second, and how many at once after a pause. */
  readonly perSecond: number | 'any';
  readonly burst: number;
}

interface KeyFile {
  readonly version: 1;
  readonly keys: readonly ApiKey[];
}

const keyFile: Reader<KeyFile> = object<KeyFile>({
  version: literal(1),
  keys: array(
    object<ApiKey>({
      name: text({ min: 1, max: 64, pattern: /[A-Za-z0-9._-]+/ }),
      sha256: hexBytes(32),
      perSecond: either(literal('any'), integer({ min: 1, max: 1_000_000 })),
      burst: integer({ min: 1, max: 1_000_000 }),
    }),
    { min: 1, max: limits.apiKeys },
  ),
});

/** Throws what the file system or the reader says; whoever asks knows which option named the file. */
export function readApiKeys(path: string): readonly ApiKey[] {
  const { keys } = keyFile(parseJson(Uint8Array.from(readFileSync(path)), limits.apiKeyFileBytes), 'keys');
  const names = new Set(keys.map(({ name }) => name));
  const hashes = new Set(keys.map(({ sha256: hash }) => Buffer.from(hash).toString('hex')));
  if (names.size < keys.length || hashes.size < keys.length) throw new TypeError('a name or a key stands there twice');
  return keys;
}

/**
 * Every key is compared, each in constant time: neither which one matched nor how much of one shows in the time. What is
 * compared are hashes, so that there would be nothing to approach byte by byte in any case.
 */
export function findKey(keys: readonly ApiKey[], authorization: string | undefined): ApiKey | undefined {
  const presented = /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
  if (presented === undefined) return undefined;
  const hash = sha256(utf8(presented));
  let found: ApiKey | undefined;
  for (const key of keys) if (timingSafeEqual(key.sha256, hash)) found = key;
  return found;
}
