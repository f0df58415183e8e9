import { timingSafeEqual } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { array, either, hexBytes, integer, literal, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { RELEASE_NAME } from '../../wire/message/manifest.ts';
import { HubStartError } from './errors.ts';

/** A release key that may publish here, the word by which it is found, and how much it may store. */
export interface Publisher {
  readonly namespace: string;
  readonly owner: Uint8Array;
  readonly bytes: number | 'any';
}

/** Who may read what is private. The token itself is nowhere: only its SHA-256 is kept. */
export interface ReaderToken {
  readonly name: string;
  readonly sha256: Uint8Array;
  readonly namespaces: readonly string[] | 'any';
}

export interface People {
  readonly publishers: readonly Publisher[];
  readonly readers: readonly ReaderToken[];
}

/** What paths of a hub begin with: a namespace of that name could not be told from them. */
const RESERVED: ReadonlySet<string> = new Set(['api', 'v1', 'models', 'datasets', 'spaces']);

const namespace = text({ min: 1, max: 64, pattern: RELEASE_NAME });

const peopleFile: Reader<People & { readonly version: 1 }> = object<People & { readonly version: 1 }>({
  version: literal(1),
  publishers: array(
    object<Publisher>({
      namespace,
      owner: hexBytes(64),
      bytes: either(literal('any'), integer({ min: 1, max: Number.MAX_SAFE_INTEGER })),
    }),
    { min: 0, max: limits.hubPublishers },
  ),
  readers: array(
    object<ReaderToken>({
      name: text({ min: 1, max: 64, pattern: /[A-Za-z0-9._-]+/ }),
      sha256: hexBytes(32),
      namespaces: either(literal('any'), array(namespace, { min: 1, max: limits.hubPublishers })),
    }),
    { min: 0, max: limits.hubReaders },
  ),
});

export function readPeople(path: string): People {
  try {
    const { publishers, readers } = peopleFile(
      parseJson(Uint8Array.from(readFileSync(path)), limits.hubPublishersBytes),
      'publishers',
    );
    if (publishers.some((each) => RESERVED.has(each.namespace))) throw new TypeError('a namespace is a path of hubs');
    requireOnce(publishers.map((each) => each.namespace));
    requireOnce(publishers.map(({ owner }) => toHex(owner)));
    requireOnce(readers.map(({ name }) => name));
    requireOnce(readers.map((each) => toHex(each.sha256)));
    return { publishers, readers };
  } catch (cause) {
    throw new HubStartError('publishers_invalid', `${path}: ${(cause as Error).message}`, { cause });
  }
}

/** Two lines for one key, or two keys under one name, would leave it to their order who may do what. */
function requireOnce(names: readonly string[]): void {
  if (new Set(names).size < names.length) throw new TypeError('a name or a key stands there twice');
}

/** Every token is compared, each in constant time, as host/http/keys.ts does with its keys. */
export function findReader(
  readers: readonly ReaderToken[],
  authorization: string | undefined,
): ReaderToken | undefined {
  const presented = bearerToken(authorization);
  if (presented === undefined) return undefined;
  const hash = sha256(utf8(presented));
  let found: ReaderToken | undefined;
  for (const reader of readers) if (timingSafeEqual(reader.sha256, hash)) found = reader;
  return found;
}

export function bearerToken(authorization: string | undefined): string | undefined {
  return /^Bearer ([\x21-\x7e]{1,512})$/i.exec(authorization ?? '')?.[1];
}
