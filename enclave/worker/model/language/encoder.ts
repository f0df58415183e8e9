import { ModelError } from '../errors.ts';
import { createMatcher, type Matcher, undisguise } from './control-tokens.ts';
import { Tokenizer } from './packages.mjs';
import { type JsonObject, refused, type TokenizerDefinition, type TokenizerFiles } from './tokenizer-files.ts';

/** Text to tokens: as the publisher's tokenizer does it, or so that only chosen places are control tokens. */
export interface Encoder {
  readonly tokenizer: Tokenizer;
  /** The control tokens in a text, in order. */
  controlsIn(text: string): readonly string[];
  /** Whether the tokenizer's normaliser makes a control token of something in the text. */
  turnsIntoControl(text: string): boolean;
  encode(text: string): readonly number[];
  /** Control tokens are where they stand in a text that has disguises; these are then taken off. */
  encodeDisguised(text: string, mark: string): readonly number[];
  /** No control token but those that the tokenizer's post-processor puts around every text. */
  encodePlain(text: string): readonly number[];
}

/** Nothing well-formed has a lone surrogate, so no text can spell such a name, nor can a normaliser make one. */
const LONE_SURROGATE = '\ud800';

export function createEncoder({ definition, config, added, control }: TokenizerFiles): Encoder {
  const tokenizer = openTokenizer(definition, config);
  const { normalizer } = tokenizer;
  const beforeNormaliser = added.filter(
    (token) => !token.normalized || normalizer === null || control.has(token.content),
  );
  const matcher = createMatcher(beforeNormaliser.map(({ content }) => content));
  const afterNormaliser =
    normalizer === null ? [] : added.filter((token) => token.normalized && control.has(token.content));
  const normalForms = afterNormaliser.flatMap(({ content }) => [content, normalizer?.(content) ?? content]);
  const names = new Map(Array.from(control, (content, index) => [content, `${LONE_SURROGATE}${index};`]));
  let guarded: Tokenizer | undefined;
  const encodeGuarded = (text: string): readonly number[] => {
    // On the first need: it holds the vocabulary once more, and most prompts name no control token.
    guarded ??= openTokenizer(renamed(definition, names), config);
    return idsOf(guarded, text, { add_special_tokens: false });
  };
  const controlsIn = (text: string): readonly string[] =>
    Array.from(matches(text, matcher))
      .map(({ content }) => content)
      .filter((content) => control.has(content));
  const turnsIntoControl = (text: string): boolean => {
    if (normalForms.length === 0) return false;
    const normal = normalizer?.(text) ?? text;
    return normalForms.some((form) => normal.includes(form));
  };
  return {
    tokenizer,
    controlsIn,
    turnsIntoControl,
    encode: (text) => idsOf(tokenizer, text, { add_special_tokens: false }),
    encodeDisguised: (text, mark) => {
      const pieces: string[] = [];
      let from = 0;
      for (const { start, content } of matches(text, matcher)) {
        const name = names.get(content);
        if (name === undefined) continue;
        pieces.push(undisguise(text.slice(from, start), mark), name);
        from = start + content.length;
      }
      return encodeGuarded(pieces.join('') + undisguise(text.slice(from), mark));
    },
    encodePlain: (text) => {
      if (controlsIn(text).length === 0 && !turnsIntoControl(text)) {
        return idsOf(tokenizer, text, { add_special_tokens: true });
      }
      const { before, after } = surroundings(tokenizer);
      return [...before, ...encodeGuarded(text), ...after];
    },
  };
}

function* matches(text: string, matcher: Matcher): Generator<{ readonly start: number; readonly content: string }> {
  for (let start = 0; start < text.length; ) {
    const content = matcher.longestAt(text, start);
    if (content !== null) yield { start, content };
    start += content?.length ?? 1;
  }
}

function openTokenizer(definition: TokenizerDefinition, config: JsonObject): Tokenizer {
  try {
    return new Tokenizer(definition, config);
  } catch (error) {
    throw refused(`the tokenizer cannot be opened: ${(error as Error).message}`, error);
  }
}

/**
 * The same tokenizer with each control token under a private name, in the vocabulary as well: some kinds of model would
 * find a token there although it is not an added one.
 */
function renamed(definition: TokenizerDefinition, names: ReadonlyMap<string, string>): TokenizerDefinition {
  const rename = <T>(content: T): T | string => names.get(content as string) ?? content;
  const { model } = definition;
  const { vocab, merges } = model;
  return {
    ...definition,
    added_tokens: definition.added_tokens.map((token) => {
      const name = names.get(token.content);
      return name === undefined ? token : { ...token, content: name, normalized: false };
    }),
    model: {
      ...model,
      vocab: Array.isArray(vocab)
        ? (vocab as readonly (readonly [string, number])[]).map(([piece, score]) => [rename(piece), score] as const)
        : Object.fromEntries(Object.entries(vocab).map(([piece, id]) => [rename(piece), id])),
      ...(model['unk_token'] === undefined ? {} : { unk_token: rename(model['unk_token']) }),
      // A merge that gave a control token ends at its two halves.
      ...(Array.isArray(merges)
        ? { merges: (merges as readonly unknown[]).filter((merge) => !names.has(mergeResult(merge))) }
        : {}),
    },
  };
}

/** A merge is two tokens, in a list or with a space between them. */
function mergeResult(merge: unknown): string {
  return Array.isArray(merge) ? merge.join('') : String(merge).split(' ', 2).join('');
}

function idsOf(
  tokenizer: Tokenizer,
  text: string,
  options: { readonly add_special_tokens: boolean },
): readonly number[] {
  let ids: readonly unknown[];
  try {
    ids = tokenizer.encode(text, options).ids;
  } catch (error) {
    throw new ModelError('model_input', `the tokenizer does not take this text: ${(error as Error).message}`);
  }
  // A tokenizer without a token for the unknown gives none for a character outside of its vocabulary.
  if (!ids.every(Number.isSafeInteger)) {
    throw new ModelError('model_input', 'the text has characters that the tokenizer does not know');
  }
  return ids as readonly number[];
}

/** What the post-processor puts before and after a text. */
function surroundings(tokenizer: Tokenizer): { readonly before: readonly number[]; readonly after: readonly number[] } {
  const { tokens } = tokenizer.post_processor?.([LONE_SURROGATE], null, true) ?? { tokens: [LONE_SURROGATE] };
  const at = tokens.indexOf(LONE_SURROGATE);
  const ids = (part: readonly string[]): readonly number[] =>
    part.flatMap((token) => tokenizer.token_to_id(token) ?? []);
  return { before: ids(tokens.slice(0, at)), after: ids(tokens.slice(at + 1)) };
}
