import { concatBytes, isZero, readU32, u32 } from '../bytes.ts';
import type { Suite } from '../crypto/suite.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bytes32Word, tagWord } from '../words.ts';
import { cipherNonce } from './nonce.ts';

/**
 * Sealed records (DESIGN section 5). On the wire: u32 request || u32 chunk || u8 final || ciphertext, big-endian. Where
 * a record stands is in the clear for the host's routing, and bound by the seal: it cannot be moved.
 */
export interface RecordPlace {
  readonly direction: 'to-worker' | 'to-client';
  readonly request: number;
  readonly chunk: number;
  readonly final: boolean;
}

/** `body` for whole bodies, `stream` for the pieces of a streamed answer. */
export type RecordPadding = 'body' | 'stream';

/** The largest value of a counter is never used: so n stays below 2^64 - 1, which Noise section 5.1 reserves. */
export const LAST_COUNTER = 0xffff_fffe;

const TAG: Uint8Array = tagWord('proofmark record v1');
const PLACE_BYTES = 9;
const GCM_TAG = 16;
const LENGTH_BYTES = 4;
const STREAM_STEP = 256;
const BODY_STEP = 65_536;

/**
 * The caller seals each place once with a key: a second record at one place, even with other data, would give its key
 * away. `createRequestCounter` hands the numbers out; a retransmission is the same bytes again.
 */
export async function sealRecord(
  suite: Suite,
  key: Uint8Array,
  handshakeHash: Uint8Array,
  place: RecordPlace,
  data: Uint8Array,
  padding: RecordPadding,
): Promise<Uint8Array> {
  checkCounters(place);
  const header = placeBytes(place);
  const size = paddedSize(data.length, padding);
  if (size > limits.recordPlaintextBytes) throw new WireError('too_large', `a record of ${data.length} bytes`);
  const plaintext = new Uint8Array(size);
  plaintext.set(u32(data.length));
  plaintext.set(data, LENGTH_BYTES);
  const nonce = cipherNonce(place.request, place.chunk);
  const sealed = await suite.sealAesGcm(key, nonce, associatedData(handshakeHash, place), plaintext);
  plaintext.fill(0);
  return concatBytes(header, sealed);
}

/**
 * What comes back was sealed by the other side for exactly this place of this session. Whether it is the first time is
 * for `createReplayWindow`, and whether it is its turn for `createRecordSequence`: ask them after, never before.
 */
export async function openRecord(
  suite: Suite,
  key: Uint8Array,
  handshakeHash: Uint8Array,
  direction: RecordPlace['direction'],
  record: Uint8Array,
): Promise<{ readonly place: RecordPlace; readonly data: Uint8Array }> {
  const place = readPlace(direction, record);
  const nonce = cipherNonce(place.request, place.chunk);
  const sealed = record.subarray(PLACE_BYTES);
  const plaintext = await suite.openAesGcm(key, nonce, associatedData(handshakeHash, place), sealed);
  if (plaintext === undefined) throw new WireError('record_invalid', 'the seal does not hold');
  return { place, data: unpad(plaintext) };
}

/** Padding hides lengths from the host; the steps are a compromise between what they hide and what they cost. */
export function paddedSize(dataLength: number, padding: RecordPadding): number {
  const length = LENGTH_BYTES + dataLength;
  if (padding === 'stream') return roundUp(length, STREAM_STEP);
  if (length > BODY_STEP) return roundUp(length, BODY_STEP);
  let size = STREAM_STEP;
  while (size < length) size *= 2;
  return size;
}

function roundUp(length: number, step: number): number {
  return Math.ceil(length / step) * step;
}

function unpad(plaintext: Uint8Array): Uint8Array {
  const length = readU32(plaintext, 0);
  // One length has one padded size per rule, so a sender cannot signal through the padding, and a bug cannot hide in it.
  const sizes = [paddedSize(length, 'body'), paddedSize(length, 'stream')];
  if (!sizes.includes(plaintext.length)) {
    throw new WireError('padding_invalid', `${plaintext.length} bytes are not a padded size of ${length}`);
  }
  const end = LENGTH_BYTES + length;
  if (!isZero(plaintext.subarray(end))) throw new WireError('padding_invalid', 'the padding is not zero');
  return plaintext.slice(LENGTH_BYTES, end);
}

function readPlace(direction: RecordPlace['direction'], record: Uint8Array): RecordPlace {
  const overhead = PLACE_BYTES + GCM_TAG;
  if (record.length < overhead + STREAM_STEP) {
    throw new WireError('record_invalid', `a record of ${record.length} bytes`);
  }
  if (record.length > overhead + limits.recordPlaintextBytes) {
    throw new WireError('too_large', `a record of ${record.length} bytes`);
  }
  const final = record[8] as number;
  if (final > 1) throw new WireError('record_invalid', 'the final byte is 0 or 1', { offset: 8 });
  const place: RecordPlace = {
    direction,
    request: readU32(record, 0),
    chunk: readU32(record, 4),
    final: final === 1,
  };
  checkCounters(place);
  return place;
}

function checkCounters(place: RecordPlace): void {
  if (place.request > LAST_COUNTER || place.chunk > LAST_COUNTER) {
    throw new WireError('record_exhausted', 'the session has no numbers left');
  }
}

function associatedData(handshakeHash: Uint8Array, place: RecordPlace): Uint8Array {
  const direction = Uint8Array.of(place.direction === 'to-worker' ? 0 : 1);
  return concatBytes(TAG, bytes32Word(handshakeHash), direction, placeBytes(place));
}

function placeBytes(place: RecordPlace): Uint8Array {
  return concatBytes(u32(place.request), u32(place.chunk), Uint8Array.of(place.final ? 1 : 0));
}
