import { readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { canonicalJson, type JsonValue } from '../../../wire/codec/json.ts';
import { fileKey, openChunk, sealChunk } from '../../../wire/crypto/release-cipher.ts';
import { limits } from '../../../wire/limits.ts';
import {
  CHUNK_BYTES,
  chunkCount,
  decodeEncryptedRelease,
  ENCRYPTED_SUFFIX,
  ENVELOPE_FILE,
  type EncryptedRelease,
  encodeEncryptedRelease,
  encryptedSize,
  encryptionContext,
  kmsPreimage,
  SEALED_CHUNK_BYTES,
} from '../../../wire/message/encrypted-release.ts';
import { logPreimage } from '../../../wire/message/identity.ts';
import { refusalOf } from '../codec/support.ts';

const modelId = new Uint8Array(32).map((_, index) => index);
const usual: EncryptedRelease = {
  schema: 'proofmark encrypted release v1',
  modelId,
  kmsKeyId: 'arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab',
  ciphertextBlob: Uint8Array.of(1, 2, 3),
  chunkBytes: CHUNK_BYTES,
};

describe('an envelope', () => {
  it('has one spelling', () => {
    const encoded = encodeEncryptedRelease(usual);
    expect(decodeEncryptedRelease(encoded)).toEqual(usual);
    const spaced = utf8(` ${new TextDecoder().decode(encoded)}`);
    expect(refusalOf(() => decodeEncryptedRelease(spaced))).toEqual({
      code: 'json_malformed',
      place: { field: 'encryption' },
    });
  });

  const json = {
    schema: usual.schema,
    modelId: toHex(modelId),
    kmsKeyId: usual.kmsKeyId,
    ciphertextBlob: 'AQID',
    chunkBytes: CHUNK_BYTES,
  };
  const cases: readonly (readonly [string, JsonValue, field: string])[] = [
    ['another schema', { ...json, schema: 'proofmark encrypted release v2' }, 'encryption.schema'],
    ['a short model id', { ...json, modelId: '00' }, 'encryption.modelId'],
    ['no key', { ...json, kmsKeyId: '' }, 'encryption.kmsKeyId'],
    ['a key with a space in its name', { ...json, kmsKeyId: 'a b' }, 'encryption.kmsKeyId'],
    ['a blob that is too large', { ...json, ciphertextBlob: 'A'.repeat(8_196) }, 'encryption.ciphertextBlob'],
    ['chunks of another size', { ...json, chunkBytes: 4_096 }, 'encryption.chunkBytes'],
    ['a context of its own', { ...json, context: { a: 'b' } }, 'encryption.context'],
  ];

  it.each(cases)('with %s is refused there', (_, value, field) => {
    expect(refusalOf(() => decodeEncryptedRelease(canonicalJson(value)))).toMatchObject({ place: { field } });
  });

  it('is what its published schema says', () => {
    const schema = readFileSync('attestations/schemas/proofmark-encrypted-release.schema.json', 'utf8');
    const validate = new Ajv2020({ strict: true, allErrors: true }).compile(JSON.parse(schema) as object);
    expect(validate(JSON.parse(new TextDecoder().decode(encodeEncryptedRelease(usual))))).toBe(true);
    for (const [says, value] of cases) expect([says, validate(value)]).toEqual([says, false]);
  });

  it('is read within bounds', () => {
    expect(() => decodeEncryptedRelease(new Uint8Array(limits.encryptedReleaseBytes + 1))).toThrow('too_large');
  });
});

describe('what binds a key', () => {
  it('names the model to KMS', () => {
    expect(encryptionContext(modelId)).toEqual({ 'proofmark:modelId': toHex(modelId) });
  });

  it('is told apart from an identity by its first word, and names worker and model', () => {
    const log = new Uint8Array(32).fill(7);
    const preimage = kmsPreimage(log, modelId);
    expect(toHex(preimage)).toBe(toHex(utf8('proofmark kms v1')) + '00'.repeat(16) + '07'.repeat(32) + toHex(modelId));
    expect(toHex(logPreimage(new Uint8Array(320)).subarray(0, 32))).not.toBe(toHex(preimage.subarray(0, 32)));
  });
});

describe('a chunk', () => {
  const dataKey = new Uint8Array(32).fill(5);
  const key = fileKey(dataKey, modelId, 3);
  const place = { modelId, file: 3, chunk: 7, final: false };
  const sealed = sealChunk(key, place, utf8('weights'));

  it('is the same bytes for ever', () => {
    // HKDF-SHA-256 and AES-256-GCM of the layout in the file's comment, computed apart with Python's hmac and cryptography.
    expect(toHex(sealed)).toBe('0d211f17008e0bf15768ed42b7f96ff0431ec97b71924a');
    expect(openChunk(key, place, sealed)).toEqual(utf8('weights'));
  });

  it.each([
    ['another chunk', { ...place, chunk: 8 }, key],
    ['the last one', { ...place, final: true }, key],
    ['another file', { ...place, file: 2 }, key],
    ['another model', { ...place, modelId: new Uint8Array(32) }, key],
    ['another file’s key', place, fileKey(dataKey, modelId, 2)],
    ['another model’s key', place, fileKey(dataKey, new Uint8Array(32), 3)],
    ['another data key', place, fileKey(new Uint8Array(32), modelId, 3)],
  ])('opens for no %s', (_, at, by) => {
    expect(openChunk(by, at, sealed)).toBeUndefined();
  });
});

describe('what others look for', () => {
  it('lies where the published layout says', () => {
    expect([ENVELOPE_FILE, `weights.onnx${ENCRYPTED_SUFFIX}`]).toEqual(['encryption.json', 'weights.onnx.enc']);
  });

  it('is in chunks as long as a sealed one', () => {
    const place = { modelId, file: 0, chunk: 0, final: true };
    expect(sealChunk(new Uint8Array(32), place, new Uint8Array(CHUNK_BYTES))).toHaveLength(SEALED_CHUNK_BYTES);
  });
});

describe('sizes', () => {
  it.each([
    [0, 1, 16],
    [1, 1, 17],
    [CHUNK_BYTES, 1, CHUNK_BYTES + 16],
    [CHUNK_BYTES + 1, 2, CHUNK_BYTES + 33],
  ])('a file of %i bytes has %i chunks', (size, chunks, encrypted) => {
    expect(chunkCount(size)).toBe(chunks);
    expect(encryptedSize(size)).toBe(encrypted);
  });

  it('every size has one', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: limits.modelFileBytes }), (size) => {
        expect((chunkCount(size) - 1) * CHUNK_BYTES).toBeLessThan(size);
        expect(chunkCount(size) * CHUNK_BYTES).toBeGreaterThanOrEqual(size);
      }),
    );
  });
});
