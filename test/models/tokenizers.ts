import { utf8 } from '../../wire/bytes.ts';

/**
 * Small tokenizers of the kinds that language models have, written out as the files of a release: byte-level BPE,
 * SentencePiece-style BPE with byte fallback, and Unigram. Each can be dressed with a chat template and its tokens.
 */
export interface TokenizerFixture {
  readonly definition: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface ExtraToken {
  readonly content: string;
  readonly special?: boolean;
  readonly normalized?: boolean;
  readonly lstrip?: boolean;
  readonly rstrip?: boolean;
}

export interface Dress {
  readonly tokens?: readonly ExtraToken[];
  readonly template?: string | null;
  readonly config?: Readonly<Record<string, unknown>>;
}

export function filesOf({ definition, config }: TokenizerFixture): Map<string, Uint8Array> {
  return new Map([
    ['tokenizer.json', utf8(JSON.stringify(definition))],
    ['tokenizer_config.json', utf8(JSON.stringify(config))],
  ]);
}

const WORDS = [
  'the',
  'hello',
  'world',
  'in',
  'user',
  'assistant',
  'end',
  'im',
  'ing',
  'and',
  'INST',
  'é',
  '日本',
  '🙂',
];

/** Merges that build a word from its left, and the tokens they make. */
function mergesOf(symbols: readonly (readonly string[])[]): { merges: [string, string][]; tokens: string[] } {
  const merges = new Map<string, [string, string]>();
  for (const [first, ...rest] of symbols) {
    let left = first as string;
    for (const right of rest) {
      if (!merges.has(left + right)) merges.set(left + right, [left, right]);
      left += right;
    }
  }
  return { merges: [...merges.values()], tokens: [...merges.keys()] };
}

function byteAlphabet(): readonly string[] {
  const shown = (byte: number): boolean =>
    (byte > 0x20 && byte < 0x7f) || (byte > 0xa0 && byte < 0x100 && byte !== 0xad);
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => String.fromCharCode(shown(byte) ? byte : next++));
}

interface DressedVocabulary {
  /** In the order of their ids, which an object with digits for names does not keep. */
  readonly pieces: readonly string[];
  readonly vocab: Readonly<Record<string, number>>;
  readonly added: readonly object[];
  readonly config: Readonly<Record<string, unknown>>;
}

function dressed(
  vocabulary: readonly string[],
  { tokens = [], template = null, config = {} }: Dress,
): DressedVocabulary {
  const pieces = [...new Set([...vocabulary, ...tokens.map(({ content }) => content)])];
  const vocab = Object.fromEntries(pieces.map((token, id) => [token, id]));
  const added = tokens.map((token) => ({
    id: vocab[token.content],
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
    ...token,
  }));
  return { pieces, vocab, added, config: { ...(template === null ? {} : { chat_template: template }), ...config } };
}

/** As GPT-2 and Llama 3 have it: every byte has a character, words begin with their space. */
export function byteLevel(dress: Dress = {}): TokenizerFixture {
  const alphabet = byteAlphabet();
  const spell = (word: string): string[] => Array.from(utf8(word), (byte) => alphabet[byte] as string);
  // The last one makes a control token out of its letters, which a careless vocabulary may do.
  const words = [...WORDS, ...WORDS.map((word) => ` ${word}`), '\n\n', '<|', '|>', '<|im_end|>'];
  const { merges, tokens } = mergesOf(words.map(spell));
  const { vocab, added, config } = dressed([...alphabet, ...tokens], dress);
  return {
    config,
    definition: {
      version: '1.0',
      added_tokens: added,
      normalizer: null,
      pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
      post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
      decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
      model: { type: 'BPE', vocab, merges: merges.map((pair) => pair.join(' ')), byte_fallback: false },
    },
  };
}

const SENTENCE_TOKENS: readonly ExtraToken[] = [{ content: '<unk>' }, { content: '<s>' }, { content: '</s>' }];

const BYTES = Array.from({ length: 256 }, (_, byte) => `<0x${byte.toString(16).toUpperCase().padStart(2, '0')}>`);

const LETTERS = Array.from('▁abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.,:;!?<>|/[]_-é日');

/** The token of the beginning before every text, as Llama's has it. */
const BEGINNING = {
  type: 'TemplateProcessing',
  single: [{ SpecialToken: { id: '<s>', type_id: 0 } }, { Sequence: { id: 'A', type_id: 0 } }],
  pair: [{ Sequence: { id: 'A', type_id: 0 } }, { Sequence: { id: 'B', type_id: 1 } }],
  special_tokens: { '<s>': { id: '<s>', ids: [1], tokens: ['<s>'] } },
};

const spaces = { type: 'Replace', pattern: { String: ' ' }, content: '▁' };
const backToSpaces = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };

