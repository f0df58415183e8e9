import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { concatBytes, fromHex, toHex, utf8 } from '../../../wire/bytes.ts';
import { hexBytes, integer, literal, object, type Reader, text } from '../../../wire/codec/fields.ts';
import { parseJson } from '../../../wire/codec/json.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { SimulatorError } from '../errors.ts';
import { KmsFault } from './fault.ts';
import { type KeyPolicy, parseKeyPolicy } from './policy.ts';

/** A symmetric key of the stand-in: its material never leaves this file. */
export interface KmsKey {
  readonly id: string;
  readonly arn: string;
  /** Milliseconds since 1970. */
  readonly created: number;
  readonly policy: KeyPolicy;
}

export type EncryptionContext = Readonly<Record<string, string>>;

export interface KeyStore {
  create(policy: KeyPolicy): KmsKey;
  setPolicy(id: string, policy: KeyPolicy): void;
  /** By id or ARN. */
  find(name: string): KmsKey;
  wrap(id: string, plaintext: Uint8Array, context: EncryptionContext): Uint8Array;
  /** The key that a wrapped text names; nothing says yet that it is genuine. */
  keyOf(blob: Uint8Array): KmsKey;
  unwrap(blob: Uint8Array, context: EncryptionContext): Uint8Array;
}

/** ".invalid" regions and accounts: an ARN of the stand-in is never one of AWS's. */
const ARN = 'arn:aws:kms:zz-simulated-1:000000000000:key/';
const VERSION = 1;
const NONCE_BYTES = 12;
const HEADER_BYTES = 1 + 16 + NONCE_BYTES;

interface StoredKey {
  readonly version: 1;
  readonly id: string;
  readonly created: number;
  readonly material: Uint8Array;
  readonly policy: string;
}

const stored: Reader<StoredKey> = object<StoredKey>({
  version: literal(1),
  id: text({ min: 36, max: 36, pattern: /[0-9a-f-]+/ }),
  created: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  material: hexBytes(32),
  policy: text({ min: 2, max: limits.kmsPolicyBytes }),
});

/** Keys in memory and, with a folder, on disk: a wrapped key on a publisher's disk must open after a restart. */
export function openKeyStore(folder: string | 'memory', now: () => number): KeyStore {
  const keys = new Map<string, { readonly key: KmsKey; readonly material: Uint8Array }>();
  if (folder !== 'memory') load(folder);

  function load(from: string): void {
    mkdirSync(from, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(from).filter((file) => file.endsWith('.json'))) {
      try {
        const { id, created, material, policy } = stored(
          parseJson(readFileSync(join(from, name)), 2 * limits.kmsPolicyBytes),
          name,
        );
        keys.set(id, { key: { id, arn: ARN + id, created, policy: parseKeyPolicy(policy) }, material });
      } catch (error) {
        throw new SimulatorError('kms_state_invalid', `${name}: ${(error as Error).message}`);
      }
    }
  }

  function save(id: string): void {
    const entry = keys.get(id);
    if (entry === undefined || folder === 'memory') return;
    const { key, material } = entry;
    const value = { version: 1, id, created: key.created, material: toHex(material), policy: key.policy.text };
    const path = join(folder, `${id}.json`);
    // Renamed into place: a crash in between leaves the older file, never half of one.
    writeFileSync(`${path}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
    renameSync(`${path}.new`, path);
  }

  function entryOf(id: string): { readonly key: KmsKey; readonly material: Uint8Array } {
    const entry = keys.get(id);
    if (entry === undefined) throw new KmsFault('NotFoundException', `Key '${ARN}${id.slice(0, 64)}' does not exist`);
    return entry;
  }

  return {
    create(policy) {
      const id = randomUUID();
      const key = { id, arn: ARN + id, created: now(), policy };
      keys.set(id, { key, material: new Uint8Array(randomBytes(32)) });
      save(id);
      return key;
    },
    setPolicy(id, policy) {
      const entry = entryOf(id);
      keys.set(id, { ...entry, key: { ...entry.key, policy } });
      save(id);
    },
    find: (name) => entryOf(name.startsWith(ARN) ? name.slice(ARN.length) : name).key,
    wrap(id, plaintext, context) {
      const nonce = new Uint8Array(randomBytes(NONCE_BYTES));
      const header = concatBytes(Uint8Array.of(VERSION), fromHex(id.replaceAll('-', ''), 16), nonce);
      const associated = concatBytes(header, canonical(context));
      return concatBytes(header, nodeSuite.sealAesGcm(entryOf(id).material, nonce, associated, plaintext));
    },
    keyOf: (blob) => entryOf(nameIn(blob)).key,
    unwrap(blob, context) {
      const header = blob.subarray(0, HEADER_BYTES);
      const { material } = entryOf(nameIn(blob));
      const nonce = header.subarray(HEADER_BYTES - NONCE_BYTES);
      const associated = concatBytes(header, canonical(context));
      const plaintext = nodeSuite.openAesGcm(material, nonce, associated, blob.subarray(HEADER_BYTES));
      // As KMS: whether text or context was changed is not said.
      if (plaintext === undefined) throw new KmsFault('InvalidCiphertextException', '');
      return plaintext;
    },
  };

  function nameIn(blob: Uint8Array): string {
    if (blob.length <= HEADER_BYTES || blob[0] !== VERSION) throw new KmsFault('InvalidCiphertextException', '');
    const hex = toHex(blob.subarray(1, 17));
    const id = hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
    if (!keys.has(id)) throw new KmsFault('InvalidCiphertextException', '');
    return id;
  }
}

function canonical(context: EncryptionContext): Uint8Array {
  const pairs = Object.entries(context).sort(([a], [b]) => (a < b ? -1 : 1));
  return utf8(JSON.stringify(pairs));
}
