import { utf8 } from '../bytes.ts';
import { WireError, type WireErrorCode } from '../errors.ts';
import { limits } from '../limits.ts';

const TAB = 0x09;
const NEWLINE = 0x0a;
const RETURN = 0x0d;
const SPACE = 0x20;
const QUOTE = 0x22;
const PLUS = 0x2b;
const COMMA = 0x2c;
const MINUS = 0x2d;
const POINT = 0x2e;
const ZERO = 0x30;
const NINE = 0x39;
const COLON = 0x3a;
const OPEN_LIST = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_LIST = 0x5d;
const LOWER_E = 0x65;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;

/** 2^53 - 1 has sixteen digits; fewer need no further look. */
const ALWAYS_EXACT_DIGITS = 15;
/** The largest finite number has 309 digits, so a shorter literal without an exponent is finite. */
const FINITE_CHARACTERS = 309;

interface Cursor {
  readonly text: string;
  offset: number;
  valuesLeft: number;
}

/**
 * Walks JSON text (RFC 8259) without building a value and refuses what parsers disagree about; `JSON.parse` then accepts
 * all that is left. Recursion ends at `limits.nestingDepth`, and a list of numbers costs no allocation.
 */
export function scanJson(text: string, maxValues: number): void {
  const cursor: Cursor = { text, offset: 0, valuesLeft: maxValues };
  scanValue(cursor, 0);
  skipSpace(cursor);
  if (cursor.offset !== text.length) refuse(cursor, 'json_malformed', 'more follows the value');
}

function scanValue(cursor: Cursor, depth: number): void {
  cursor.valuesLeft--;
  if (cursor.valuesLeft < 0) refuse(cursor, 'too_large', 'more values than this format has');
  switch (skipSpace(cursor)) {
    case OPEN_LIST:
      scanList(cursor, depth + 1);
      return;
    case OPEN_OBJECT:
      scanObject(cursor, depth + 1);
      return;
    case QUOTE:
      scanString(cursor);
      return;
    case 0x66:
      scanWord(cursor, 'false');
      return;
    case 0x6e:
      scanWord(cursor, 'null');
      return;
    case 0x74:
      scanWord(cursor, 'true');
      return;
    default:
      scanNumber(cursor);
  }
}

function scanList(cursor: Cursor, depth: number): void {
  enter(cursor, depth);
  if (skipSpace(cursor) === CLOSE_LIST) {
    cursor.offset++;
    return;
  }
  for (;;) {
    scanValue(cursor, depth);
    const next = skipSpace(cursor);
    if (next !== COMMA && next !== CLOSE_LIST)
      refuse(cursor, 'json_malformed', 'expected a comma or the end of a list');
    cursor.offset++;
    if (next === CLOSE_LIST) return;
  }
}

function scanObject(cursor: Cursor, depth: number): void {
  enter(cursor, depth);
  if (skipSpace(cursor) === CLOSE_OBJECT) {
    cursor.offset++;
    return;
  }
  const names = new Set<string>();
  for (;;) {
    if (skipSpace(cursor) !== QUOTE) refuse(cursor, 'json_malformed', 'expected a name');
    const start = cursor.offset;
    const hasEscapes = scanString(cursor);
    const name = hasEscapes
      ? (JSON.parse(cursor.text.slice(start, cursor.offset)) as string)
      : cursor.text.slice(start + 1, cursor.offset - 1);
    if (names.has(name)) refuse(cursor, 'json_duplicate_key', 'the name occurs twice', start);
    names.add(name);
    if (skipSpace(cursor) !== COLON) refuse(cursor, 'json_malformed', 'expected a colon');
    cursor.offset++;
    scanValue(cursor, depth);
    const next = skipSpace(cursor);
    if (next !== COMMA && next !== CLOSE_OBJECT) {
      refuse(cursor, 'json_malformed', 'expected a comma or the end of an object');
    }
    cursor.offset++;
    if (next === CLOSE_OBJECT) return;
  }
}

function enter(cursor: Cursor, depth: number): void {
  if (depth > limits.nestingDepth) refuse(cursor, 'json_depth', `nested deeper than ${limits.nestingDepth}`);
  cursor.offset++;
}

/** Returns whether escapes occur, so that a plain name is compared as it stands. */
function scanString(cursor: Cursor): boolean {
  const { text } = cursor;
  let hasEscapes = false;
  let offset = cursor.offset + 1;
  for (;;) {
    const code = text.charCodeAt(offset);
    if (code === QUOTE) {
      cursor.offset = offset + 1;
      return hasEscapes;
    }
    if (code === BACKSLASH) {
      hasEscapes = true;
      offset = scanEscape(cursor, offset);
    } else if (code >= SPACE) {
      offset++;
    } else {
      // NaN at the end of the text comes here too.
      refuse(cursor, 'json_malformed', 'a control character or the end inside a string', offset);
    }
  }
}

