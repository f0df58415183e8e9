import { describe, expect, it } from 'vitest';
import { openTextCodec } from '../../../../../enclave/worker/model/language/text-codec.ts';
import { utf8 } from '../../../../../wire/bytes.ts';
import { limits } from '../../../../../wire/limits.ts';
import { byteLevel, chatStyles, filesOf, sentencePiece, unigram } from '../../../../models/tokenizers.ts';
import { refusalOf } from './support.ts';

const base = byteLevel(chatStyles.chatml);

type Files = Map<string, Uint8Array>;

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value));
const withDefinition = (more: object): Files => filesOf({ ...base, definition: { ...base.definition, ...more } });
const withConfig = (more: object): Files => filesOf({ ...base, config: { ...base.config, ...more } });
const withFile = (name: string, content: Uint8Array): Files => filesOf(base).set(name, content);
const withModel = (more: object): Files =>
  withDefinition({ model: { ...(base.definition['model'] as object), ...more } });
const withDecoders = (...decoders: readonly object[]): Files =>
  withDefinition({ decoder: { type: 'Sequence', decoders } });
const without = (name: string): Files => {
  const files = filesOf(base);
  files.delete(name);
  return files;
};

const replace = { type: 'Replace', pattern: { String: '▁' }, content: ' ' };
const fuse = { type: 'Fuse' };

describe('files of a tokenizer', () => {
  it.each<[string, Files, string]>([
    ['no tokenizer', without('tokenizer.json'), 'the release has no tokenizer.json'],
    ['no configuration', without('tokenizer_config.json'), 'the release has no tokenizer_config.json'],
    ['text that is not JSON', withFile('tokenizer.json', utf8('{')), 'tokenizer.json is not JSON'],
    ['bytes that are not text', withFile('tokenizer_config.json', Uint8Array.of(0xff)), 'is not UTF-8'],
    ['a list for an object', withFile('tokenizer.json', json([])), 'tokenizer.json is not a JSON object'],
    ['no model', withDefinition({ model: null }), 'has no model'],
    ['another kind of model', withModel({ type: 'WordLevel' }), '"WordLevel" is not served'],
    ['no vocabulary', withModel({ vocab: {} }), 'the vocabulary is not usable'],
    ['ids that are none', withModel({ vocab: { a: -1 } }), 'the vocabulary is not usable'],
    [
      'ids beyond all vocabularies',
      withModel({ vocab: { a: limits.tokenizerTokens } }),
      'the vocabulary is not usable',
    ],
    ['pieces without a score', withModel({ type: 'Unigram', vocab: [['a']] }), 'the vocabulary is not usable'],
    ['a model that the package refuses', withModel({ merges: null }), 'the tokenizer cannot be opened'],
    ['added tokens that are no list', withDefinition({ added_tokens: {} }), 'added_tokens is not a list'],
    ['an added token that is none', withDefinition({ added_tokens: ['x'] }), 'an added token is not an object'],
    ['an added token of nothing', withDefinition({ added_tokens: [{ id: 1, content: '' }] }), 'has no content'],
    ['an added token without id', withDefinition({ added_tokens: [{ content: 'x' }] }), '"x" has no usable id'],
    ['a suffix of words', withModel({ end_of_word_suffix: '</w>' }), 'word suffixes are not served'],
    ['an end that is no token', withFile('generation_config.json', json({ eos_token_id: [1, 'x'] })), 'is no token'],
    ['a configuration that is no object', withFile('config.json', json(null)), 'config.json is not a JSON object'],
    ['a template that is no text', withConfig({ chat_template: 7 }), 'the chat template is not text'],
    ['a broken template', withConfig({ chat_template: '{% if %}' }), 'the chat template is broken'],
    ['a broken template file', withFile('chat_template.jinja', utf8('{{')), 'the chat template is broken'],
    ['a long template', withConfig({ chat_template: ' '.repeat(limits.chatTemplateBytes + 1) }), 'too long'],
    [
      'a long template file',
      withFile('chat_template.jinja', new Uint8Array(limits.chatTemplateBytes + 1)),
      'bytes where 262144 are allowed',
    ],
    [
      'a long configuration',
      withFile('tokenizer_config.json', new Uint8Array(limits.tokenizerConfigBytes + 1)),
      'bytes where 4194304 are allowed',
    ],
    ['a long tokenizer', withFile('tokenizer.json', new Uint8Array(limits.tokenizerBytes + 1)), 'are allowed'],
    ['no decoder', withDefinition({ decoder: null }), 'without a decoder'],
    ['another decoder', withDefinition({ decoder: { type: 'CTC' } }), '"CTC" is not served'],
    ['another decoder in a row', withDecoders(replace, { type: 'WordPiece' }), '"WordPiece" is not served'],
    ['decoders in another order', withDecoders({ type: 'ByteFallback' }, replace), 'Replace after ByteFallback'],
    ['a pattern', withDecoders({ ...replace, pattern: { Regex: '▁+' } }, fuse), "the decoder's pattern"],
    ['a cut of every token', withDecoders({ type: 'Strip', content: ' ', start: 1, stop: 0 }), 'this Strip decoder'],
    ['a cut at the end', withDecoders(fuse, { type: 'Strip', content: ' ', start: 0, stop: 1 }), 'this Strip decoder'],
    ['a space of nothing', withDefinition({ decoder: { type: 'Metaspace', replacement: '' } }), 'replacement'],
  ])('are refused with %s', (_, files, detail) => {
    const refusal = refusalOf(() => openTextCodec(files));
    expect(refusal).toMatchObject({ code: 'model_refused', detail: expect.stringContaining(detail) });
  });

  it('may leave out parts, and hold numbers that JavaScript rounds', () => {
    const { model, decoder } = base.definition;
    const files = filesOf({ definition: { model, decoder }, config: {} });
    files.set('tokenizer_config.json', utf8('{"model_max_length":1000000000000000019884624838656}'));
    expect(openTextCodec(files).encodeText('the')).toHaveLength(1);
  });

  it('may have an older model without a type', () => {
    expect(
      openTextCodec(withModel({ type: undefined, continuing_subword_prefix: '', unk_token: null })).endTokens.size,
    ).toBe(1);
  });
});

