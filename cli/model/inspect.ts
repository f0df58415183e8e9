import { limits } from '../../wire/limits.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { type GraphFacts, readFacts, type ValueFacts } from './facts.ts';
import { noteRemark, type Remark, refusedRemark } from './findings.ts';
import { scanAll } from './scan-all.ts';

export interface Inspection {
  readonly facts: GraphFacts;
  readonly remarks: readonly Remark[];
}

/** An ONNX file by itself: all that the worker's scan has against it, and what can be told of it without an engine. */
export function inspectOnnx(bytes: Uint8Array, kind: Manifest['kind']): Inspection {
  const facts = readFacts(bytes);
  const scanned = scanAll(bytes, { kind });
  return { facts, remarks: kind === 'tensor' ? [...scanned, ...tensorRemarks(facts)] : scanned };
}

/** As a manifest spells a free dimension, and the word for one without a name. */
const DIMENSION = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

function* tensorRemarks(facts: GraphFacts): Generator<Remark> {
  const sides = [
    ['input', facts.inputs],
    ['output', facts.outputs],
  ] as const;
  for (const [side, values] of sides) {
    if (values.length > limits.tensors) {
      yield refusedRemark(
        'signature_refused',
        `${side}s`,
        `${values.length} ${side}s; a release has at most ${limits.tensors}`,
        'Join tensors that belong together.',
      );
    }
    for (const value of values) yield* valueRemarks(side, value);
  }
  yield* freeDimensions(facts.inputs);
  for (const name of facts.constantInputs) {
    yield noteRemark(
      'constant_inputs',
      `"${name}"`,
      'the file gives this input a value, so that callers cannot send one',
    );
  }
}

function* valueRemarks(side: string, { name, datatype, type, shape }: ValueFacts): Generator<Remark> {
  const place = `${side} "${name}"`;
  if (datatype === null) {
    yield refusedRemark(
      'model_refused',
      place,
      type === 'no tensor' ? 'it is no tensor' : `its elements are of type ${type}, which is not served`,
      type === 'string'
        ? 'Turn texts into numbers before the call, and numbers into texts after it.'
        : 'Cast it inside the graph to a type that is served: float32, float16, float64, whole numbers or bool.',
    );
  }
  const length = new TextEncoder().encode(name).length;
  if (length === 0 || length > limits.tensorNameBytes) {
    yield refusedRemark('signature_refused', place, 'a manifest has no room for this name', 'Rename it.');
  }
  if (shape === null) return;
  if (shape.length > limits.tensorRank) {
    yield refusedRemark(
      'signature_refused',
      place,
      `${shape.length} dimensions; a tensor of a request has at most ${limits.tensorRank}`,
      'Reshape it.',
    );
  }
  for (const size of shape) {
    if (typeof size === 'number' || size === '' || DIMENSION.test(size)) continue;
    yield refusedRemark(
      'signature_refused',
      place,
      `the free dimension "${size}" has a name that a manifest cannot hold`,
      'Name it with letters, digits and underscores: dynamic_axes or dynamic_shapes say how it is called.',
    );
  }
}

function* freeDimensions(inputs: readonly ValueFacts[]): Generator<Remark> {
  for (const { name, shape } of inputs) {
    const free = shape?.filter((size) => typeof size === 'string').map((size) => size || '(no name)') ?? [];
    if (free.length > 0) {
      yield noteRemark(
        'free_dimensions',
        `input "${name}"`,
        `free dimensions: ${free.join(', ')}: what a call costs depends on them, up to the limits of the release`,
      );
    }
  }
  const [first] = inputs;
  const batch = first?.shape?.[0];
  const stackable = typeof batch === 'string' && batch !== '' && inputs.every(({ shape }) => shape?.[0] === batch);
  if (!stackable && first !== undefined) {
    yield noteRemark(
      'rows_alone',
      'inputs',
      'calls are never computed together: the first dimension is not one free dimension of all inputs',
      'To serve many small calls, export with a free first dimension that all inputs share, and set batchRows.',
    );
  }
}
