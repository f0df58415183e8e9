import { ModelError, type ModelErrorCode } from '../../../../../enclave/worker/model/errors.ts';
import { Template, Tokenizer } from '../../../../../enclave/worker/model/language/packages.mjs';
import { openTextCodec, type TextCodec } from '../../../../../enclave/worker/model/language/text-codec.ts';
import type { ChatMessage } from '../../../../../wire/message/language.ts';
import {
  byteLevel,
  type ChatStyle,
  type Dress,
  filesOf,
  sentencePiece,
  type TokenizerFixture,
  unigram,
} from '../../../../models/tokenizers.ts';

export const kinds: Readonly<Record<string, (dress?: Dress) => TokenizerFixture>> = {
  byteLevel,
  'sentencePiece, a space before each stretch': (dress) => sentencePiece('normaliser', dress),
  'sentencePiece, a space before the text': (dress) => sentencePiece('first', dress),
  unigram,
};

export interface Pair {
  readonly codec: TextCodec;
  /** The packages by themselves, as everybody else uses them: what a codec must agree with. */
  readonly tokenizer: Tokenizer;
  /** The ids of control tokens, without the one for the unknown, which any text may cause. */
  readonly controlIds: ReadonlySet<number>;
  reference(messages: readonly ChatMessage[]): readonly number[];
  render(messages: readonly ChatMessage[]): string;
}

export function pairOf(fixture: TokenizerFixture): Pair {
  const { definition, config } = fixture;
  const tokenizer = new Tokenizer(definition, config);
  const named = Object.fromEntries(
    Object.entries(config).map(([name, value]) => [name, (value as { content?: unknown }).content ?? value]),
  );
  const render = (messages: readonly ChatMessage[]): string =>
    new Template(config['chat_template'] as string).render({ ...named, messages, add_generation_prompt: true });
  const added = definition['added_tokens'] as readonly { id: number; content: string; special: boolean }[];
  return {
    codec: openTextCodec(filesOf(fixture)),
    tokenizer,
    controlIds: new Set(added.filter(({ special, content }) => special && content !== '<unk>').map(({ id }) => id)),
    render,
    reference: (messages) => tokenizer.encode(render(messages), { add_special_tokens: false }).ids as readonly number[],
  };
}

export function dressed(make: (dress?: Dress) => TokenizerFixture, style: ChatStyle): Pair {
  return pairOf(make(style));
}

export function user(...contents: readonly string[]): readonly ChatMessage[] {
  return contents.map((content) => ({ role: 'user', content }));
}

/** The code and the text of a refusal. */
export function refusalOf(run: () => unknown): { readonly code: ModelErrorCode; readonly detail: string } | 'accepted' {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof ModelError) return { code: error.code, detail: error.message };
    throw error;
  }
}
