import type { TokenPieces } from './token-pieces.ts';

/** The text of a growing list of tokens. */
export interface TextStream {
  /** What may be released now, and whether a stop string was reached: then it is the text before that, and the last. */
  push(token: number): { readonly text: string; readonly stopped: boolean };
  /** What was held back, when no more tokens come. */
  end(): string;
}

export function openTextStream(pieces: TokenPieces, stop: readonly string[]): TextStream {
  const decode = createDecoder(pieces);
  let held = '';
  let stopped = false;
  const take = (text: string): string => {
    held += text;
    const end = endBy(stop, held);
    if (end < 0) return '';
    stopped = true;
    const before = held.slice(0, end);
    held = '';
    return before;
  };
  const release = (keep: number): string => {
    const text = held.slice(0, held.length - keep);
    held = held.slice(held.length - keep);
    return text;
  };
  return {
    push: (token) => {
      if (stopped) return { text: '', stopped };
      const before = take(decode.next(token));
      return stopped ? { text: before, stopped } : { text: release(beginningOf(stop, held)), stopped };
    },
    end: () => {
      if (stopped) return '';
      const before = take(decode.end());
      return stopped ? before : release(0);
    },
  };
}

/**
 * Where the text ends because of a stop string, or -1. The one that is complete first counts, however the text was cut
 * into tokens; of those that end together, the longest.
 */
function endBy(stop: readonly string[], text: string): number {
  const found = stop
    .map((string) => ({ start: text.indexOf(string), length: string.length }))
    .filter(({ start }) => start >= 0);
  if (found.length === 0) return -1;
  const end = Math.min(...found.map(({ start, length }) => start + length));
  return Math.min(...found.filter(({ start, length }) => start + length === end).map(({ start }) => start));
}

/** How many characters at the end of a text a stop string may begin with. */
function beginningOf(stop: readonly string[], text: string): number {
  return stop.reduce((most, string) => {
    for (let length = Math.min(string.length - 1, text.length); length > most; length--) {
      if (text.endsWith(string.slice(0, length))) return length;
    }
    return most;
  }, 0);
}

interface Decoder {
  next(token: number): string;
  end(): string;
}

function createDecoder({ pieceOf, leading, keepsByteOrderMark }: TokenPieces): Decoder {
  /** Open while bytes come: a character may go on in the next token. */
  let bytes: TextDecoder | null = null;
  let toCut = leading.count;
  const close = (): string => {
    const rest = bytes?.decode() ?? '';
    bytes = null;
    return rest;
  };
  const cut = (text: string): string => {
    let from = 0;
    while (toCut > 0 && from < text.length) {
      toCut = text[from] === leading.content ? toCut - 1 : 0;
      if (text[from] === leading.content) from++;
    }
    return text.slice(from);
  };
  return {
    next: (token) => {
      const piece = pieceOf(token);
      if (piece === null) return '';
      if (typeof piece !== 'string') {
        bytes ??= new TextDecoder('utf-8', { ignoreBOM: keepsByteOrderMark });
        return cut(bytes.decode(piece, { stream: true }));
      }
      return cut(close() + piece);
    },
    end: () => cut(close()),
  };
}
