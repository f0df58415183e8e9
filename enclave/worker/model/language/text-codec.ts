import type { ChatMessage } from '../../../../wire/message/language.ts';
import { ModelError } from '../errors.ts';
import { createDisguise, unusedMark } from './control-tokens.ts';
import { createEncoder } from './encoder.ts';
import { Template } from './packages.mjs';
import { openTextStream, type TextStream } from './text-stream.ts';
import { createTokenPieces } from './token-pieces.ts';
import { readTokenizerFiles, refused, type TokenizerFiles } from './tokenizer-files.ts';

export type { TextStream } from './text-stream.ts';

/**
 * A release's own tokenizer and chat template. Both are a publisher's code in small languages (expressions, templates)
 * that may not end, so they run in the model process, whose deadline ends them.
 */
export interface TextCodec {
  /** Where a generation ends. */
  readonly endTokens: ReadonlySet<number>;
  encodeChat(messages: readonly ChatMessage[]): readonly number[];
  encodeText(text: string): readonly number[];
  openStream(stop: readonly string[]): TextStream;
}

/** Throws `ModelError`: model_refused for files that cannot be used, and later model_input for what they do not take. */
export function openTextCodec(files: ReadonlyMap<string, Uint8Array>): TextCodec {
  const read = readTokenizerFiles(files);
  const encoder = createEncoder(read);
  const pieces = createTokenPieces(read, (id) => encoder.tokenizer.id_to_token(id));
  const disguise = createDisguise(read.control);
  const render = compileTemplate(read);
  return {
    endTokens: read.endIds,
    encodeChat: (given) => {
      const messages = given.map(({ role, content }) => ({ role, content: wellFormed(content) }));
      const contents = messages.map(({ content }) => content);
      const rendered = render(messages);
      const mark = unusedMark([...contents, read.template ?? '']);
      if (mark === null) throw new ModelError('model_input', 'the messages use up the noncharacters of Unicode');
      const disguised = contents.map((content) => disguise(content, mark));
      const isHidden = contents.some(encoder.turnsIntoControl);
      if (!isHidden && disguised.every((content) => content === null)) return checked(encoder.encode(rendered));
      const guarded = render(
        messages.map(({ role, content }, index) => ({ role, content: disguised[index] ?? content })),
      );
      // Where the messages add no control token, the publisher's tokenizer reads what its template wrote, as always.
      const isHarmless =
        !isHidden &&
        contents.every((content) => encoder.controlsIn(content).length === 0) &&
        sameTexts(encoder.controlsIn(rendered), encoder.controlsIn(guarded));
      return checked(isHarmless ? encoder.encode(rendered) : encoder.encodeDisguised(guarded, mark));
    },
    encodeText: (text) => checked(encoder.encodePlain(wellFormed(text))),
    openStream: (stop) => openTextStream(pieces, stop),
  };
}

function compileTemplate({ template, named }: TokenizerFiles): (messages: readonly ChatMessage[]) => string {
  if (template === null) {
    return () => {
      throw new ModelError('model_input', 'this model has no chat template: it takes completions only');
    };
  }
  const program = parse(template);
  // The template language has a clock, which an enclave has not, and two renderings of one conversation must be equal.
  // Templates ask whether it is there before they use it.
  program.parsed.body.unshift(...parse('{% set strftime_now = not_given %}').parsed.body);
  const variables = { ...Object.fromEntries(named), add_generation_prompt: true, tools: null, documents: null };
  return (messages) => {
    try {
      return program.render({ ...variables, messages });
    } catch (error) {
      const hint = template.includes('strftime_now') ? ' (it may ask for the time, which no enclave knows)' : '';
      const detail = `the chat template refuses: ${(error as Error).message}${hint}`;
      throw new ModelError('model_input', detail, { cause: error });
    }
  };
}

function parse(template: string): Template {
  try {
    return new Template(template);
  } catch (error) {
    throw refused(`the chat template is broken: ${(error as Error).message}`, error);
  }
}

/** Half a character has no bytes; requests with one are refused where they are read, so this only keeps a promise. */
function wellFormed(text: string): string {
  return text.replaceAll(/\p{Surrogate}/gu, '\ufffd');
}

function sameTexts(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((text, index) => text === b[index]);
}

function checked(tokens: readonly number[]): readonly number[] {
  if (tokens.length === 0) throw new ModelError('model_input', 'the prompt has no tokens');
  return tokens;
}
