import {
  type OnnxGraph,
  type OnnxNode,
  type OnnxTensor,
  type OnnxValue,
  onnxType,
  writeOnnx,
} from '../../cli/demo-model/onnx-writer.ts';
import { utf8 } from '../../wire/bytes.ts';
import { createNodes, createWeights, type Nodes, type Weights } from './graph.ts';
import { type Attention, causalMask, type DecoderShape, decode, pastName } from './layers.ts';
import { endToken, tokenizerFiles } from './tokenizer.ts';

/**
 * `optimum`: one graph with a past; `uncounted`: the same without `position_ids`; `merged`: both cases behind an `If`;
 * `pair`: two files; `split`: this project's own.
 */
export type DecoderLayout = 'optimum' | 'uncounted' | 'merged' | 'pair' | 'split';

export interface TestDecoder extends DecoderShape {
  readonly layout: DecoderLayout;
  readonly seed: number;
  /** Folder of the ONNX files: '' or 'onnx/'. */
  readonly folder: '' | 'onnx/';
}

/** About 1 and 3.5 million parameters: sizes at which a token costs a fraction of a millisecond. */
export const decoderSizes: Readonly<Record<'tiny' | 'million' | 'threeMillion', Omit<DecoderShape, 'architecture'>>> = {
  tiny: { layers: 2, width: 64, heads: 4, keyHeads: 2, inner: 128, vocabulary: 512, context: 256 },
  million: { layers: 4, width: 128, heads: 4, keyHeads: 4, inner: 384, vocabulary: 512, context: 256 },
  threeMillion: { layers: 4, width: 256, heads: 8, keyHeads: 8, inner: 768, vocabulary: 512, context: 256 },
};

const defaults: TestDecoder = {
  architecture: 'llama',
  layout: 'optimum',
  folder: 'onnx/',
  seed: 1,
  ...decoderSizes.tiny,
};

/** A folder as model hubs hold it. The weights are random: it speaks nonsense, but every machine writes the same bytes. */
export function testDecoder(options: Partial<TestDecoder> = {}): ReadonlyMap<string, Uint8Array> {
  const decoder = { ...defaults, ...options };
  if (decoder.architecture === 'gpt2' && options.keyHeads === undefined)
    Object.assign(decoder, { keyHeads: decoder.heads });
  return new Map([
    ...onnxFiles(decoder).map(([name, bytes]) => [`${decoder.folder}${name}`, bytes] as const),
    ['config.json', json(configOf(decoder))],
    ['generation_config.json', json({ eos_token_id: endToken, max_new_tokens: 64, _from_model_config: true })],
    ...tokenizerFiles(decoder),
  ]);
}

/** The file that a release of this folder names as its entry. */
export function entryOf(options: Partial<TestDecoder> = {}): string {
  const { layout, folder } = { ...defaults, ...options };
  const names = { merged: 'decoder_model_merged.onnx', pair: 'decoder_model.onnx' } as const;
  return `${folder}${layout === 'merged' || layout === 'pair' ? names[layout] : 'model.onnx'}`;
}

const json = (value: unknown): Uint8Array => utf8(JSON.stringify(value, null, 2));

function configOf({ architecture, layers, width, heads, keyHeads, inner, vocabulary, context }: TestDecoder): object {
  const common = { vocab_size: vocabulary, bos_token_id: null, eos_token_id: endToken, torch_dtype: 'float32' };
  if (architecture === 'gpt2') {
    const sizes = { n_layer: layers, n_embd: width, n_head: heads, n_inner: inner, n_positions: context };
    return {
      architectures: ['GPT2LMHeadModel'],
      model_type: 'gpt2',
      activation_function: 'gelu_new',
      ...sizes,
      ...common,
    };
  }
  return {
    architectures: ['LlamaForCausalLM'],
    model_type: 'llama',
    hidden_act: 'silu',
    hidden_size: width,
    intermediate_size: inner,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: keyHeads,
    max_position_embeddings: context,
    rms_norm_eps: 1e-5,
    rope_theta: 10_000,
    tie_word_embeddings: false,
    ...common,
  };
}

function onnxFiles(decoder: TestDecoder): readonly (readonly [string, Uint8Array])[] {
  switch (decoder.layout) {
    case 'split':
      return [['model.onnx', splitModel(decoder)]];
    case 'merged':
      return [['decoder_model_merged.onnx', mergedModel(decoder)]];
    case 'pair':
      return [
        ['decoder_model.onnx', singleModel(decoder, 'first')],
        ['decoder_with_past_model.onnx', singleModel(decoder, 'concat')],
      ];
    case 'optimum':
    case 'uncounted':
      return [['model.onnx', singleModel(decoder, 'concat')]];
  }
}