/** As Llama 2 (`normaliser`: a space before every stretch) and Mistral (`first`: before the text only) have it. */
export function sentencePiece(prefix: 'normaliser' | 'first', dress: Dress = {}): TokenizerFixture {
  const words = WORDS.filter((word) => /^[a-zA-Z]+$/.test(word));
  const { merges, tokens } = mergesOf(
    [...words, ...words.map((word) => `▁${word}`), '▁▁'].map((word) => Array.from(word)),
  );
  const named = { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>' };
  const { vocab, added, config } = dressed(['<unk>', '<s>', '</s>', ...BYTES, ...LETTERS, ...tokens], {
    ...dress,
    tokens: [...SENTENCE_TOKENS, ...(dress.tokens ?? [])],
    config: { ...named, ...dress.config },
  });
  const inNormaliser = prefix === 'normaliser';
  return {
    config,
    definition: {
      version: '1.0',
      added_tokens: added,
      normalizer: inNormaliser ? { type: 'Sequence', normalizers: [{ type: 'Prepend', prepend: '▁' }, spaces] } : null,
      pre_tokenizer: inNormaliser
        ? null
        : { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: false },
      post_processor: BEGINNING,
      decoder: {
        type: 'Sequence',
        decoders: [
          backToSpaces,
          { type: 'ByteFallback' },
          { type: 'Fuse' },
          { type: 'Strip', content: ' ', start: 1, stop: 0 },
        ],
      },
      model: { type: 'BPE', vocab, merges, unk_token: '<unk>', fuse_unk: true, byte_fallback: true },
    },
  };
}

/** As T5 has it: its control tokens are ordinary entries of a vocabulary that is searched by text. */
export function unigram(dress: Dress = {}): TokenizerFixture {
  const words = WORDS.filter((word) => /^[a-zA-Z]+$/.test(word)).flatMap((word) => [word, `▁${word}`]);
  const { pieces, added, config } = dressed(['<unk>', '<s>', '</s>', ...LETTERS, ...words], {
    ...dress,
    tokens: [...SENTENCE_TOKENS, ...(dress.tokens ?? [])],
    config: { bos_token: '<s>', eos_token: '</s>', unk_token: '<unk>', ...dress.config },
  });
  return {
    config,
    definition: {
      version: '1.0',
      added_tokens: added,
      normalizer: { type: 'NFKC' },
      pre_tokenizer: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
      post_processor: BEGINNING,
      decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'always' },
      model: {
        type: 'Unigram',
        unk_id: 0,
        vocab: pieces.map((piece) => [piece, -Array.from(piece).length]),
      },
    },
  };
}

/** How the families write a conversation, each with its own tokens. */
export interface ChatStyle extends Required<Pick<Dress, 'tokens' | 'template'>> {
  readonly template: string;
  readonly config: Readonly<Record<string, unknown>>;
}

const control = (...contents: readonly string[]): ExtraToken[] => contents.map((content) => ({ content }));

const TURNS = "{% for m in messages %}{% set text = m['content'] %}";
const OPENING = '{% endfor %}{% if add_generation_prompt %}';

export type ChatStyleName = 'chatml' | 'headers' | 'turns' | 'brackets' | 'lines' | 'tight';

export const chatStyles: Readonly<Record<ChatStyleName, ChatStyle>> = {
  chatml: {
    tokens: control('<|im_start|>', '<|im_end|>'),
    config: { eos_token: '<|im_end|>' },
    template: `${TURNS}{{ '<|im_start|>' + m['role'] + '\\n' + text + '<|im_end|>\\n' }}${OPENING}{{ '<|im_start|>assistant\\n' }}{% endif %}`,
  },
  headers: {
    tokens: control('<|begin_of_text|>', '<|start_header_id|>', '<|end_header_id|>', '<|eot_id|>'),
    config: { bos_token: '<|begin_of_text|>', eos_token: '<|eot_id|>' },
    template: `{{ bos_token }}${TURNS}{{ '<|start_header_id|>' ~ m.role ~ '<|end_header_id|>\\n\\n' ~ text | trim ~ '<|eot_id|>' }}${OPENING}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}{% endif %}`,
  },
  turns: {
    tokens: [...control('<bos>', '<start_of_turn>', '<end_of_turn>'), { content: '  ', special: false }],
    config: { bos_token: { __type: 'AddedToken', content: '<bos>' }, eos_token: '<end_of_turn>' },
    template: `{{ bos_token }}${TURNS}{% if m.role == 'system' %}{{ raise_exception('no system messages') }}{% endif %}<start_of_turn>{{ 'model' if m.role == 'assistant' else m.role }}\n{{ text | trim }}<end_of_turn>\n${OPENING}<start_of_turn>model\n{% endif %}`,
  },
  brackets: {
    tokens: control('<s>', '</s>', '[INST]', '[/INST]'),
    config: { bos_token: '<s>', eos_token: '</s>' },
    template: `{{ bos_token }}${TURNS}{% if m.role == 'user' %}{{ '[INST] ' + text + '[/INST]' }}{% elif m.role == 'assistant' %}{{ ' ' + text.strip() + eos_token }}{% else %}{{ text }}{% endif %}{% endfor %}`,
  },
  lines: {
    tokens: [
      { content: '<|endoftext|>' },
      ...['<|system|>', '<|user|>', '<|assistant|>', '<|end|>'].map((content) => ({ content, rstrip: true })),
      { content: '<think>', special: false },
    ],
    config: {
      eos_token: '<|endoftext|>',
      additional_special_tokens: ['<|end|>', { __type: 'AddedToken', content: '<|user|>' }],
    },
    template: `${TURNS}{{ '<|' + m['role'] + '|>' + '\\n' + text + '<|end|>' + '\\n' }}${OPENING}{{ '<|assistant|>\\n' }}{% endif %}`,
  },
  /** Puts a message between two halves of its tokens, which nobody should. */
  tight: {
    tokens: control('<|a|>', '<|ab|>', '|>', '¶'),
    config: { eos_token: '¶' },
    template: `${TURNS}<|{{ text }}|>{{ text }}¶{{ text | upper }}{{ text | trim }}|>{% endfor %}`,
  },
};
