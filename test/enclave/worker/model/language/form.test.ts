import { describe, expect, it } from 'vitest';
import { type OnnxValue, onnxType, writeOnnx } from '../../../../../cli/demo-model/onnx-writer.ts';
import { ModelError } from '../../../../../enclave/worker/model/errors.ts';
import { openTokenEngine } from '../../../../../enclave/worker/model/language/token-engine.ts';
import { utf8 } from '../../../../../wire/bytes.ts';
import { limits } from '../../../../../wire/limits.ts';
import { testDecoder } from '../../../../models/decoder.ts';

const value = (name: string, type: OnnxValue['type'], ...dimensions: (string | number)[]): OnnxValue => ({
  name,
  type,
  dimensions,
});
const { float32, float16, int64, int32 } = onnxType;

const concatInputs: readonly OnnxValue[] = [
  value('input_ids', int64, 'b', 's'),
  value('attention_mask', int64, 'b', 't'),
  value('position_ids', int64, 'b', 's'),
  value('past_key_values.0.key', float32, 'b', 2, 'p', 8),
  value('past_key_values.0.value', float32, 'b', 2, 'p', 8),
];
const concatOutputs: readonly OnnxValue[] = [
  value('logits', float32, 'b', 's', 32),
  value('present.0.key', float32, 'b', 2, 't', 8),
  value('present.0.value', float32, 'b', 2, 't', 8),
];
const splitInputs: readonly OnnxValue[] = [
  value('input_ids', int64, 'b', 's'),
  value('position_ids', int64, 'b', 's'),
  value('mask', float32, 'b', 1, 's', 't'),
  value('pk0', float32, 'b', 2, 'p', 8),
  value('pv0', float32, 'b', 2, 'p', 8),
];
const splitOutputs: readonly OnnxValue[] = [
  value('logits', float32, 'b', 1, 32),
  value('new_kv', float32, 'b', 4, 's', 8),
];

const replaced = (values: readonly OnnxValue[], ...others: OnnxValue[]): readonly OnnxValue[] => [
  ...values.filter(({ name }) => !others.some((other) => other.name === name)),
  ...others,
];
const without = (values: readonly OnnxValue[], name: string): readonly OnnxValue[] =>
  values.filter((candidate) => candidate.name !== name);

/** A graph of declarations only: what is refused here is refused before the engine sees a byte. */
function declared(inputs: readonly OnnxValue[], outputs: readonly OnnxValue[], operatorSet = 17): Uint8Array {
  const graph = { name: 'g', nodes: [], initializers: [], inputs, outputs };
  return writeOnnx({ producer: 'test', irVersion: 8, operatorSets: { '': operatorSet }, graph });
}

const plain = {
  max_position_embeddings: 64,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  hidden_size: 16,
  vocab_size: 32,
};

