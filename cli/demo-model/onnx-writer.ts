import { concatBytes, utf8 } from '../../wire/bytes.ts';

/**
 * Writes ONNX files: enough of onnx.proto for small graphs of float32 and int64 tensors. Fields go out in ascending
 * order and every number in its shortest form, so that a graph has one encoding.
 */
export const onnxType = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  float64: 11,
} as const;
export type OnnxType = (typeof onnxType)[keyof typeof onnxType];

export type OnnxAttribute =
  | { readonly int: number }
  | { readonly ints: readonly number[] }
  | { readonly float: number }
  | { readonly floats: readonly number[] }
  | { readonly text: string }
  | { readonly texts: readonly string[] }
  | { readonly tensor: OnnxTensor }
  | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
  readonly domain?: string;
}

export interface OnnxTensor {
  readonly name: string;
  readonly type: OnnxType;
  readonly dimensions: readonly number[];
  /** Little-endian, row-major. */
  readonly data: Uint8Array;
}

export interface OnnxValue {
  readonly name: string;
  readonly type: OnnxType;
  readonly dimensions: readonly (number | string)[];
}

export interface OnnxGraph {
  readonly name: string;
  readonly nodes: readonly OnnxNode[];
  readonly initializers: readonly OnnxTensor[];
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
}

export interface OnnxModel {
  readonly producer: string;
  readonly irVersion: number;
  /** Operator set versions by domain; the standard domain is the empty text. */
  readonly operatorSets: Readonly<Record<string, number>>;
  readonly graph: OnnxGraph;
}

export function writeOnnx(model: OnnxModel): Uint8Array {
  return concatBytes(
    integerField(1, model.irVersion),
    textField(2, model.producer),
    bytesField(7, graphMessage(model.graph)),
    ...Object.entries(model.operatorSets).map(([domain, version]) =>
      bytesField(8, concatBytes(textField(1, domain), integerField(2, version))),
    ),
  );
}

/** Little-endian bytes of float32 values, whatever the machine's own order. */
export function float32Bytes(values: ArrayLike<number>): Uint8Array {
  const view = new DataView(new ArrayBuffer(4 * values.length));
  for (let i = 0; i < values.length; i++) view.setFloat32(4 * i, values[i] as number, true);
  return new Uint8Array(view.buffer);
}

function graphMessage(graph: OnnxGraph): Uint8Array {
  return concatBytes(
    ...graph.nodes.map((node) => bytesField(1, nodeMessage(node))),
    textField(2, graph.name),
    ...graph.initializers.map((tensor) => bytesField(5, tensorMessage(tensor))),
    ...graph.inputs.map((value) => bytesField(11, valueMessage(value))),
    ...graph.outputs.map((value) => bytesField(12, valueMessage(value))),
  );
}

function nodeMessage(node: OnnxNode): Uint8Array {
  return concatBytes(
    ...node.inputs.map((name) => textField(1, name)),
    ...node.outputs.map((name) => textField(2, name)),
    textField(4, node.operator),
    ...Object.entries(node.attributes ?? {}).map(([name, value]) => bytesField(5, attributeMessage(name, value))),
    ...(node.domain === undefined ? [] : [textField(7, node.domain)]),
  );
}

/** The `type` of an attribute repeats which field holds its value (AttributeProto, field 20). */
const attributeType = { float: 1, int: 2, text: 3, tensor: 4, graph: 5, floats: 6, ints: 7, texts: 8 } as const;

function attributeMessage(name: string, attribute: OnnxAttribute): Uint8Array {
  const wrap = (type: number, ...fields: Uint8Array[]): Uint8Array =>
    concatBytes(textField(1, name), ...fields, integerField(20, type));
  if ('float' in attribute) return wrap(attributeType.float, floatField(2, attribute.float));
  if ('int' in attribute) return wrap(attributeType.int, integerField(3, attribute.int));
  if ('text' in attribute) return wrap(attributeType.text, textField(4, attribute.text));
  if ('tensor' in attribute) return wrap(attributeType.tensor, bytesField(5, tensorMessage(attribute.tensor)));
  if ('graph' in attribute) return wrap(attributeType.graph, bytesField(6, graphMessage(attribute.graph)));
  if ('floats' in attribute)
    return wrap(attributeType.floats, ...attribute.floats.map((value) => floatField(7, value)));
  if ('texts' in attribute) return wrap(attributeType.texts, ...attribute.texts.map((value) => textField(9, value)));
  return wrap(attributeType.ints, ...attribute.ints.map((value) => integerField(8, value)));
}

function tensorMessage(tensor: OnnxTensor): Uint8Array {
  return concatBytes(
    ...tensor.dimensions.map((size) => integerField(1, size)),
    integerField(2, tensor.type),
    textField(8, tensor.name),
    bytesField(9, tensor.data),
  );
}

function valueMessage(value: OnnxValue): Uint8Array {
  const dimensions = value.dimensions.map((size) =>
    bytesField(1, typeof size === 'number' ? integerField(1, size) : textField(2, size)),
  );
  const tensorType = concatBytes(integerField(1, value.type), bytesField(2, concatBytes(...dimensions)));
  return concatBytes(textField(1, value.name), bytesField(2, bytesField(1, tensorType)));
}

function varint(value: number): Uint8Array {
  let rest = BigInt.asUintN(64, BigInt(value));
  const bytes: number[] = [];
  do {
    const more = rest > 0x7fn ? 0x80 : 0;
    bytes.push(Number(rest & 0x7fn) | more);
    rest >>= 7n;
  } while (rest > 0n);
  return Uint8Array.from(bytes);
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

function floatField(number: number, value: number): Uint8Array {
  return concatBytes(varint(number * 8 + 5), float32Bytes([value]));
}
