import { fromHex, toHex } from '../../../wire/bytes.ts';
import { hexBytes, integer, literal, object, type Reader, text } from '../../../wire/codec/fields.ts';
import { canonicalJson, type JsonValue, parseJson } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeHubRelease, encodeHubRelease, type HubRelease } from '../../../wire/message/hub.ts';

/**
 * What a hub writes down: releases that are published and uploads that are not. Each is one file that is there whole or not
 * at all. The status stands in a file of its own, since it changes and these do not.
 */
export interface ReleaseRecord {
  /** Counts up over all releases of this hub: the order in which they came. */
  readonly number: number;
  /** Milliseconds since 1970. */
  readonly publishedAt: number;
  readonly release: HubRelease;
}

export interface UploadRecord {
  /** SHA-256 of it. */
  readonly token: Uint8Array;
  readonly release: HubRelease;
}

const time = integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
/** Read by the reader of its own format. */
const nested: Reader<JsonValue> = (value) => value as JsonValue;

const releaseRecord = object({
  schema: literal('proofmark hub release v1'),
  number: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  publishedAt: time,
  release: nested,
});

const uploadRecord = object({
  schema: literal('proofmark hub upload v1'),
  token: hexBytes(32),
  release: nested,
});

const statusName = text({ min: 69, max: 69, pattern: /[0-9a-f]{64}\.json/ });

export function encodeReleaseRecord({ number, publishedAt, release }: ReleaseRecord): Uint8Array {
  return canonicalJson({ schema: 'proofmark hub release v1', number, publishedAt, release: releaseJson(release) });
}

export function decodeReleaseRecord(encoded: Uint8Array): ReleaseRecord {
  const value = releaseRecord(parseJson(encoded, limits.hubRecordBytes), 'record');
  return { number: value.number, publishedAt: value.publishedAt, release: readRelease(value.release) };
}

export function encodeUploadRecord({ token, release }: UploadRecord): Uint8Array {
  const json = { schema: 'proofmark hub upload v1', token: toHex(token), release: releaseJson(release) };
  return canonicalJson(json);
}

export function decodeUploadRecord(encoded: Uint8Array): UploadRecord {
  const value = uploadRecord(parseJson(encoded, limits.hubRecordBytes), 'record');
  return { token: value.token, release: readRelease(value.release) };
}

export function recordName(modelId: string): string {
  return `${modelId}.json`;
}

/** The model id in the name of a record; throws for what no record is called. */
export function modelIdOfRecord(name: string): Uint8Array {
  return fromHex(statusName(name, 'name').slice(0, 64), 32);
}

function releaseJson(release: HubRelease): JsonValue {
  return parseJson(encodeHubRelease({ ...release, status: null }), limits.hubReleaseBytes);
}

function readRelease(json: JsonValue): HubRelease {
  return decodeHubRelease(canonicalJson(json));
}
