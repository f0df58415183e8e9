import { OnnxError } from './onnx-error.ts';

/**
 * A bounded reader of protobuf messages. It is stricter than protobuf itself: every number has one spelling, a field
 * that is not repeated appears once, and an unknown field is refused. Otherwise this reader and the engine's could see
 * two different models in the same bytes (protobuf merges repeated messages, and the last scalar wins).
 */
export type FieldForm = 'varint' | 'varints' | 'fixed32' | 'fixed32s' | 'fixed64s' | 'bytes' | 'repeated-bytes';

/** The fields that a message may have. A refusal is the sentence that explains why a known field is not accepted. */
export type Layout = Readonly<Record<number, FieldForm | { readonly refused: string }>>;

export interface Span {
  readonly start: number;
  readonly end: number;
}

export interface Field extends Span {
  readonly number: number;
  /** Value of a varint; not a number for every other form. Inexact above 2^53, where no field of ours is accepted. */
  readonly value: number;
}

/** How much one scan may still do: all messages of a file share it. */
export interface Budget {
  fields: number;
}

const VARINT = 0;
const FIXED64 = 1;
const DELIMITED = 2;
const FIXED32 = 5;

export function readFields(bytes: Uint8Array, span: Span, layout: Layout, budget: Budget): readonly Field[] {
  const fields: Field[] = [];
  const seen = new Set<number>();
  let offset = span.start;
  while (offset < span.end) {
    if (budget.fields-- <= 0) throw new OnnxError('onnx_too_large', 'more fields than allowed', offset);
    const key = readVarint(bytes, offset, span.end);
    const number = Math.floor(key.value / 8);
    const wire = key.value % 8;
    const form = formOf(layout, number, offset);
    if (form === 'varint' || form === 'fixed32' || form === 'bytes') {
      if (seen.has(number)) throw new OnnxError('onnx_malformed', `field ${number} appears twice`, offset);
      seen.add(number);
    }
    const field = readValue(bytes, { start: key.end, end: span.end }, wire, number);
    if (!wireTypes[form].includes(wire)) {
      throw new OnnxError('onnx_malformed', `field ${number} has wire type ${wire}`, offset);
    }
    fields.push(field);
    offset = field.end;
  }
  return fields;
}

/** Numbers of a repeated varint field, which writers store one by one or packed. */
export function varintsOf(bytes: Uint8Array, field: Field, budget: Budget): readonly number[] {
  if (!Number.isNaN(field.value)) return [field.value];
  const values: number[] = [];
  let offset = field.start;
  while (offset < field.end) {
    if (budget.fields-- <= 0) throw new OnnxError('onnx_too_large', 'more numbers than allowed', offset);
    const { value, end } = readVarint(bytes, offset, field.end);
    values.push(value);
    offset = end;
  }
  return values;
}

/** Text that decides something is short and valid UTF-8; long texts are only ever skipped. */
export function textOf(bytes: Uint8Array, span: Span): string {
  if (span.end - span.start > 256) throw new OnnxError('onnx_malformed', 'a name is too long', span.start);
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes.subarray(span.start, span.end));
  } catch {
    throw new OnnxError('onnx_malformed', 'a name is not UTF-8', span.start);
  }
}

const wireTypes: Readonly<Record<FieldForm, readonly number[]>> = {
  varint: [VARINT],
  varints: [VARINT, DELIMITED],
  fixed32: [FIXED32],
  fixed32s: [FIXED32, DELIMITED],
  fixed64s: [FIXED64, DELIMITED],
  bytes: [DELIMITED],
  'repeated-bytes': [DELIMITED],
};

function formOf(layout: Layout, number: number, offset: number): FieldForm {
  const form = layout[number];
  if (form === undefined) throw new OnnxError('onnx_unknown_field', `field ${number} is not known`, offset);
  if (typeof form === 'object') throw new OnnxError('onnx_unsupported', form.refused, offset);
  return form;
}

function readValue(bytes: Uint8Array, span: Span, wire: number, number: number): Field {
  const { start } = span;
  switch (wire) {
    case VARINT:
      return varintField(number, start, readVarint(bytes, start, span.end));
    case FIXED32:
      return delimited(number, start, 4, span.end);
    case FIXED64:
      return delimited(number, start, 8, span.end);
    case DELIMITED: {
      const length = readVarint(bytes, start, span.end);
      return delimited(number, length.end, length.value, span.end);
    }
    default:
      throw new OnnxError('onnx_malformed', `wire type ${wire}`, start);
  }
}

function varintField(
  number: number,
  start: number,
  { value, end }: { readonly value: number; readonly end: number },
): Field {
  return { number, value, start, end };
}

function delimited(number: number, start: number, length: number, end: number): Field {
  if (length > end - start) throw new OnnxError('onnx_malformed', 'a field reaches beyond its message', start);
  return { number, value: Number.NaN, start, end: start + length };
}

function readVarint(bytes: Uint8Array, start: number, limit: number): { readonly value: number; readonly end: number } {
  let value = 0;
  let scale = 1;
  for (let offset = start; offset < limit && offset < start + 10; offset++) {
    const byte = bytes[offset] as number;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte >= 0x80) continue;
    const overflow = offset === start + 9 && byte > 1;
    const padded = byte === 0 && offset > start;
    if (overflow || padded) throw new OnnxError('onnx_malformed', 'a number is not in its shortest form', start);
    return { value, end: offset + 1 };
  }
  throw new OnnxError('onnx_malformed', 'a number does not end', start);
}