const value = (name: string, type: OnnxValue['type'], ...dimensions: (string | number)[]): OnnxValue => ({
  name,
  type,
  dimensions,
});

function write(
  graph: Omit<OnnxGraph, 'name' | 'nodes' | 'initializers'>,
  nodes: readonly OnnxNode[],
  initializers: readonly OnnxTensor[],
): Uint8Array {
  const all = { name: 'decoder', nodes, initializers, ...graph };
  return writeOnnx({ producer: 'test', irVersion: 10, operatorSets: { '': 23 }, graph: all });
}

function pastInputs({ layers, width, heads, keyHeads }: DecoderShape, form: Attention['form']): readonly OnnxValue[] {
  return Array.from({ length: 2 * layers }, (_, i) =>
    value(pastName(form, i), onnxType.float32, 'batch', keyHeads, 'past', width / heads),
  );
}

function tokenInputs({ layout }: TestDecoder): readonly OnnxValue[] {
  return [
    value('input_ids', onnxType.int64, 'batch', 'tokens'),
    value('attention_mask', onnxType.int64, 'batch', 'total'),
    ...(layout === 'uncounted' ? [] : [value('position_ids', onnxType.int64, 'batch', 'tokens')]),
  ];
}

function outputs({ layers, width, heads, keyHeads, vocabulary }: DecoderShape, prefix: string): readonly OnnxValue[] {
  const caches = Array.from({ length: 2 * layers }, (_, i) =>
    value(`${prefix}${presentName(i)}`, onnxType.float32, 'batch', keyHeads, 'total', width / heads),
  );
  return [value(`${prefix}logits`, onnxType.float32, 'batch', 'tokens', vocabulary), ...caches];
}

const presentName = (index: number): string => pastName('concat', index).replace('past_key_values', 'present');

/** All nodes of one case, ending in the outputs that `outputs` names. */
function caseNodes(n: Nodes, w: Weights, decoder: TestDecoder, form: 'first' | 'concat', prefix: string): void {
  const { mask, counted } = causalMask(n, w);
  const positions = decoder.layout === 'uncounted' ? counted : 'position_ids';
  const { logits, caches } = decode(n, w, decoder, { form, mask, positions });
  n.named('Identity', [logits], [`${prefix}logits`]);
  for (const [i, name] of caches.entries()) n.named('Identity', [name], [`${prefix}${presentName(i)}`]);
}

function singleModel(decoder: TestDecoder, form: 'first' | 'concat'): Uint8Array {
  const w = createWeights(decoder.seed);
  const n = createNodes('');
  caseNodes(n, w, decoder, form, '');
  const inputs = [...tokenInputs(decoder), ...(form === 'concat' ? pastInputs(decoder, form) : [])];
  return write({ inputs, outputs: outputs(decoder, '') }, n.list, w.tensors);
}

function mergedModel(decoder: TestDecoder): Uint8Array {
  const w = createWeights(decoder.seed);
  const branch = (form: 'first' | 'concat', prefix: string): OnnxGraph => {
    const n = createNodes(prefix);
    caseNodes(n, w, decoder, form, prefix);
    return { name: form, nodes: n.list, initializers: [], inputs: [], outputs: outputs(decoder, prefix) };
  };
  const attributes = {
    then_branch: { graph: branch('concat', 'then.') },
    else_branch: { graph: branch('first', 'else.') },
  };
  const whole = outputs(decoder, '');
  const names = whole.map(({ name }) => name);
  const inputs = [
    ...tokenInputs(decoder),
    ...pastInputs(decoder, 'concat'),
    value('use_cache_branch', onnxType.bool, 1),
  ];
  return write(
    { inputs, outputs: whole },
    [{ operator: 'If', inputs: ['use_cache_branch'], outputs: names, attributes }],
    w.tensors,
  );
}

function splitModel(decoder: TestDecoder): Uint8Array {
  const { layers, width, heads, keyHeads, vocabulary } = decoder;
  const w = createWeights(decoder.seed);
  const n = createNodes('');
  const { logits, caches } = decode(n, w, decoder, { form: 'split', mask: 'mask', positions: 'position_ids' });
  n.named('Identity', [logits], ['logits']);
  n.named('Concat', caches, ['new_kv'], { axis: { int: 1 } });
  const inputs = [
    value('input_ids', onnxType.int64, 'batch', 'tokens'),
    value('position_ids', onnxType.int64, 'batch', 'tokens'),
    value('mask', onnxType.float32, 'batch', 1, 'tokens', 'total'),
    ...pastInputs(decoder, 'split'),
  ];
  const results = [
    value('logits', onnxType.float32, 'batch', 1, vocabulary),
    value('new_kv', onnxType.float32, 'batch', 2 * layers * keyHeads, 'tokens', width / heads),
  ];
  return write({ inputs, outputs: results }, n.list, w.tensors);
}
