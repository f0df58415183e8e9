import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import { ModelError } from '../errors.ts';
import { modelLayout } from '../onnx-layouts.ts';
import { readFields } from '../protobuf.ts';

/** What the names of everything that is added begin with. */
export const OUR_NAMES = 'proofmark.';

/** A node of the standard domain to be added behind what a graph already computes. */
export interface AddedNode {
  readonly operator: 'Slice' | 'Concat';
  readonly inputs: readonly string[];
  readonly output: string;
  readonly axis?: number;
}

export interface Addition {
  readonly nodes: readonly AddedNode[];
  /** Vectors of int64 that the nodes read, by name. */
  readonly vectors: ReadonlyMap<string, readonly number[]>;
  /** Which of the nodes' outputs the graph returns, all of them float32. */
  readonly outputs: readonly string[];
}

/**
 * Adds outputs to a graph without touching what it computes: repeated fields may stand anywhere in a message, so the new
 * ones go behind the old ones. What a step returns beside its inputs is then as small as what is new, and not the whole
 * past, which the binding would copy at every token.
 */
export function addOutputs(bytes: Uint8Array, addition: Addition): Uint8Array {
  const fields = readFields(bytes, { start: 0, end: bytes.length }, modelLayout, { fields: limits.onnxFields });
  const place = fields.findIndex(({ number }) => number === 7);
  const graph = fields[place];
  if (graph === undefined) throw new ModelError('model_refused', 'the file has no graph');
  const added = concatBytes(
    ...addition.nodes.map((node) => bytesField(1, nodeMessage(node))),
    ...[...addition.vectors].map(([name, values]) => bytesField(5, vectorMessage(name, values))),
    ...addition.outputs.map((name) => bytesField(12, floatOutputMessage(name))),
  );
  return concatBytes(
    bytes.subarray(0, fields[place - 1]?.end ?? 0),
    varint(7 * 8 + 2),
    varint(graph.end - graph.start + added.length),
    bytes.subarray(graph.start, graph.end),
    added,
    bytes.subarray(graph.end),
  );
}

function nodeMessage({ operator, inputs, output, axis }: AddedNode): Uint8Array {
  return concatBytes(
    ...inputs.map((name) => textField(1, name)),
    textField(2, output),
    textField(4, operator),
    ...(axis === undefined
      ? []
      : [bytesField(5, concatBytes(textField(1, 'axis'), integerField(3, axis), integerField(20, 2)))]),
  );
}

/** TensorProto of type int64 (7), with its elements as raw little-endian bytes. */
function vectorMessage(name: string, values: readonly number[]): Uint8Array {
  const data = new DataView(new ArrayBuffer(8 * values.length));
  values.forEach((value, i) => {
    data.setBigInt64(8 * i, BigInt(value), true);
  });
  return concatBytes(
    integerField(1, values.length),
    integerField(2, 7),
    textField(8, name),
    bytesField(9, new Uint8Array(data.buffer)),
  );
}

/** ValueInfoProto of a float32 tensor (1) whose shape is left to the engine. */
function floatOutputMessage(name: string): Uint8Array {
  return concatBytes(textField(1, name), bytesField(2, bytesField(1, integerField(1, 1))));
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  while (rest > 0x7f) {
    bytes.push((rest % 128) + 128);
    rest = Math.floor(rest / 128);
  }
  return Uint8Array.from([...bytes, rest]);
}

function integerField(number: number, value: number): Uint8Array {
  return concatBytes(varint(number * 8), varint(value));
}

function bytesField(number: number, value: Uint8Array): Uint8Array {
  return concatBytes(varint(number * 8 + 2), varint(value.length), value);
}

function textField(number: number, value: string): Uint8Array {
  return bytesField(number, utf8(value));
}