describe('where a generation ends', () => {
  const idOf = (content: string): number =>
    (base.definition['added_tokens'] as { id: number; content: string }[]).find((token) => token.content === content)
      ?.id as number;
  const ends = (files: Files): readonly number[] => [...openTextCodec(files).endTokens].sort((a, b) => a - b);

  it('is every token that one of the files names', () => {
    const end = idOf('<|im_end|>');
    expect(ends(filesOf(base))).toEqual([end]);
    expect(ends(withFile('generation_config.json', json({ eos_token_id: 3 })))).toEqual([3, end]);
    expect(ends(withFile('config.json', json({ eos_token_id: [5, 4] })))).toEqual([4, 5, end]);
    expect(ends(withFile('config.json', json({ eos_token_id: null })))).toEqual([end]);
    const all = withFile('config.json', json({ eos_token_id: 7 }));
    expect(ends(all.set('generation_config.json', json({ eos_token_id: [8, 7] })))).toEqual([7, 8, end]);
  });

  it('is nowhere where none is named', () => {
    expect(ends(withConfig({ eos_token: null }))).toEqual([]);
    expect(ends(withConfig({ eos_token: 'no such token' }))).toEqual([]);
  });

  it('may be a token of the vocabulary alone', () => {
    const names = { added_tokens: [] };
    const bytes = { ...base, config: { eos_token: 'Ā' }, definition: { ...base.definition, ...names } };
    expect(ends(filesOf(bytes))).toEqual([0]);
    for (const fixture of [unigram(), sentencePiece('first')]) {
      expect(ends(filesOf({ ...fixture, definition: { ...fixture.definition, ...names } }))).toEqual([2]);
    }
  });
});
