import * as layouts from '../../enclave/worker/model/onnx-layouts.ts';
import { scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import { type Field, type Layout, readFields, type Span, textOf } from '../../enclave/worker/model/protobuf.ts';
import { limits } from '../../wire/limits.ts';
import { type Constant, readConstant, signedVarints } from './onnx-constants.ts';
import { ReadError } from './read-error.ts';

export interface GraphNode {
  /** Its own name, or its operator and place. */
  readonly name: string;
  readonly operator: string;
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes: ReadonlyMap<string, Attribute>;
}

/** By the form that the file gives it; the others are empty. */
export interface Attribute {
  readonly integers: readonly bigint[];
  readonly floats: readonly number[];
  readonly texts: readonly string[];
}

export interface GraphValue {
  readonly name: string;
  /** As onnx.proto numbers element types. */
  readonly type: number;
  /** A free dimension is `free`, whatever its name. */
  readonly shape: readonly (number | 'free')[];
}

export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly constants: ReadonlyMap<string, Constant>;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
}

interface Source {
  readonly fields: (span: Span, layout: Layout) => readonly Field[];
  readonly bytes: Uint8Array;
}

/** The graph of a file that passes the worker's scan, with the same reader of bytes. */
export function readGraph(bytes: Uint8Array): Graph {
  scanOnnx(bytes);
  const budget = { fields: limits.onnxFields };
  const source: Source = { bytes, fields: (span, layout) => readFields(bytes, span, layout, budget) };
  const [graph] = of(source.fields({ start: 0, end: bytes.length }, layouts.modelLayout), 7);
  if (graph === undefined) throw new ReadError('signature', 'the file', 'it has no graph');
  const fields = source.fields(graph, layouts.graphLayout);
  return {
    nodes: of(fields, 1).map((node, place) => readNode(source, node, place)),
    constants: new Map(of(fields, 5).map((tensor) => readConstant(bytes, source.fields(tensor, layouts.tensorLayout)))),
    inputs: of(fields, 11).map((value) => readValue(source, value)),
    outputs: of(fields, 12).map((value) => readValue(source, value)),
  };
}

export function of(fields: readonly Field[], number: number): readonly Field[] {
  return fields.filter((field) => field.number === number);
}

function readNode(source: Source, node: Span, place: number): GraphNode {
  const fields = source.fields(node, layouts.nodeLayout);
  const texts = (number: number): readonly string[] => of(fields, number).map((field) => textOf(source.bytes, field));
  const operator = texts(4)[0] ?? '';
  const [name = ''] = texts(3);
  return {
    name: name === '' ? `node ${place} (${operator})` : name,
    operator,
    domain: texts(7)[0] ?? '',
    inputs: texts(1),
    outputs: texts(2),
    attributes: new Map(of(fields, 5).map((attribute) => readAttribute(source, attribute))),
  };
}

function readAttribute({ bytes, fields }: Source, attribute: Span): readonly [string, Attribute] {
  const parts = fields(attribute, layouts.attributeLayout);
  const [name] = of(parts, 1);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const floats = [...of(parts, 2), ...of(parts, 7)].flatMap(({ start, end }) =>
    Array.from({ length: (end - start) / 4 }, (_, index) => view.getFloat32(start + 4 * index, true)),
  );
  const integers = [...of(parts, 3), ...of(parts, 8)].flatMap((field) => signedVarints(bytes, field));
  const texts = [...of(parts, 4), ...of(parts, 9)].map((field) => textOf(bytes, field));
  return [name === undefined ? '' : textOf(bytes, name), { integers, floats, texts }];
}

function readValue({ bytes, fields }: Source, value: Span): GraphValue {
  const parts = fields(value, layouts.valueLayout);
  const [name] = of(parts, 1);
  const [tensor] = of(parts, 2).flatMap((type) => of(fields(type, layouts.typeLayout), 1));
  const typed = tensor === undefined ? [] : fields(tensor, layouts.tensorTypeLayout);
  const dimensions = of(typed, 2).flatMap((shape) => of(fields(shape, layouts.shapeLayout), 1));
  return {
    name: name === undefined ? '' : textOf(bytes, name),
    type: of(typed, 1)[0]?.value ?? 0,
    shape: dimensions.map((dimension) => of(fields(dimension, layouts.dimensionLayout), 1)[0]?.value ?? 'free'),
  };
}
