import { utf8 } from '../../wire/bytes.ts';

/** A byte-level BPE vocabulary: special tokens, all bytes, then pairs of letters as merges until it is full. */
const special = ['<|pad|>', '<|system|>', '<|user|>', '<|assistant|>', '<|end|>'] as const;
export const endToken: number = special.indexOf('<|end|>');

const TEMPLATE = [
  "{% for message in messages %}<|{{ message['role'] }}|>{{ message['content'] }}<|end|>{% endfor %}",
  '{% if add_generation_prompt %}<|assistant|>{% endif %}',
].join('');

/** Letters by how often English uses them, so that the first merges are likely ones. */
const LETTERS = 'etaoinshrdlucmfwypvbgkjqxz';

export function tokenizerFiles({
  vocabulary,
}: {
  readonly vocabulary: number;
}): readonly (readonly [string, Uint8Array])[] {
  const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value, null, 2));
  const added = special.map((content, id) => ({
    id,
    content,
    single_word: false,
    lstrip: false,
    rstrip: false,
    normalized: false,
    special: true,
  }));
  const byteLevel = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true };
  const tokens = [...special, ...byteSymbols()];
  const pairs = mergesFor(vocabulary - tokens.length);
  const vocab = Object.fromEntries([...tokens, ...pairs.map((pair) => pair.join(''))].map((token, id) => [token, id]));
  const tokenizer = {
    version: '1.0',
    truncation: null,
    padding: null,
    added_tokens: added,
    normalizer: null,
    pre_tokenizer: byteLevel,
    post_processor: null,
    decoder: byteLevel,
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges: pairs.map((pair) => pair.join(' ')),
    },
  };
  const config = {
    tokenizer_class: 'PreTrainedTokenizerFast',
    add_bos_token: false,
    add_prefix_space: false,
    bos_token: null,
    eos_token: '<|end|>',
    pad_token: '<|pad|>',
    unk_token: null,
    clean_up_tokenization_spaces: false,
    model_max_length: 256,
    added_tokens_decoder: Object.fromEntries(added.map(({ id, ...rest }) => [String(id), rest])),
    chat_template: TEMPLATE,
  };
  return [
    ['tokenizer.json', json(tokenizer)],
    ['tokenizer_config.json', json(config)],
  ];
}

/** One visible character for each byte: printable ones stand for themselves, the others move to U+0100 and up. */
function byteSymbols(): readonly string[] {
  let moved = 0x100;
  return Array.from({ length: 256 }, (_, byte) => {
    const visible = (byte >= 0x21 && byte <= 0x7e) || (byte >= 0xa1 && byte <= 0xac) || byte >= 0xae;
    return String.fromCharCode(visible ? byte : moved++);
  });
}

function mergesFor(count: number): readonly (readonly [string, string])[] {
  const pairs = [...LETTERS].flatMap((first) => [...LETTERS].map((second) => [first, second] as const));
  const spaced = [...LETTERS].map((letter) => ['\u0120', letter] as const);
  const all = [...spaced, ...pairs];
  if (count < 0 || count > all.length) throw new Error(`no vocabulary of that size: ${count} merges`);
  return all.slice(0, count);
}