async function refusal(files: Readonly<Record<string, Uint8Array>>, entry = 'model.onnx'): Promise<string> {
  try {
    await openTokenEngine(new Map(Object.entries(files)), {
      entry,
      optimisation: 'all',
      threads: 1,
      endTokens: new Set(),
      capacity: 1,
    });
  } catch (error) {
    if (error instanceof ModelError) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'accepted';
}

const config = (change: Readonly<Record<string, unknown>> = {}): Uint8Array =>
  utf8(JSON.stringify({ ...plain, ...change }));
const refusedGraph = (inputs: readonly OnnxValue[], outputs: readonly OnnxValue[]): Promise<string> =>
  refusal({ 'config.json': config(), 'model.onnx': declared(inputs, outputs) });

describe('inputs', () => {
  it.each([
    'encoder_hidden_states',
    'token_type_ids',
    'num_logits_to_keep',
    'past_conv.0',
    'past_key_values.0.decoder.key',
    'mask',
    'block_table',
  ])('%s is refused by its name', async (name) => {
    const inputs = [...concatInputs, value(name, int64, 'b')];
    expect(await refusedGraph(inputs, concatOutputs)).toBe(
      `model_refused: the decoder asks for ${name}, which is not an input that is known`,
    );
  });

  it('of one layout are refused in the other', async () => {
    expect(await refusedGraph([...splitInputs, value('attention_mask', int64, 'b', 't')], splitOutputs)).toContain(
      'the decoder asks for attention_mask',
    );
    expect(await refusedGraph([...concatInputs, value('pk0', float32, 'b', 2, 'p', 8)], concatOutputs)).toContain(
      'the decoder asks for pk0',
    );
  });

  it.each(['input_ids', 'attention_mask'])('%s cannot be missing', async (name) => {
    expect(await refusedGraph(without(concatInputs, name), concatOutputs)).toBe(
      `model_refused: the decoder has no input ${name}`,
    );
  });

  it('of another type are refused, half floats by name', async () => {
    const halves = replaced(concatInputs, value('past_key_values.0.key', float16, 'b', 2, 'p', 8));
    expect(await refusedGraph(halves, concatOutputs)).toBe(
      'model_refused: past_key_values.0.key is float16 where float32 is served',
    );
    const short = replaced(concatInputs, value('input_ids', int32, 'b', 's'));
    expect(await refusedGraph(short, concatOutputs)).toBe('model_refused: input_ids is int32 where int64 is served');
  });
});

describe('outputs', () => {
  it.each([
    ['logits', concatInputs, concatOutputs],
    ['present.0.value', concatInputs, concatOutputs],
  ] as const)('%s cannot be missing', async (name, inputs, outputs) => {
    expect(await refusedGraph(inputs, without(outputs, name))).toBe(`model_refused: the decoder has no output ${name}`);
  });

  it('in half floats are refused by name', async () => {
    const halves = replaced(concatOutputs, value('present.0.key', float16, 'b', 2, 't', 8));
    expect(await refusedGraph(concatInputs, halves)).toBe(
      'model_refused: present.0.key is float16 where float32 is served',
    );
  });

  it("with this worker's own names are refused", async () => {
    const taken = [...concatOutputs, value('proofmark.logits', float32, 'b')];
    expect(await refusedGraph(concatInputs, taken)).toBe(
      "model_refused: proofmark.logits is a name of this worker's own",
    );
  });
});

describe('caches', () => {
  it('have the layers that the configuration says', async () => {
    const files = {
      'config.json': config({ num_hidden_layers: 2 }),
      'model.onnx': declared(concatInputs, concatOutputs),
    };
    expect(await refusal(files)).toBe('model_refused: the decoder keeps 1 layers, config.json says 2');
    const more = [...concatInputs, value('past_key_values.1.key', float32, 'b', 2, 'p', 8)];
    expect(await refusedGraph(more, concatOutputs)).toBe('model_refused: the decoder takes a past of other layers');
  });

  it('have one shape of four dimensions', async () => {
    const other = replaced(concatInputs, value('past_key_values.0.value', float32, 'b', 4, 'p', 8));
    expect(await refusedGraph(other, concatOutputs)).toBe(
      'model_refused: the layers of the decoder keep different shapes',
    );
    const fused = replaced(concatInputs, value('past_key_values.0.value', float32, 'b', 'p', 16));
    expect(await refusedGraph(fused, concatOutputs)).toBe(
      'model_refused: past_key_values.0.value has a shape that is not served',
    );
  });

  it('of open sizes need a configuration that gives them', async () => {
    const open = replaced(concatInputs, value('past_key_values.0.key', float32, 'b', 'heads', 'p', 'size'));
    const files = { 'model.onnx': declared(open, concatOutputs) };
    const refused = 'model_refused: past_key_values.0.key has a shape that is not served';
    expect(await refusal({ ...files, 'config.json': config({ num_attention_heads: undefined }) })).toBe(refused);
    // Taken for what it says: four heads of four are not the two of eight that the other buffer has.
    expect(await refusal({ ...files, 'config.json': config({ num_attention_heads: 4 }) })).toBe(
      'model_refused: the layers of the decoder keep different shapes',
    );
  });

  it('that nobody keeps are refused', async () => {
    const files = { 'config.json': config({ num_hidden_layers: undefined }) };
    const nothing = declared(concatInputs.slice(0, 3), concatOutputs.slice(0, 1));
    expect(await refusal({ ...files, 'model.onnx': nothing })).toBe(
      'model_refused: the decoder keeps no keys and values',
    );
  });
});

describe('files', () => {
  const model = declared(concatInputs, concatOutputs);

  it.each<readonly [string, Readonly<Record<string, Uint8Array>>, string]>([
    ['no configuration', { 'model.onnx': model }, 'the release has no config.json'],
    [
      'a configuration that is not JSON',
      { 'config.json': utf8('{'), 'model.onnx': model },
      'config.json is not plain JSON',
    ],
    ['a list', { 'config.json': utf8('[]'), 'model.onnx': model }, 'config.json is not an object'],
    ['no entry', { 'config.json': config() }, 'the release has no file model.onnx'],
    [
      'a context that nobody could serve',
      { 'config.json': config({ max_position_embeddings: limits.languageContextTokens + 1 }), 'model.onnx': model },
      'config.json gives no context length that is served',
    ],
    [
      'no context',
      { 'config.json': config({ max_position_embeddings: null }), 'model.onnx': model },
      'config.json gives no context length that is served',
    ],
    [
      'an old operator set',
      { 'config.json': config(), 'model.onnx': declared(concatInputs, concatOutputs, 9) },
      'a language model needs operator set 10 or newer',
    ],
    ['a file that is no graph', { 'config.json': config(), 'model.onnx': utf8('nothing') }, 'onnx_unknown_field'],
    [
      'a vocabulary beyond all limits',
      {
        'config.json': config(),
        'model.onnx': declared(concatInputs, replaced(concatOutputs, value('logits', float32, 'b', 's', 2 ** 21))),
      },
      'the decoder has no vocabulary of a size that is served',
    ],
  ])('are refused with %s', async (_, files, expected) => {
    const found = await refusal(files);
    expect(found).toContain('model_refused: ');
    expect(found).toContain(expected);
  });

  it('of a pair come together', async () => {
    const pair = Object.fromEntries(testDecoder({ layout: 'pair', folder: '' }));
    expect(await refusal(pair, 'decoder_model.onnx')).toBe('accepted');
    const { 'decoder_with_past_model.onnx': second = new Uint8Array(), ...first } = pair;
    expect(await refusal(first, 'decoder_model.onnx')).toBe(
      'model_refused: the release has no file decoder_with_past_model.onnx',
    );
    const twice = { ...first, 'decoder_with_past_model.onnx': first['decoder_model.onnx'] as Uint8Array };
    expect(await refusal(twice, 'decoder_model.onnx')).toBe('model_refused: no file of the release takes a past');
    expect(second.length).toBeGreaterThan(0);
  });
});
