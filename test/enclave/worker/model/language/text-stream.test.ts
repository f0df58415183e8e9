import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { TextStream } from '../../../../../enclave/worker/model/language/text-stream.ts';
import { byteLevel, chatStyles, sentencePiece, type TokenizerFixture, unigram } from '../../../../models/tokenizers.ts';
import { kinds, type Pair, pairOf } from './support.ts';

interface Run {
  readonly texts: readonly string[];
  readonly stopped: boolean;
}

function run(stream: TextStream, tokens: readonly number[]): Run {
  const pushed = tokens.map((token) => stream.push(token));
  return { texts: [...pushed.map(({ text }) => text), stream.end()], stopped: pushed.at(-1)?.stopped ?? false };
}

const textOf = (pair: Pair, tokens: readonly number[], stop: readonly string[] = []): string =>
  run(pair.codec.openStream(stop), tokens).texts.join('');

/** What the package decodes at once, which is what the pieces must add up to. */
function whole(pair: Pair, tokens: readonly number[]): string {
  const visible = tokens.filter((token) => !skipped(pair).has(token));
  if (visible.length === 0) return '';
  return pair.tokenizer.decode(visible, { skip_special_tokens: true, clean_up_tokenization_spaces: false });
}

function skipped({ tokenizer, controlIds }: Pair): ReadonlySet<number> {
  const unknown = tokenizer.token_to_id('<unk>');
  return new Set([...controlIds, ...(unknown === undefined ? [] : [unknown])]);
}

const size = ({ definition }: TokenizerFixture): number => {
  const { vocab } = definition['model'] as { vocab: object };
  return Object.keys(vocab).length;
};

describe.each(Object.entries(kinds))('a stream of %s', (_, make) => {
  const fixture = make(chatStyles.lines);
  const pair = pairOf(fixture);

  it('adds up to the text that the package decodes at once', () => {
    const tokens = fc.array(fc.nat(size(fixture) - 1), { maxLength: 60 });
    fc.assert(
      fc.property(tokens, (ids) => {
        expect(textOf(pair, ids)).toBe(whole(pair, ids));
      }),
      { numRuns: 500 },
    );
  });

  it('gives back what was encoded', () => {
    for (const text of ['hello world', 'x, the end.', '<think>', 'user']) {
      expect(textOf(pair, pair.codec.encodeText(text))).toBe(text);
    }
  });

  it('ends at the stop string that is complete first, however the tokens lie', () => {
    const tokens = fc.array(fc.nat(size(fixture) - 1), { maxLength: 40 });
    const cut = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 6 }));
    fc.assert(
      fc.property(tokens, fc.array(cut, { minLength: 1, maxLength: 4 }), (ids, cuts) => {
        const text = whole(pair, ids);
        const characters = Array.from(text);
        const stop = cuts
          .map(([at, length]) => characters.slice(at % (characters.length + 1)).slice(0, length))
          .map((part) => part.join(''))
          .filter((part) => part !== '');
        const ends = stop.map((part) => text.indexOf(part) + part.length);
        const first = Math.min(...ends);
        const starts = stop.filter((_part, index) => ends[index] === first).map((part) => first - part.length);
        const expected = stop.length === 0 ? text : text.slice(0, Math.min(...starts));
        expect(textOf(pair, ids, stop)).toBe(expected);
      }),
      { numRuns: 500 },
    );
  });
});

describe('characters over several tokens', () => {
  const bytes = pairOf(byteLevel());
  const tokensOf = (hex: string): number[] => Array.from(Buffer.from(hex, 'hex'));

  it('come when they are complete', () => {
    // The first 256 tokens of the fixture are the bytes.
    const { texts } = run(bytes.codec.openStream([]), tokensOf('61f09f99826262'));
    expect(texts).toEqual(['a', '', '', '', '🙂', 'b', 'b', '']);
  });

  it('come as replacement characters as soon as they cannot be completed', () => {
    const { texts } = run(bytes.codec.openStream([]), tokensOf('e28241ff80c3'));
    expect(texts).toEqual(['', '', '\ufffdA', '\ufffd', '\ufffd', '', '\ufffd']);
  });

  it('go on across a token that is not shown', () => {
    const pair = pairOf(byteLevel(chatStyles.chatml));
    const control = pair.tokenizer.token_to_id('<|im_start|>') as number;
    expect(textOf(pair, [0xc3, control, 0xa9])).toBe('é');
  });

  it('come from byte tokens among words', () => {
    const pair = pairOf(sentencePiece('first'));
    const byte = (value: number): number => 3 + value;
    const the = pair.tokenizer.token_to_id('▁the') as number;
    const { texts } = run(pair.codec.openStream([]), [the, byte(0xe8), byte(0xaa), byte(0x9e), the, byte(0xe8)]);
    expect(texts).toEqual(['the', '', '', '語', ' the', '', '\ufffd']);
    expect(run(pair.codec.openStream([]), [the, byte(0xe8), the]).texts).toEqual(['the', '', '\ufffd the', '']);
  });
});

