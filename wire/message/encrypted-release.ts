import { concatBytes, equalBytes, toBase64url, toHex, u32 } from '../bytes.ts';
import { base64urlBytes, hexBytes, literal, object, type Reader, text } from '../codec/fields.ts';
import { canonicalJson, parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { tagWord } from '../words.ts';

/**
 * How a release travels encrypted (DESIGN section 7). The manifest stays readable: its digests are of the plaintext, so
 * `modelId` is known before anything is encrypted, and everything below is bound to it.
 *
 * One data key per release comes from KMS `GenerateDataKey` under the encryption context {"proofmark:modelId": hex}. The
 * key of file i is HKDF-SHA-256(data key, salt = modelId, info = "proofmark file v1" || u32 i). A file is cut into chunks
 * of 64 KiB, and its last chunk may be shorter; an empty file is one empty chunk. Each chunk is sealed with AES-256-GCM,
 * nonce = u32 0 || u32 chunk || u32 final and associated data = "proofmark chunk v1" || modelId || u32 file || u32 chunk
 * || u8 final. Numbers are big-endian, the two quoted tags are padded to a word. A chunk that was cut, moved, repeated or
 * taken from another file or release has another nonce or key, so its tag does not hold.
 *
 * A file `a/b` is stored as `a/b.enc`, beside them this envelope as `encryption.json`.
 */
export interface EncryptedRelease {
  readonly schema: 'proofmark encrypted release v1';
  readonly modelId: Uint8Array;
  /** The KMS key that wraps the data key: an ARN, so that whoever calls KMS can name the key that it means. */
  readonly kmsKeyId: string;
  /** The data key, wrapped by that key. */
  readonly ciphertextBlob: Uint8Array;
  readonly chunkBytes: typeof CHUNK_BYTES;
}

export const CHUNK_BYTES = 65_536;
export const DATA_KEY_BYTES = 32;
export const ENCRYPTED_SUFFIX = '.enc';
export const ENVELOPE_FILE = 'encryption.json';
const TAG_BYTES = 16;
export const SEALED_CHUNK_BYTES: number = CHUNK_BYTES + TAG_BYTES;

const envelope: Reader<EncryptedRelease> = object<EncryptedRelease>({
  schema: literal('proofmark encrypted release v1'),
  modelId: hexBytes(32),
  kmsKeyId: text({ min: 1, max: limits.kmsKeyIdBytes, pattern: /[\x21-\x7e]+/ }),
  ciphertextBlob: base64urlBytes({ min: 1, max: limits.kmsCiphertextBytes }),
  chunkBytes: literal(CHUNK_BYTES),
});

/** The canonical bytes only, as for manifests. Nobody signs them: what they lead to is held against the manifest. */
export function decodeEncryptedRelease(encoded: Uint8Array): EncryptedRelease {
  const json = parseJson(encoded, limits.encryptedReleaseBytes);
  const value = envelope(json, 'encryption');
  if (!equalBytes(canonicalJson(json), encoded)) {
    throw new WireError('json_malformed', 'not in canonical form (RFC 8785)', { field: 'encryption' });
  }
  return value;
}

export function encodeEncryptedRelease(value: EncryptedRelease): Uint8Array {
  const encoded = canonicalJson({
    ...value,
    modelId: toHex(value.modelId),
    ciphertextBlob: toBase64url(value.ciphertextBlob),
  });
  decodeEncryptedRelease(encoded);
  return encoded;
}

/** What KMS authenticates with the wrapped key, and what a key policy can name. Computed, never read from a file. */
export function encryptionContext(modelId: Uint8Array): Readonly<Record<string, string>> {
  return { 'proofmark:modelId': toHex(modelId) };
}

/**
 * `user_data` of a document for KMS is the SHA-256 of this (DESIGN section 3): never an identity, whose tag is another.
 */
export function kmsPreimage(log: Uint8Array, modelId: Uint8Array): Uint8Array {
  return concatBytes(tagWord('proofmark kms v1'), log, modelId);
}

export function chunkCount(size: number): number {
  return Math.max(1, Math.ceil(size / CHUNK_BYTES));
}

export function encryptedSize(size: number): number {
  return size + chunkCount(size) * TAG_BYTES;
}

/** Where a chunk belongs. */
export interface ChunkPlace {
  readonly modelId: Uint8Array;
  readonly file: number;
  readonly chunk: number;
  readonly final: boolean;
}

export function fileKeyInfo(file: number): Uint8Array {
  return concatBytes(tagWord('proofmark file v1'), u32(file));
}

export function chunkNonce({ chunk, final }: ChunkPlace): Uint8Array {
  return concatBytes(u32(0), u32(chunk), u32(final ? 1 : 0));
}

export function chunkAssociated({ modelId, file, chunk, final }: ChunkPlace): Uint8Array {
  return concatBytes(tagWord('proofmark chunk v1'), modelId, u32(file), u32(chunk), Uint8Array.of(final ? 1 : 0));
}
