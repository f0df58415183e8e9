import { utf8 } from '../../../../wire/bytes.ts';
import { type JsonObject, refused, type TokenizerFiles } from './tokenizer-files.ts';

/**
 * What each token adds to a text: characters, or bytes of one that may be spread over several tokens. The tokenizer's own
 * decoder takes a list and starts at its beginning, which costs a stream the square of its length; these are the steps of
 * the decoders that language models have, token by token. Others are refused by name.
 */
export interface TokenPieces {
  /** Null: nothing, without an end to the bytes before it. */
  pieceOf(token: number): string | Uint8Array | null;
  /** What is cut from the front of a text: at most so many of these. */
  readonly leading: { readonly content: string; readonly count: number };
  readonly keepsByteOrderMark: boolean;
}

interface Steps {
  readonly replace: (token: string) => string;
  readonly bytes: 'alphabet' | 'fallback' | 'none';
  readonly leading: TokenPieces['leading'];
}

const NOTHING = { content: '', count: 0 } as const;

export function createTokenPieces(files: TokenizerFiles, tokenOf: (id: number) => string | undefined): TokenPieces {
  const steps = readSteps(files.definition['decoder']);
  if ((files.definition.model['end_of_word_suffix'] ?? '') !== '') throw refused('word suffixes are not served');
  const addedIds = new Map(files.added.map((token) => [token.id, token.content]));
  const cache: (string | Uint8Array | null | undefined)[] = [];
  const read = (id: number): string | Uint8Array | null => {
    const token = addedIds.get(id) ?? tokenOf(id);
    // Models have outputs beyond their vocabulary, to fill up a round size.
    if (token === undefined || files.control.has(token)) return null;
    if (steps.bytes === 'alphabet') return addedIds.has(id) ? token : alphabetBytes(token);
    const text = steps.replace(token);
    const byte = steps.bytes === 'fallback' ? /^<0x([0-9A-Fa-f]{2})>$/.exec(text)?.[1] : undefined;
    return byte === undefined ? text : Uint8Array.of(Number.parseInt(byte, 16));
  };
  return {
    pieceOf: (token) => {
      const known = cache[token];
      if (known !== undefined) return known;
      const piece = read(token);
      cache[token] = piece;
      return piece;
    },
    leading: steps.leading,
    keepsByteOrderMark: steps.bytes === 'alphabet',
  };
}

function readSteps(decoder: unknown): Steps {
  const decoders = flatten(decoder);
  const [only] = decoders;
  if (only === undefined) throw refused('a tokenizer without a decoder is not served');
  if (decoders.length === 1 && only['type'] === 'ByteLevel') {
    return { replace: (token) => token, bytes: 'alphabet', leading: NOTHING };
  }
  if (decoders.length === 1 && only['type'] === 'Metaspace') {
    const space = nonEmpty(only['replacement'] ?? '\u2581', 'replacement');
    return {
      replace: (token) => token.replaceAll(space, ' '),
      bytes: 'none',
      leading: { content: ' ', count: 1 },
    };
  }
  return readSequence(decoders);
}

/** What SentencePiece models are exported as: replacements, then bytes, then one text whose front is cut. */
const SEQUENCE = ['Replace', 'ByteFallback', 'Fuse', 'Strip'];

function readSequence(decoders: readonly JsonObject[]): Steps {
  const types = decoders.map(({ type }) => String(type));
  types.forEach((type, index) => {
    const place = SEQUENCE.indexOf(type);
    if (place < 0) throw refused(`a decoder of type ${JSON.stringify(type)} is not served`);
    const before = SEQUENCE.indexOf(types[index - 1] ?? 'Replace');
    if (place < before) throw refused(`a decoder with ${type} after ${String(types[index - 1])} is not served`);
  });
  const replacements = decoders
    .filter(({ type }) => type === 'Replace')
    .map(({ pattern, content }) => {
      const from = nonEmpty((pattern as { readonly String?: unknown } | null | undefined)?.String, 'pattern');
      return [from, typeof content === 'string' ? content : ''] as const;
    });
  return {
    replace: (token) => replacements.reduce((text, [from, to]) => text.replaceAll(from, () => to), token),
    bytes: types.includes('ByteFallback') ? 'fallback' : 'none',
    leading: readStrip(decoders, types),
  };
}

function readStrip(decoders: readonly JsonObject[], types: readonly string[]): TokenPieces['leading'] {
  const at = types.indexOf('Strip');
  if (at < 0) return NOTHING;
  const { content, start, stop } = decoders[at] as JsonObject;
  const isLast = at === types.length - 1 && types.includes('Fuse');
  // At the end it would hold a text back until nothing more comes.
  if (!isLast || !Number.isSafeInteger(start) || stop !== 0) throw refused('this Strip decoder is not served');
  return { content: nonEmpty(content, 'content'), count: start as number };
}

function flatten(decoder: unknown): readonly JsonObject[] {
  if (typeof decoder !== 'object' || decoder === null) return [];
  const { type, decoders } = decoder as JsonObject;
  return type === 'Sequence' && Array.isArray(decoders) ? decoders.flatMap(flatten) : [decoder as JsonObject];
}

function nonEmpty(value: unknown, what: string): string {
  if (typeof value !== 'string' || value === '') throw refused(`the decoder's ${what} is not served: it is no text`);
  return value;
}

/** The 256 characters that byte-level tokenizers write bytes as: printable ones stand for themselves. */
const ALPHABET: ReadonlyMap<string, number> = byteAlphabet();

function byteAlphabet(): ReadonlyMap<string, number> {
  const isPrintable = (byte: number): boolean =>
    (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
  const bytes = Array.from({ length: 256 }, (_, byte) => byte);
  return new Map([
    ...bytes.filter(isPrintable).map((byte) => [String.fromCharCode(byte), byte] as const),
    ...bytes
      .filter((byte) => !isPrintable(byte))
      .map((byte, index) => [String.fromCharCode(256 + index), byte] as const),
  ]);
}

/** A token with characters outside the alphabet stands for itself. */
function alphabetBytes(token: string): Uint8Array {
  const bytes = Array.from(token, (character) => ALPHABET.get(character));
  return bytes.every((byte) => byte !== undefined) ? Uint8Array.from(bytes) : utf8(token);
}
