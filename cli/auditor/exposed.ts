import * as layouts from '../../enclave/worker/model/onnx-layouts.ts';
import { type Field, readFields, textOf } from '../../enclave/worker/model/protobuf.ts';
import { concatBytes, utf8 } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';

/** What a graph computes between its inputs and its outputs, and the same graph showing some of it. */
export interface ExposedGraph {
  /** Names of tensors that nodes make and the graph does not show, in the order of the nodes. */
  readonly hidden: readonly string[];
  readonly outputs: readonly string[];
  /** The file with further outputs, which the engine gives types of its own. */
  showing(names: readonly string[]): Uint8Array;
}

const GRAPH = 7;
const OUTPUT = 12;

/** Of a file that passed the worker's scan: there every number has its shortest form, so that a length is where it must be. */
export function readExposed(bytes: Uint8Array): ExposedGraph {
  const budget = { fields: limits.onnxFields };
  const whole = { start: 0, end: bytes.length };
  const [graph] = of(readFields(bytes, whole, layouts.modelLayout, budget), GRAPH);
  if (graph === undefined) return { hidden: [], outputs: [], showing: () => bytes };
  const fields = readFields(bytes, graph, layouts.graphLayout, budget);
  const made = of(fields, 1).flatMap((node) =>
    of(readFields(bytes, node, layouts.nodeLayout, budget), 2).map((output) => textOf(bytes, output)),
  );
  const outputs = of(fields, OUTPUT).flatMap((value) =>
    of(readFields(bytes, value, layouts.valueLayout, budget), 1).map((name) => textOf(bytes, name)),
  );
  const shown = new Set(outputs);
  const hidden = [...new Set(made)].filter((name) => name !== '' && !shown.has(name));
  const content = bytes.subarray(graph.start, graph.end);
  const before = bytes.subarray(0, graph.start - 1 - varint(content.length).length);
  return {
    hidden,
    outputs,
    showing: (names) => {
      const added = names.map((name) => delimited(OUTPUT, delimited(1, utf8(name))));
      return concatBytes(before, delimited(GRAPH, concatBytes(content, ...added)), bytes.subarray(graph.end));
    },
  };
}

function of(fields: readonly Field[], number: number): readonly Field[] {
  return fields.filter((field) => field.number === number);
}

function delimited(number: number, content: Uint8Array): Uint8Array {
  return concatBytes(varint(8 * number + 2), varint(content.length), content);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) bytes.push((rest % 0x80) + 0x80);
  return Uint8Array.of(...bytes, rest);
}
