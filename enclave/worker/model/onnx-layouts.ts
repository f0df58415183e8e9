import type { Layout } from './protobuf.ts';

/** The messages of onnx.proto, field by field; a reader of the scan sees at once what is walked, skipped and refused. */
const SPARSE = { refused: 'sparse tensors are not supported' };
const DEVICES = { refused: 'device placement is not for the model to decide' };
const SUBGRAPH = { refused: 'subgraphs (If, Loop, Scan) let a model run for ever' };
const FUNCTION = { refused: 'functions hide operators behind a name of their own' };

export const modelLayout: Layout = {
  1: 'varint',
  2: 'bytes',
  3: 'bytes',
  4: 'bytes',
  5: 'varint',
  6: 'bytes',
  7: 'bytes',
  8: 'repeated-bytes',
  14: 'repeated-bytes',
  20: { refused: 'training information has no place in a release' },
  25: FUNCTION,
  26: DEVICES,
};

export const operatorSetLayout: Layout = { 1: 'bytes', 2: 'varint' };

export const entryLayout: Layout = { 1: 'bytes', 2: 'bytes' };

export const graphLayout: Layout = {
  1: 'repeated-bytes',
  2: 'bytes',
  5: 'repeated-bytes',
  10: 'bytes',
  11: 'repeated-bytes',
  12: 'repeated-bytes',
  13: 'repeated-bytes',
  14: 'repeated-bytes',
  15: SPARSE,
  16: 'repeated-bytes',
};

export const annotationLayout: Layout = { 1: 'bytes', 2: 'repeated-bytes' };

export const nodeLayout: Layout = {
  1: 'repeated-bytes',
  2: 'repeated-bytes',
  3: 'bytes',
  4: 'bytes',
  5: 'repeated-bytes',
  6: 'bytes',
  7: 'bytes',
  8: FUNCTION,
  9: 'repeated-bytes',
  10: DEVICES,
};

export const attributeLayout: Layout = {
  1: 'bytes',
  2: 'fixed32',
  3: 'varint',
  4: 'bytes',
  5: 'bytes',
  6: SUBGRAPH,
  7: 'fixed32s',
  8: 'varints',
  9: 'repeated-bytes',
  10: 'repeated-bytes',
  11: SUBGRAPH,
  13: 'bytes',
  14: { refused: 'type attributes belong to operators that are not supported' },
  15: { refused: 'type attributes belong to operators that are not supported' },
  20: 'varint',
  21: FUNCTION,
  22: SPARSE,
  23: SPARSE,
};

/** Of an `If` in a language model: its branches are read like any other graph. */
export const branchAttributeLayout: Layout = { ...attributeLayout, 6: 'bytes' };

/** External data (fields 13 and 14) is judged by the scan itself: it has a code of its own. */
export const tensorLayout: Layout = {
  1: 'varints',
  2: 'varint',
  3: { refused: 'segmented tensors are not supported' },
  4: 'fixed32s',
  5: 'varints',
  6: 'repeated-bytes',
  7: 'varints',
  8: 'bytes',
  9: 'bytes',
  10: 'fixed64s',
  11: 'varints',
  12: 'bytes',
  13: 'repeated-bytes',
  14: 'varint',
  16: 'repeated-bytes',
};

export const valueLayout: Layout = { 1: 'bytes', 2: 'bytes', 3: 'bytes', 4: 'repeated-bytes' };

const TENSORS_ONLY = { refused: 'values that are not dense tensors are not supported' };
export const typeLayout: Layout = {
  1: 'bytes',
  4: TENSORS_ONLY,
  5: TENSORS_ONLY,
  6: 'bytes',
  7: TENSORS_ONLY,
  8: TENSORS_ONLY,
  9: TENSORS_ONLY,
};

export const tensorTypeLayout: Layout = { 1: 'varint', 2: 'bytes' };

export const shapeLayout: Layout = { 1: 'repeated-bytes' };

export const dimensionLayout: Layout = { 1: 'varint', 2: 'bytes', 3: 'bytes' };
