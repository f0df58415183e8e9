import * as layouts from '../../enclave/worker/model/onnx-layouts.ts';
import {
  type Field,
  type Layout,
  readFields,
  type Span,
  textOf,
  varintsOf,
} from '../../enclave/worker/model/protobuf.ts';

/** A constant of a graph: its ONNX element type, its dimensions, and its bytes as they lie in the file. */
export interface Initializer {
  readonly type: number;
  readonly dimensions: readonly number[];
  readonly raw: Uint8Array;
}

export function initializersOf(onnx: Uint8Array): ReadonlyMap<string, Initializer> {
  const budget = { fields: 1_000_000 };
  const read = (span: Span, layout: Layout): readonly Field[] => readFields(onnx, span, layout, budget);
  const of = (fields: readonly Field[], number: number): readonly Field[] =>
    fields.filter((field) => field.number === number);
  const [graph] = of(read({ start: 0, end: onnx.length }, layouts.modelLayout), 7);
  if (graph === undefined) throw new Error('no graph');
  return new Map(
    of(read(graph, layouts.graphLayout), 5).map((tensor) => {
      const fields = read(tensor, layouts.tensorLayout);
      const [name, raw] = [of(fields, 8)[0], of(fields, 9)[0]];
      if (name === undefined || raw === undefined) throw new Error('a constant without a name or raw bytes');
      const dimensions = of(fields, 1).flatMap((field) => varintsOf(onnx, field, budget));
      const type = of(fields, 2)[0]?.value ?? 0;
      return [textOf(onnx, name), { type, dimensions, raw: onnx.slice(raw.start, raw.end) }];
    }),
  );
}
