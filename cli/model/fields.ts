/** A field of a protobuf message as it lies in the bytes; what it means is for others to know. */
export interface RawField {
  readonly number: number;
  /** With its key and length. */
  readonly start: number;
  readonly content: number;
  readonly end: number;
  /** Of a varint; not a number for every other form. */
  readonly value: number;
}

const WIRE = { varint: 0, fixed64: 1, delimited: 2, fixed32: 5 } as const;

/**
 * The fields of a message up to the first that cannot be read. The worker's own reader refuses a message as a whole; this
 * one is for telling a person all that is wrong with it, and judges nothing.
 */
export function* rawFields(bytes: Uint8Array, from: number, to: number): Generator<RawField> {
  let offset = from;
  while (offset < to) {
    const key = varintAt(bytes, offset, to);
    if (key === undefined) return;
    const field = fieldAt(bytes, key, to);
    if (field === undefined) return;
    yield { number: Math.floor(key.value / 8), start: offset, ...field };
    offset = field.end;
  }
}

/** All of one number inside a field. */
export function within(bytes: Uint8Array, { content, end }: RawField, number: number): readonly RawField[] {
  return [...rawFields(bytes, content, end)].filter((field) => field.number === number);
}

/** A text for people: cut, and with whatever is no UTF-8 replaced. */
export function textAt(bytes: Uint8Array, field: RawField | undefined): string {
  if (field === undefined) return '';
  return new TextDecoder().decode(bytes.subarray(field.content, Math.min(field.end, field.content + SHOWN_BYTES)));
}

const SHOWN_BYTES = 128;

interface Varint {
  readonly value: number;
  readonly end: number;
}

function fieldAt(bytes: Uint8Array, key: Varint, to: number): Omit<RawField, 'number' | 'start'> | undefined {
  const spanning = (content: number, length: number): Omit<RawField, 'number' | 'start'> | undefined =>
    length > to - content ? undefined : { content, end: content + length, value: Number.NaN };
  switch (key.value % 8) {
    case WIRE.varint: {
      const read = varintAt(bytes, key.end, to);
      return read === undefined ? undefined : { content: key.end, ...read };
    }
    case WIRE.fixed64:
      return spanning(key.end, 8);
    case WIRE.fixed32:
      return spanning(key.end, 4);
    case WIRE.delimited: {
      const length = varintAt(bytes, key.end, to);
      return length === undefined ? undefined : spanning(length.end, length.value);
    }
    default:
      return undefined;
  }
}

function varintAt(bytes: Uint8Array, start: number, to: number): Varint | undefined {
  let value = 0;
  let scale = 1;
  for (let offset = start; offset < to && offset < start + 10; offset++) {
    const byte = bytes[offset] as number;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte < 0x80) return { value, end: offset + 1 };
  }
  return undefined;
}