describe('the space before a text', () => {
  it.each([sentencePiece('first'), sentencePiece('normaliser'), unigram()])('is cut once, at the start', (fixture) => {
    const pair = pairOf(fixture);
    const the = pair.tokenizer.token_to_id('▁the') as number;
    const space = pair.tokenizer.token_to_id('▁') as number;
    expect(textOf(pair, [the, the])).toBe('the the');
    expect(textOf(pair, [1, the, the])).toBe('the the');
    expect(textOf(pair, [space, the])).toBe(' the');
  });

  it('may be several, which must be the first characters', () => {
    const base = sentencePiece('first');
    const decoders = [
      { type: 'Replace', pattern: { String: '▁' }, content: ' ' },
      { type: 'Fuse' },
      { type: 'Strip', content: ' ', start: 2, stop: 0 },
    ];
    const pair = pairOf({ ...base, definition: { ...base.definition, decoder: { type: 'Sequence', decoders } } });
    const [the, space, x] = ['▁the', '▁', 'x'].map((token) => pair.tokenizer.token_to_id(token) as number);
    for (const tokens of [[the], [space, the], [space, space, the], [space, x, the], [x, the]] as number[][]) {
      expect(textOf(pair, tokens)).toBe(whole(pair, tokens));
    }
    expect(textOf(pair, [space, space, the] as number[])).toBe(' the');
  });

  it('is kept where bytes have it', () => {
    const { codec } = pairOf(byteLevel());
    expect(textOf(pairOf(byteLevel()), codec.encodeText(' the'))).toBe(' the');
  });
});

describe('tokens that are not text', () => {
  const pair = pairOf(byteLevel(chatStyles.lines));

  it('are left out: control tokens, and ids beyond the vocabulary', () => {
    const control = pair.tokenizer.token_to_id('<|end|>') as number;
    expect(textOf(pair, [0x61, control, 1_000_000, 0x62])).toBe('ab');
  });

  it('are shown where they are added but not special', () => {
    const think = pair.tokenizer.token_to_id('<think>') as number;
    expect(run(pair.codec.openStream([]), [0xc3, think, 0x62]).texts).toEqual(['', '\ufffd<think>', 'b', '']);
    // Each character of it would be a byte in a token of the model's own.
    const letters = pairOf(byteLevel({ tokens: [{ content: 'éé', special: false }] }));
    expect(textOf(letters, [letters.tokenizer.token_to_id('éé') as number])).toBe('éé');
  });
});

describe('stop strings', () => {
  const pair = pairOf(byteLevel());
  const letters = (text: string): number[] => Array.from(Buffer.from(text, 'latin1'));
  const stream = (...stop: readonly string[]): TextStream => pair.codec.openStream(stop);
  const hello = pair.tokenizer.token_to_id('hello') as number;

  it('hold back what may be their beginning', () => {
    const { texts, stopped } = run(stream('END'), letters('aENEND!'));
    expect(texts).toEqual(['a', '', '', 'EN', '', '', '', '']);
    expect(stopped).toBe(true);
  });

  it('let go of it at the end', () => {
    expect(run(stream('END'), letters('aEN'))).toEqual({ texts: ['a', '', '', 'EN'], stopped: false });
  });

  it('are found within one token, and the text before them comes', () => {
    expect(stream('ll').push(hello)).toEqual({ text: 'he', stopped: true });
    expect(stream('hello').push(hello)).toEqual({ text: '', stopped: true });
    expect(stream('lo', 'el').push(hello)).toEqual({ text: 'h', stopped: true });
    expect(stream('ell', 'l').push(hello)).toEqual({ text: 'he', stopped: true });
  });

  it('are found over a character of several tokens', () => {
    const { texts, stopped } = run(stream('é!'), [0x61, 0xc3, 0xa9, 0x21, 0x62]);
    expect(texts.join('')).toBe('a');
    expect(stopped).toBe(true);
  });

  it('are found in what only the end completes', () => {
    const held = stream('\ufffd');
    expect(held.push(0x61)).toEqual({ text: 'a', stopped: false });
    expect(held.push(0xc3)).toEqual({ text: '', stopped: false });
    expect(held.end()).toBe('');
  });

  it('end a stream for good', () => {
    const ended = stream('b');
    expect(ended.push(0x62)).toEqual({ text: '', stopped: true });
    expect(ended.push(0x63)).toEqual({ text: '', stopped: true });
    expect(ended.end()).toBe('');
  });

  it('see the space that the text really has', () => {
    const sentence = pairOf(sentencePiece('first'));
    const the = sentence.tokenizer.token_to_id('▁the') as number;
    expect(textOf(sentence, [the, the], [' the'])).toBe('the');
  });
});
