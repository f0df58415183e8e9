import type * as onnx from 'onnxruntime-node';
import { limits } from '../../../../wire/limits.ts';
import { ModelError } from '../errors.ts';
import type { DecoderConfig } from './config.ts';

/** Keys and values of one token: for each layer both, for each head `size` numbers. */
export interface CacheShape {
  readonly layers: number;
  readonly heads: number;
  readonly size: number;
}

/** What the inputs and outputs of a decoder say about how it is driven. Names of files decide nothing. */
export interface DecoderForm {
  readonly kind: 'split' | 'concat';
  readonly inputs: ReadonlySet<string>;
  /** Inputs that hold keys and values of the past, key before value, by layer; none where the graph takes no past. */
  readonly past: readonly string[];
  /** Outputs that hold the whole of them after a step (`concat` only). */
  readonly present: readonly string[];
  readonly vocabulary: number;
  readonly cache: CacheShape;
}

type Metadata = onnx.InferenceSession.ValueMetadata;

const tensorTypes: ReadonlyMap<string, string> = new Map([
  ['input_ids', 'int64'],
  ['attention_mask', 'int64'],
  ['position_ids', 'int64'],
  ['use_cache_branch', 'bool'],
  ['mask', 'float32'],
]);

const PAST = /^past_key_values\.(0|[1-9]\d{0,3})\.(key|value)$/;
const SPLIT_PAST = /^p([kv])(0|[1-9]\d{0,3})$/;

export function readForm(session: onnx.InferenceSession, config: DecoderConfig): DecoderForm {
  const inputs = new Map(session.inputMetadata.map((value) => [value.name, value]));
  const outputs = new Map(session.outputMetadata.map((value) => [value.name, value]));
  const kind = inputs.has('mask') && outputs.has('new_kv') ? 'split' : 'concat';
  for (const value of inputs.values()) checkInput(value, kind);
  const required = kind === 'split' ? ['input_ids', 'position_ids', 'mask'] : ['input_ids', 'attention_mask'];
  for (const name of required) {
    if (!inputs.has(name)) throw new ModelError('model_refused', `the decoder has no input ${name}`);
  }
  const logits = floatOutput(outputs, 'logits');
  const present = kind === 'split' ? [] : presentNames(outputs);
  const layers = kind === 'split' ? countPast(inputs) / 2 : present.length / 2;
  if (config.layers !== undefined && config.layers !== layers) {
    throw new ModelError('model_refused', `the decoder keeps ${layers} layers, config.json says ${config.layers}`);
  }
  const past = countPast(inputs) === 0 ? [] : pastNames(kind, layers);
  for (const name of past) {
    if (!inputs.has(name)) throw new ModelError('model_refused', `the decoder has no input ${name}`);
  }
  const held = (past.length > 0 ? past.map((name) => inputs.get(name)) : present.map((name) => outputs.get(name))).map(
    (value) => cacheOf(value as Metadata, config),
  );
  const [first] = held;
  if (first === undefined) throw new ModelError('model_refused', 'the decoder keeps no keys and values');
  if (held.some(({ heads, size }) => heads !== first.heads || size !== first.size)) {
    throw new ModelError('model_refused', 'the layers of the decoder keep different shapes');
  }
  const vocabulary = logits.isTensor ? logits.shape.at(-1) : undefined;
  return {
    kind,
    inputs: new Set(inputs.keys()),
    past,
    present,
    vocabulary: vocabularyOf(typeof vocabulary === 'number' ? vocabulary : config.vocabulary),
    cache: { layers, ...first },
  };
}

function vocabularyOf(size: number | undefined): number {
  if (size === undefined || size < 2 || size > limits.languageVocabulary) {
    throw new ModelError('model_refused', 'the decoder has no vocabulary of a size that is served');
  }
  return size;
}

function checkInput(value: Metadata, kind: DecoderForm['kind']): void {
  const isPast = (kind === 'split' ? SPLIT_PAST : PAST).test(value.name);
  const expected = isPast ? 'float32' : tensorTypes.get(value.name);
  const belongs = isPast || kind === 'concat' ? value.name !== 'mask' : isSplitInput(value.name);
  if (expected === undefined || !belongs) {
    throw new ModelError('model_refused', `the decoder asks for ${value.name}, which is not an input that is known`);
  }
  const type = value.isTensor ? value.type : 'no tensor';
  if (type !== expected) {
    throw new ModelError('model_refused', `${value.name} is ${type} where ${expected} is served`);
  }
}

function isSplitInput(name: string): boolean {
  return name === 'input_ids' || name === 'position_ids' || name === 'mask';
}

function floatOutput(outputs: ReadonlyMap<string, Metadata>, name: string): Metadata {
  const value = outputs.get(name);
  if (value === undefined) throw new ModelError('model_refused', `the decoder has no output ${name}`);
  if (!value.isTensor || value.type !== 'float32') {
    throw new ModelError('model_refused', `${name} is not float32, which alone is served`);
  }
  return value;
}

function countPast(inputs: ReadonlyMap<string, Metadata>): number {
  return [...inputs.keys()].filter((name) => PAST.test(name) || SPLIT_PAST.test(name)).length;
}

function pastNames(kind: DecoderForm['kind'], layers: number): readonly string[] {
  return Array.from({ length: layers }, (_, layer) =>
    kind === 'split'
      ? [`pk${layer}`, `pv${layer}`]
      : [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`],
  ).flat();
}

function presentNames(outputs: ReadonlyMap<string, Metadata>): readonly string[] {
  const count = [...outputs.keys()].filter((name) => name.startsWith('present')).length;
  const names = pastNames('concat', Math.ceil(count / 2)).map((name) => name.replace('past_key_values', 'present'));
  for (const name of names) floatOutput(outputs, name);
  return names;
}

/** [batch, heads, tokens, size]: what the graph leaves open is taken from the configuration. */
function cacheOf(value: Metadata, config: DecoderConfig): Pick<CacheShape, 'heads' | 'size'> {
  const shape = value.isTensor ? value.shape : [];
  const [, heads, , size] = shape;
  const known = {
    heads: typeof heads === 'number' ? heads : config.keyHeads,
    size: typeof size === 'number' ? size : config.headSize,
  };
  if (shape.length !== 4 || known.heads === undefined || known.size === undefined || known.heads * known.size < 1) {
    throw new ModelError('model_refused', `${value.name} has a shape that is not served`);
  }
  return { heads: known.heads, size: known.size };
}
