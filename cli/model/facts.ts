import type { Datatype } from '../../wire/message/tensor.ts';
import { type RawField, rawFields, textAt, within } from './fields.ts';

/** What a file says about itself, for people: read without any rule, and believed by nobody. */
export interface GraphFacts {
  readonly bytes: number;
  readonly producer: string;
  readonly irVersion: number;
  /** By domain; the standard one is `ai.onnx`. */
  readonly operatorSets: Readonly<Record<string, number>>;
  readonly nodes: number;
  readonly operators: Readonly<Record<string, number>>;
  /** Elements of constant tensors, by the name of their type. */
  readonly parameters: Readonly<Record<string, number>>;
  readonly inputs: readonly ValueFacts[];
  readonly outputs: readonly ValueFacts[];
  /** Names of inputs that the file gives values for. */
  readonly constantInputs: readonly string[];
}

export interface ValueFacts {
  readonly name: string;
  /** Null for what no tensor of a release carries. */
  readonly datatype: Datatype | null;
  /** As a person reads it. */
  readonly type: string;
  /** Null where the file leaves the shape open; an empty text is a dimension without size and name. */
  readonly shape: readonly (number | string)[] | null;
}

/** As onnx.proto numbers them. */
const types: readonly (readonly [number, string, Datatype | null])[] = [
  [1, 'float32', 'FP32'],
  [2, 'uint8', 'UINT8'],
  [3, 'int8', 'INT8'],
  [4, 'uint16', 'UINT16'],
  [5, 'int16', 'INT16'],
  [6, 'int32', 'INT32'],
  [7, 'int64', 'INT64'],
  [8, 'string', null],
  [9, 'bool', 'BOOL'],
  [10, 'float16', 'FP16'],
  [11, 'float64', 'FP64'],
  [12, 'uint32', 'UINT32'],
  [13, 'uint64', 'UINT64'],
  [14, 'complex64', null],
  [15, 'complex128', null],
  [16, 'bfloat16', null],
  [17, 'float8e4m3fn', null],
  [21, 'uint4', null],
  [22, 'int4', null],
];
const byNumber = new Map(types.map(([number, name, datatype]) => [number, { name, datatype }]));
const typeOf = (number: number): { readonly name: string; readonly datatype: Datatype | null } =>
  byNumber.get(number) ?? { name: number === 0 ? 'no tensor' : `type ${number}`, datatype: null };

export function readFacts(bytes: Uint8Array): GraphFacts {
  const model = [...rawFields(bytes, 0, bytes.length)];
  const first = (number: number): RawField | undefined => model.find((field) => field.number === number);
  const sets = model
    .filter(({ number }) => number === 8)
    .map((field): readonly [string, number] => [
      textAt(bytes, within(bytes, field, 1)[0]) || 'ai.onnx',
      within(bytes, field, 2)[0]?.value ?? 0,
    ]);
  const graph = first(7);
  const counts = graph === undefined ? nothing : countGraph(bytes, graph);
  return {
    bytes: bytes.length,
    producer: [2, 3]
      .map((number) => textAt(bytes, first(number)))
      .join(' ')
      .trim(),
    irVersion: first(1)?.value ?? 0,
    operatorSets: Object.fromEntries(sets),
    ...counts,
  };
}

type Counts = Omit<GraphFacts, 'bytes' | 'producer' | 'irVersion' | 'operatorSets'>;
const nothing: Counts = { nodes: 0, operators: {}, parameters: {}, inputs: [], outputs: [], constantInputs: [] };

function countGraph(bytes: Uint8Array, graph: RawField): Counts {
  const operators = new Map<string, number>();
  const parameters = new Map<string, number>();
  const constants = new Set<string>();
  const inputs: ValueFacts[] = [];
  const outputs: ValueFacts[] = [];
  let nodes = 0;
  for (const field of rawFields(bytes, graph.content, graph.end)) {
    if (field.number === 1) {
      nodes += 1;
      const name = textAt(bytes, within(bytes, field, 4)[0]) || '(none)';
      operators.set(name, (operators.get(name) ?? 0) + 1);
    } else if (field.number === 5) {
      const { type, elements } = tensorFacts(bytes, field);
      parameters.set(type, (parameters.get(type) ?? 0) + elements);
      constants.add(textAt(bytes, within(bytes, field, 8)[0]));
    } else if (field.number === 11) inputs.push(valueFacts(bytes, field));
    else if (field.number === 12) outputs.push(valueFacts(bytes, field));
  }
  const byCount = [...operators].sort(([a, m], [b, n]) => n - m || (a < b ? -1 : 1));
  return {
    nodes,
    operators: Object.fromEntries(byCount),
    parameters: Object.fromEntries(parameters),
    inputs: inputs.filter(({ name }) => !constants.has(name)),
    outputs,
    constantInputs: inputs.map(({ name }) => name).filter((name) => constants.has(name)),
  };
}

function tensorFacts(bytes: Uint8Array, tensor: RawField): { readonly type: string; readonly elements: number } {
  let elements = 1;
  let type = 0;
  for (const field of rawFields(bytes, tensor.content, tensor.end)) {
    if (field.number === 2) type = field.value;
    if (field.number !== 1) continue;
    if (!Number.isNaN(field.value)) elements *= field.value;
    else for (const size of packed(bytes, field)) elements *= size;
  }
  return { type: typeOf(type).name, elements };
}

function* packed(bytes: Uint8Array, { content, end }: RawField): Generator<number> {
  let value = 0;
  let scale = 1;
  for (let offset = content; offset < end; offset++) {
    const byte = bytes[offset] as number;
    value += (byte & 0x7f) * scale;
    scale *= 128;
    if (byte >= 0x80) continue;
    yield value;
    value = 0;
    scale = 1;
  }
}

function valueFacts(bytes: Uint8Array, field: RawField): ValueFacts {
  const name = textAt(bytes, within(bytes, field, 1)[0]);
  const tensor = within(bytes, field, 2).flatMap((type) => within(bytes, type, 1))[0];
  if (tensor === undefined) return { name, datatype: null, type: typeOf(0).name, shape: null };
  const { name: type, datatype } = typeOf(within(bytes, tensor, 1)[0]?.value ?? 0);
  const shape = within(bytes, tensor, 2)[0];
  const dimensions =
    shape === undefined
      ? null
      : within(bytes, shape, 1).map(
          (dimension) => within(bytes, dimension, 1)[0]?.value ?? textAt(bytes, within(bytes, dimension, 2)[0]),
        );
  return { name, datatype, type, shape: dimensions };
}