/** Returns the offset after the escape. Raw surrogates cannot occur: the text was decoded from well-formed UTF-8. */
function scanEscape(cursor: Cursor, start: number): number {
  const letter = cursor.text[start + 1];
  if (letter !== 'u') {
    if (letter === undefined || !'"\\/bfnrt'.includes(letter))
      refuse(cursor, 'json_malformed', 'no such escape', start);
    return start + 2;
  }
  const unit = readUnit(cursor, start);
  if (unit < 0xd800 || unit > 0xdfff) return start + 6;
  const next = start + 6;
  const paired = unit < 0xdc00 && cursor.text.startsWith('\\u', next) && (readUnit(cursor, next) & 0xfc00) === 0xdc00;
  if (!paired) refuse(cursor, 'json_surrogate', 'a surrogate without its other half', start);
  return next + 6;
}

function readUnit(cursor: Cursor, start: number): number {
  let unit = 0;
  // Digit by digit: a slice and a pattern for each escape made a text of escapes six times as slow (A5).
  for (let offset = start + 2; offset < start + 6; offset++) {
    const digit = hexDigit(cursor.text.charCodeAt(offset));
    if (digit < 0) refuse(cursor, 'json_malformed', 'an escape has four hex digits', start);
    unit = unit * 16 + digit;
  }
  return unit;
}

/** -1 for anything else, the end of the text included. */
function hexDigit(code: number): number {
  if (code >= ZERO && code <= NINE) return code - ZERO;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

function scanWord(cursor: Cursor, word: string): void {
  if (!cursor.text.startsWith(word, cursor.offset)) refuse(cursor, 'json_malformed', `expected ${word}`);
  cursor.offset += word.length;
}

function scanNumber(cursor: Cursor): void {
  const { text } = cursor;
  const start = cursor.offset;
  const first = text.charCodeAt(start) === MINUS ? start + 1 : start;
  const afterInteger = skipDigits(text, first);
  if (afterInteger === first) refuse(cursor, 'json_malformed', 'expected a value', start);
  if (text.charCodeAt(first) === ZERO && afterInteger > first + 1) {
    refuse(cursor, 'json_malformed', 'a number has no leading zeros', start);
  }
  let end = afterInteger;
  if (text.charCodeAt(end) === POINT) end = someDigits(cursor, end + 1);
  const hasExponent = (text.charCodeAt(end) | 0x20) === LOWER_E;
  if (hasExponent) {
    const sign = text.charCodeAt(end + 1);
    end = someDigits(cursor, sign === PLUS || sign === MINUS ? end + 2 : end + 1);
  }
  if (end === afterInteger) checkExact(cursor, start, end, afterInteger - first);
  else if (hasExponent || end - start > FINITE_CHARACTERS) checkFinite(cursor, start, end);
  cursor.offset = end;
}

function checkExact(cursor: Cursor, start: number, end: number, digits: number): void {
  if (digits <= ALWAYS_EXACT_DIGITS) return;
  if (!Number.isSafeInteger(Number(cursor.text.slice(start, end)))) {
    refuse(cursor, 'json_number', 'an integer beyond 2^53 - 1 would be rounded', start);
  }
}

function checkFinite(cursor: Cursor, start: number, end: number): void {
  if (!Number.isFinite(Number(cursor.text.slice(start, end)))) {
    refuse(cursor, 'json_number', 'the number is not finite', start);
  }
}

function someDigits(cursor: Cursor, start: number): number {
  const end = skipDigits(cursor.text, start);
  if (end === start) refuse(cursor, 'json_malformed', 'expected a digit', start);
  return end;
}

function skipDigits(text: string, start: number): number {
  let offset = start;
  for (;;) {
    const code = text.charCodeAt(offset);
    // Written so that NaN, at the end of the text, stops the loop.
    if (!(code >= ZERO && code <= NINE)) return offset;
    offset++;
  }
}

/** Returns the character found, or NaN at the end. */
function skipSpace(cursor: Cursor): number {
  for (;;) {
    const code = cursor.text.charCodeAt(cursor.offset);
    if (code !== SPACE && code !== NEWLINE && code !== RETURN && code !== TAB) return code;
    cursor.offset++;
  }
}

/** Offsets in errors count bytes of the input, which the text no longer is. */
function refuse(cursor: Cursor, code: WireErrorCode, detail: string, at: number = cursor.offset): never {
  const end = Math.min(at, cursor.text.length);
  throw new WireError(code, detail, { offset: utf8(cursor.text.slice(0, end)).length });
}
