import {
  CHUNK_BYTES,
  decodeEncryptedRelease,
  type EncryptedRelease,
  encodeEncryptedRelease,
} from '../../../wire/message/encrypted-release.ts';
import { exact } from '../refused.ts';

/** What lies beside an encrypted release is anybody's writing, and has one spelling. */
export const fuzz: (data: Uint8Array) => void = exact(decodeEncryptedRelease, encodeEncryptedRelease);

const usual: EncryptedRelease = {
  schema: 'proofmark encrypted release v1',
  modelId: new Uint8Array(32).fill(1),
  kmsKeyId: 'arn:aws:kms:eu-central-1:111122223333:key/1',
  ciphertextBlob: Uint8Array.of(1, 2, 3),
  chunkBytes: CHUNK_BYTES,
};

export const seeds: readonly Uint8Array[] = [encodeEncryptedRelease(usual)];
