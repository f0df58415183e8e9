import { limits } from '../../../../wire/limits.ts';
import { ModelError } from '../errors.ts';
import * as layouts from '../onnx-layouts.ts';
import { type Budget, type Field, type Layout, readFields, type Span, textOf } from '../protobuf.ts';

/** An input or output as the file declares it. */
export interface GraphValue {
  readonly name: string;
  /** As onnx.proto numbers the types; 0 where it is no tensor. */
  readonly type: number;
  /** A word names a free dimension; nothing where the file leaves the shape open. */
  readonly shape: readonly (number | string)[] | undefined;
}

export interface GraphSignature {
  readonly operatorSet: number;
  readonly inputs: readonly GraphValue[];
  readonly outputs: readonly GraphValue[];
}

/** From the file and not from the engine, which would have to load all weights before it tells. */
export function readSignature(bytes: Uint8Array): GraphSignature {
  const budget: Budget = { fields: limits.onnxFields };
  const read = (span: Span, layout: Layout): readonly Field[] => readFields(bytes, span, layout, budget);
  const of = (fields: readonly Field[], number: number): readonly Field[] =>
    fields.filter((field) => field.number === number);
  const nameIn = (fields: readonly Field[], number: number): string => {
    const [name] = of(fields, number);
    return name === undefined || name.end - name.start > LONGEST_NAME ? '' : textOf(bytes, name);
  };

  function readValue(span: Span): GraphValue {
    const fields = read(span, layouts.valueLayout);
    const name = nameIn(fields, 1);
    const [tensor] = of(fields, 2).flatMap((type) => of(read(type, layouts.typeLayout), 1));
    if (tensor === undefined) return { name, type: 0, shape: undefined };
    const parts = read(tensor, layouts.tensorTypeLayout);
    const [shape] = of(parts, 2).map((found) =>
      of(read(found, layouts.shapeLayout), 1).map((dimension) => {
        const size = read(dimension, layouts.dimensionLayout);
        return of(size, 1)[0]?.value ?? nameIn(size, 2);
      }),
    );
    return { name, type: of(parts, 1)[0]?.value ?? 0, shape };
  }

  const model = read({ start: 0, end: bytes.length }, layouts.modelLayout);
  const sets = of(model, 8).map((entry) => {
    const fields = read(entry, layouts.operatorSetLayout);
    return { domain: nameIn(fields, 1), version: of(fields, 2)[0]?.value ?? 0 };
  });
  const [graph] = of(model, 7);
  if (graph === undefined) throw new ModelError('model_refused', 'the file has no graph');
  const fields = read(graph, layouts.graphLayout);
  // Older files list constants among the inputs.
  const constants = new Set(of(fields, 5).map((tensor) => nameIn(read(tensor, layouts.tensorLayout), 8)));
  return {
    operatorSet: sets.find(({ domain }) => domain === '' || domain === 'ai.onnx')?.version ?? 0,
    inputs: of(fields, 11)
      .map(readValue)
      .filter(({ name }) => !constants.has(name)),
    outputs: of(fields, 12).map(readValue),
  };
}

/** Names that decide something are short; one that is not is like none. */
const LONGEST_NAME = 256;
