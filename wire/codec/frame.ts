import { writeU32 } from '../bytes.ts';
import { WireError } from '../errors.ts';

/**
 * Host and worker talk in frames (DESIGN section 5): u32 length, u32 id, u8 kind, payload, big-endian. The length counts
 * what follows it.
 */
export interface Frame {
  readonly id: number;
  readonly kind: number;
  readonly payload: Uint8Array;
}

export interface FrameReader {
  /** Throws `frame_invalid`; the stream has lost its place then, and every later call throws too. */
  push(chunk: Uint8Array): void;
  /** Bytes held of a frame that is not complete. */
  readonly buffered: number;
}

const LENGTH_BYTES = 4;
const HEAD_BYTES = 9;
/** A claimed length reserves no more than this before its bytes arrive; the buffer then grows by doubling. */
const FIRST_BUFFER = 65_536;

/** A payload whose parts are not joined yet: an answer is joined once, in its frame. */
export type Payload = Uint8Array | readonly Uint8Array[];

export interface OutgoingFrame extends Omit<Frame, 'payload'> {
  readonly payload: Payload;
}

export function encodeFrame({ id, kind, payload }: OutgoingFrame): Uint8Array {
  if (!Number.isInteger(kind) || kind < 0 || kind > 0xff) {
    throw new WireError('integer_out_of_range', `${kind} is not a u8`);
  }
  const parts = payload instanceof Uint8Array ? [payload] : payload;
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(HEAD_BYTES + length);
  writeU32(out, 0, HEAD_BYTES - LENGTH_BYTES + length);
  writeU32(out, LENGTH_BYTES, id);
  out[HEAD_BYTES - 1] = kind;
  let offset = HEAD_BYTES;
  for (const part of parts) {
    out.set(part, offset);
    offset += part.length;
  }
  return out;
}

/**
 * Cuts a byte stream into frames. `maxBytes` bounds the length field, and an excessive one is refused as soon as it has
 * arrived. Payloads are copies. The time is linear in the bytes however they are chunked, and the memory is bounded by
 * what arrived, not by what was claimed.
 */
export function createFrameReader(maxBytes: number, onFrame: (frame: Frame) => void): FrameReader {
  const head = new Uint8Array(HEAD_BYTES);
  const headView = new DataView(head.buffer);
  let headFilled = 0;
  let payload = new Uint8Array(0);
  let payloadLength = 0;
  let payloadFilled = 0;
  let failed = false;

  return {
    push(chunk) {
      if (failed) throw new WireError('frame_invalid', 'the stream failed before');
      try {
        readChunk(chunk);
      } catch (error) {
        // What follows in this chunk is lost, so whatever comes next cannot be read from its beginning.
        failed = true;
        throw error;
      }
    },
    get buffered() {
      return headFilled + payloadFilled;
    },
  };

  function readChunk(chunk: Uint8Array): void {
    let offset = 0;
    while (offset < chunk.length) {
      if (headFilled < HEAD_BYTES) offset += fillHead(chunk, offset);
      else if (payloadFilled === 0 && chunk.length - offset >= payloadLength) offset += takePayload(chunk, offset);
      else offset += fillPayload(chunk, offset);
      if (headFilled === HEAD_BYTES && payloadFilled === payloadLength) deliver();
    }
  }

  function fillHead(chunk: Uint8Array, offset: number): number {
    const before = headFilled;
    const target = before < LENGTH_BYTES ? LENGTH_BYTES : HEAD_BYTES;
    const taken = Math.min(target - before, chunk.length - offset);
    head.set(chunk.subarray(offset, offset + taken), before);
    headFilled += taken;
    if (before < LENGTH_BYTES && headFilled === LENGTH_BYTES) readLength();
    return taken;
  }

  function readLength(): void {
    const length = headView.getUint32(0);
    if (length < HEAD_BYTES - LENGTH_BYTES) throw new WireError('frame_invalid', `a length of ${length} holds no head`);
    if (length > maxBytes) throw new WireError('frame_invalid', `${length} bytes where ${maxBytes} are allowed`);
    payloadLength = length - (HEAD_BYTES - LENGTH_BYTES);
  }

  /** All of it is here: one copy, into memory that was not cleared for it. */
  function takePayload(chunk: Uint8Array, offset: number): number {
    payload = new Uint8Array(chunk.subarray(offset, offset + payloadLength));
    payloadFilled = payloadLength;
    return payloadLength;
  }

  function fillPayload(chunk: Uint8Array, offset: number): number {
    const taken = Math.min(payloadLength - payloadFilled, chunk.length - offset);
    if (payloadFilled + taken > payload.length) grow(payloadFilled + taken);
    payload.set(chunk.subarray(offset, offset + taken), payloadFilled);
    payloadFilled += taken;
    return taken;
  }

  function grow(needed: number): void {
    const larger = new Uint8Array(Math.min(payloadLength, Math.max(needed, 2 * payload.length, FIRST_BUFFER)));
    larger.set(payload.subarray(0, payloadFilled));
    payload = larger;
  }

  /** Forgets the frame before it hands it on, so that a callback that throws or pushes finds a consistent reader. */
  function deliver(): void {
    const frame: Frame = { id: headView.getUint32(LENGTH_BYTES), kind: head[HEAD_BYTES - 1] as number, payload };
    headFilled = 0;
    payload = new Uint8Array(0);
    payloadLength = 0;
    payloadFilled = 0;
    onFrame(frame);
  }
}
