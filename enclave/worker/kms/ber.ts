import { limits } from '../../../wire/limits.ts';

/**
 * The part of BER (X.690 section 8) that CMS messages are written in: definite lengths in their shortest form, and
 * indefinite ones around constructed values. Everything is read into a tree before anything is looked at; bytes, depth and
 * elements are bounded, so a stranger's message costs microseconds.
 */
export type BerElement =
  | { readonly tag: number; readonly contents: Uint8Array; readonly children: null }
  | { readonly tag: number; readonly contents: null; readonly children: readonly BerElement[] };

export type EnvelopeErrorCode =
  /** Not BER, or not the part of it that is read here. */
  | 'ber_invalid'
  /** BER, but not the one kind of CMS message that KMS sends. */
  | 'envelope_unsupported'
  /** The right kind, and it does not open with this key. */
  | 'envelope_undecryptable';

export class EnvelopeError extends Error {
  readonly code: EnvelopeErrorCode;

  constructor(code: EnvelopeErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'EnvelopeError';
    this.code = code;
  }
}

const CONSTRUCTED = 0x20;

interface Walk {
  readonly bytes: Uint8Array;
  at: number;
  elements: number;
}

/** The one element that makes up all of `bytes`. */
export function readBer(bytes: Uint8Array): BerElement {
  if (bytes.length > limits.kmsRecipientBytes) throw invalid('too many bytes');
  const walk: Walk = { bytes, at: 0, elements: 0 };
  const element = readElement(walk, bytes.length, 1);
  if (walk.at !== bytes.length) throw invalid('trailing bytes');
  return element;
}

function readElement(walk: Walk, end: number, depth: number): BerElement {
  walk.elements += 1;
  if (walk.elements > limits.kmsRecipientElements) throw invalid('too many elements');
  if (depth > limits.nestingDepth) throw invalid('nested too deep');
  const tag = next(walk, end);
  // 0 is the end mark of indefinite lengths and no element of its own; CMS has no tag above 30.
  if (tag === 0) throw invalid('an end mark where an element should be');
  if ((tag & 0x1f) === 0x1f) throw invalid('a tag of several bytes');
  const length = readLength(walk, end);
  if ((tag & CONSTRUCTED) === 0) {
    if (length === 'indefinite') throw invalid('an indefinite length of a primitive value');
    const from = walk.at;
    walk.at = within(walk, length, end);
    return { tag, contents: walk.bytes.subarray(from, walk.at), children: null };
  }
  return { tag, contents: null, children: readChildren(walk, length, end, depth) };
}

function readChildren(walk: Walk, length: number | 'indefinite', end: number, depth: number): readonly BerElement[] {
  const children: BerElement[] = [];
  if (length !== 'indefinite') {
    const stop = within(walk, length, end);
    while (walk.at < stop) children.push(readElement(walk, stop, depth + 1));
    return children;
  }
  while (walk.bytes[walk.at] !== 0) children.push(readElement(walk, end, depth + 1));
  next(walk, end);
  if (next(walk, end) !== 0) throw invalid('an end mark with contents');
  return children;
}

function readLength(walk: Walk, end: number): number | 'indefinite' {
  const first = next(walk, end);
  if (first < 0x80) return first;
  if (first === 0x80) return 'indefinite';
  const count = first & 0x7f;
  // The whole message is far below 64 KiB.
  if (count > 2) throw invalid('a length of more than two bytes');
  let length = 0;
  for (let i = 0; i < count; i++) length = length * 256 + next(walk, end);
  if (length < (count === 1 ? 0x80 : 0x100)) throw invalid('a length that is not minimal');
  return length;
}

function next(walk: Walk, end: number): number {
  const byte = walk.at < end ? walk.bytes[walk.at] : undefined;
  if (byte === undefined) throw invalid('truncated');
  walk.at += 1;
  return byte;
}

function within(walk: Walk, length: number, end: number): number {
  if (length > end - walk.at) throw invalid('longer than its container');
  return walk.at + length;
}

function invalid(detail: string): EnvelopeError {
  return new EnvelopeError('ber_invalid', detail);
}
