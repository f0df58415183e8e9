import { limits } from '../../../../wire/limits.ts';
import { ModelError } from '../errors.ts';
import type { DecoderConfig } from './config.ts';
import { OUR_NAMES } from './graph-edit.ts';
import type { GraphSignature, GraphValue } from './graph-signature.ts';

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

const types = { float32: 1, int64: 7, bool: 9 } as const;
const typeNames: ReadonlyMap<number, string> = new Map([
  ...Object.entries(types).map(([name, type]) => [type, name] as const),
  [6, 'int32'],
  [10, 'float16'],
  [11, 'float64'],
  [16, 'bfloat16'],
]);
const nameOf = (type: number): string => typeNames.get(type) ?? `of type ${type}`;

const splitInputs: ReadonlyMap<string, number> = new Map([
  ['input_ids', types.int64],
  ['position_ids', types.int64],
  ['mask', types.float32],
]);
const concatInputs: ReadonlyMap<string, number> = new Map([
  ['input_ids', types.int64],
  ['attention_mask', types.int64],
  ['position_ids', types.int64],
  ['use_cache_branch', types.bool],
]);

const PAST = /^past_key_values\.(0|[1-9]\d{0,3})\.(key|value)$/;
const SPLIT_PAST = /^p[kv](0|[1-9]\d{0,3})$/;

/** Slice has taken its bounds as inputs since then, and `addOutputs` writes it so. */
const SLICE_WITH_INPUTS = 10;

export function readForm(signature: GraphSignature, config: DecoderConfig): DecoderForm {
  const inputs = new Map(signature.inputs.map((value) => [value.name, value]));
  const outputs = new Map(signature.outputs.map((value) => [value.name, value]));
  const kind = inputs.has('mask') && outputs.has('new_kv') ? 'split' : 'concat';
  if (signature.operatorSet < SLICE_WITH_INPUTS) {
    throw new ModelError('model_refused', `a language model needs operator set ${SLICE_WITH_INPUTS} or newer`);
  }
  refuseOurNames([...inputs.keys(), ...outputs.keys()]);
  for (const value of inputs.values()) checkInput(value, kind);
  const required = kind === 'split' ? [...splitInputs.keys()] : ['input_ids', 'attention_mask'];
  for (const name of required) find(inputs, name, 'input');
  const logits = floatOutput(outputs, 'logits');
  if (kind === 'split') floatOutput(outputs, 'new_kv');
  const pasts = [...inputs.keys()].filter((name) => (kind === 'split' ? SPLIT_PAST : PAST).test(name)).length;
  const presents = [...outputs.keys()].filter((name) => name.startsWith('present')).length;
  const layers = Math.ceil((kind === 'split' ? pasts : presents) / 2);
  if (config.layers !== undefined && config.layers !== layers) {
    throw new ModelError('model_refused', `the decoder keeps ${layers} layers, config.json says ${config.layers}`);
  }
  const past = pasts === 0 ? [] : pastNames(kind, layers);
  if (pasts !== past.length) throw new ModelError('model_refused', 'the decoder takes a past of other layers');
  const present =
    kind === 'split' ? [] : pastNames(kind, layers).map((name) => name.replace(/^past_key_values/, 'present'));
  const held = [
    ...past.map((name) => find(inputs, name, 'input')),
    ...present.map((name) => floatOutput(outputs, name)),
  ].map((value) => cacheOf(value, config));
  const [first] = held;
  if (first === undefined) throw new ModelError('model_refused', 'the decoder keeps no keys and values');
  if (held.some(({ heads, size }) => heads !== first.heads || size !== first.size)) {
    throw new ModelError('model_refused', 'the layers of the decoder keep different shapes');
  }
  const last = logits.shape?.at(-1);
  return {
    kind,
    inputs: new Set(inputs.keys()),
    past,
    present,
    vocabulary: vocabularyOf(typeof last === 'number' ? last : config.vocabulary),
    cache: { layers, ...first },
  };
}

/** The engine would refuse a name that is given twice, in words that do not say whose it is. */
function refuseOurNames(names: readonly string[]): void {
  const taken = names.find((name) => name.startsWith(OUR_NAMES));
  if (taken !== undefined) throw new ModelError('model_refused', `${taken} is a name of this worker's own`);
}

function vocabularyOf(size: number | undefined): number {
  if (size === undefined || size < 2 || size > limits.languageVocabulary) {
    throw new ModelError('model_refused', 'the decoder has no vocabulary of a size that is served');
  }
  return size;
}

function checkInput({ name, type }: GraphValue, kind: DecoderForm['kind']): void {
  const isPast = (kind === 'split' ? SPLIT_PAST : PAST).test(name);
  const expected = isPast ? types.float32 : (kind === 'split' ? splitInputs : concatInputs).get(name);
  if (expected === undefined) {
    throw new ModelError('model_refused', `the decoder asks for ${name}, which is not an input that is known`);
  }
  if (type !== expected) {
    throw new ModelError('model_refused', `${name} is ${nameOf(type)} where ${nameOf(expected)} is served`);
  }
}

function find(values: ReadonlyMap<string, GraphValue>, name: string, what: 'input' | 'output'): GraphValue {
  const value = values.get(name);
  if (value === undefined) throw new ModelError('model_refused', `the decoder has no ${what} ${name}`);
  return value;
}

function floatOutput(outputs: ReadonlyMap<string, GraphValue>, name: string): GraphValue {
  const value = find(outputs, name, 'output');
  if (value.type !== types.float32) {
    throw new ModelError('model_refused', `${name} is ${nameOf(value.type)} where float32 is served`);
  }
  return value;
}

function pastNames(kind: DecoderForm['kind'], layers: number): readonly string[] {
  return Array.from({ length: layers }, (_, layer) =>
    kind === 'split'
      ? [`pk${layer}`, `pv${layer}`]
      : [`past_key_values.${layer}.key`, `past_key_values.${layer}.value`],
  ).flat();
}

/** [batch, heads, tokens, size]: what the graph leaves open is taken from the configuration. */
function cacheOf({ name, shape }: GraphValue, config: DecoderConfig): Pick<CacheShape, 'heads' | 'size'> {
  const [, heads, , size] = shape ?? [];
  const known = {
    heads: typeof heads === 'number' ? heads : config.keyHeads,
    size: typeof size === 'number' ? size : config.headSize,
  };
  const fits = shape === undefined || shape.length === 4;
  if (!fits || known.heads === undefined || known.size === undefined || known.heads * known.size < 1) {
    throw new ModelError('model_refused', `${name} has a shape that is not served`);
  }
  return { heads: known.heads, size: known.size };
}
