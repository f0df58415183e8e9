import { limits } from '../../../wire/limits.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { OnnxError } from './onnx-error.ts';
import * as layouts from './onnx-layouts.ts';
import { allowedOperators, CLASSICAL, refusedOperators } from './operators.ts';
import { type Budget, type Field, type Layout, readFields, type Span, textOf, varintsOf } from './protobuf.ts';
import { type Attribute, checkForest } from './trees.ts';

/**
 * Reads a model before the engine does (DESIGN section 7): a publisher is trusted for its signature, never for a safe
 * model. Only what is on the lists passes: dense tensors inside the file, operators of two domains that are pure and
 * bounded, forests that are forests, no subgraph, no function, no reference to anything outside the bytes. What a model
 * may cost is not judged here (see `operators.ts`): memory and time are limited in the child process.
 *
 * One exception, for language models only: exporters used to put the two cases of a decoder behind an `If`. Either branch
 * is read by the same rules, so its work is as bounded as that of a graph without it.
 */
export interface OnnxSummary {
  readonly irVersion: number;
  readonly operatorSet: number;
  /** How often each operator occurs; one outside the standard domain with its domain, a dot between. */
  readonly operators: ReadonlyMap<string, number>;
}

/** IR 3 introduced operator sets; 13 is the newest that the pinned engine reads. */
const IR_VERSIONS = { min: 3, max: 13 };
/** From 7 on, inference is not mixed with training attributes; 23 is the newest set whose operators were reviewed here. */
const OPERATOR_SETS = { min: 7, max: 23 };
/** Of `ai.onnx.ml`, where a node uses it: 5 took back the trees that are read here. */
const CLASSICAL_SETS = { min: 1, max: 4 };
/** Exporters list these domains even when no node uses them. */
const KNOWN_DOMAINS: ReadonlySet<string> = new Set(['', 'ai.onnx', CLASSICAL, 'com.microsoft']);

export interface ScanOptions {
  readonly kind: Manifest['kind'];
}

interface Scan {
  readonly bytes: Uint8Array;
  readonly kind: Manifest['kind'];
  readonly budget: Budget;
  readonly operators: Map<string, number>;
}

export function scanOnnx(bytes: Uint8Array, { kind }: ScanOptions = { kind: 'tensor' }): OnnxSummary {
  if (bytes.length > limits.modelFileBytes) throw new OnnxError('onnx_too_large', 'more bytes than allowed', 0);
  refuseOtherFormats(bytes);
  const scan: Scan = { bytes, kind, budget: { fields: limits.onnxFields }, operators: new Map() };
  const fields = read(scan, { start: 0, end: bytes.length }, layouts.modelLayout);
  const irVersion = inRange(fields.find((field) => field.number === 1)?.value, IR_VERSIONS, 'IR version');
  const versions = operatorSets(scan, of(fields, 8));
  const operatorSet = inRange(versions.get(''), OPERATOR_SETS, 'operator set');
  checkEntries(scan, of(fields, 14));
  const [graph] = of(fields, 7);
  if (graph === undefined) throw new OnnxError('onnx_malformed', 'no graph', bytes.length);
  scanGraph(scan, graph, 0);
  if ([...scan.operators.keys()].some((name) => name.startsWith(CLASSICAL))) {
    inRange(versions.get(CLASSICAL), CLASSICAL_SETS, `operator set of ${CLASSICAL}`);
  }
  return { irVersion, operatorSet, operators: scan.operators };
}

/**
 * The engine takes bytes 4 to 7 "ORTM" for its own flatbuffer format and would then read another model than this scan
 * did; a protobuf that carries the mark in a text field is possible. (The child also tells the engine the format.)
 */
function refuseOtherFormats(bytes: Uint8Array): void {
  const mark = [0x4f, 0x52, 0x54, 0x4d];
  if (mark.every((byte, index) => bytes[4 + index] === byte)) {
    throw new OnnxError('onnx_other_format', 'this is marked as an ORT flatbuffer', 4);
  }
}

function operatorSets(scan: Scan, imports: readonly Field[]): ReadonlyMap<string, number> {
  const versions = new Map<string, number>();
  for (const entry of imports) {
    const fields = read(scan, entry, layouts.operatorSetLayout);
    const [name] = of(fields, 1);
    const domain = name === undefined ? '' : textOf(scan.bytes, name);
    if (!KNOWN_DOMAINS.has(domain)) throw new OnnxError('onnx_domain', 'an unknown operator domain', entry.start);
    const key = domain === 'ai.onnx' ? '' : domain;
    if (versions.has(key)) throw new OnnxError('onnx_version', 'an operator domain is imported twice', entry.start);
    versions.set(key, of(fields, 2)[0]?.value ?? 0);
  }
  return versions;
}

/** `depth` counts the nodes with branches around the graph. */
function scanGraph(scan: Scan, graph: Span, depth: number): void {
  const fields = read(scan, graph, layouts.graphLayout);
  const nodes = of(fields, 1);
  if (nodes.length > limits.onnxNodes) throw new OnnxError('onnx_too_large', 'more nodes than allowed', graph.start);
  for (const node of nodes) scanNode(scan, node, depth);
  for (const tensor of of(fields, 5)) scanTensor(scan, tensor);
  for (const value of [...of(fields, 11), ...of(fields, 12), ...of(fields, 13)]) scanValue(scan, value);
  for (const annotation of of(fields, 14)) {
    checkEntries(scan, of(read(scan, annotation, layouts.annotationLayout), 2));
  }
  checkEntries(scan, of(fields, 16));
}

function scanNode(scan: Scan, node: Span, depth: number): void {
  const fields = read(scan, node, layouts.nodeLayout);
  const textAt = (number: number): string => of(fields, number).map((field) => textOf(scan.bytes, field))[0] ?? '';
  const domain = textAt(7);
  const allowed = allowedOperators.get(domain);
  if (allowed === undefined) {
    throw new OnnxError('onnx_domain', 'an operator outside the standard domain and ai.onnx.ml', node.start);
  }
  const operator = textAt(4);
  const branches = scan.kind === 'text-generation' && domain !== CLASSICAL && operator === 'If';
  if (branches && depth === limits.onnxGraphDepth) {
    throw new OnnxError('onnx_operator', `If is refused: branches are nested deeper than ${depth}`, node.start);
  }
  if (!branches && !allowed.has(operator)) {
    // The name is the publisher's: only names that this program knows are repeated.
    const reason = refusedOperators.get(operator);
    const detail = reason === undefined ? 'an operator that is not on the list' : `${operator} is refused: ${reason}`;
    throw new OnnxError('onnx_operator', detail, node.start);
  }
  const counted = domain === CLASSICAL ? `${domain}.${operator}` : operator;
  scan.operators.set(counted, (scan.operators.get(counted) ?? 0) + 1);
  const layout = branches ? layouts.branchAttributeLayout : layouts.attributeLayout;
  const attributes = of(fields, 5).map((attribute) => scanAttribute(scan, attribute, { layout, depth }));
  const modes = attributes.flatMap(({ name, fields }) => (name === 'training_mode' ? of(fields, 3) : []));
  // Dropout's third input switches training on; BatchNormalization trains (and mixes requests of a batch) when asked
  // for more than one output.
  const trains =
    modes.some(({ value }) => value !== 0) ||
    (operator === 'Dropout' && of(fields, 1).length > 2) ||
    (operator === 'BatchNormalization' && of(fields, 2).length > 1);
  if (trains) throw new OnnxError('onnx_operator', `${operator} in training mode`, node.start);
  if (operator.startsWith('TreeEnsemble')) checkForest(scan, attributes, node.start);
  checkEntries(scan, of(fields, 9));
}

function scanAttribute(
  scan: Scan,
  attribute: Span,
  { layout, depth }: { readonly layout: Layout; readonly depth: number },
): Attribute {
  const fields = read(scan, attribute, layout);
  for (const graph of of(fields, 6)) scanGraph(scan, graph, depth + 1);
  for (const tensor of [...of(fields, 5), ...of(fields, 10)]) scanTensor(scan, tensor);
  const [name] = of(fields, 1);
  if (name === undefined) throw new OnnxError('onnx_malformed', 'an attribute without a name', attribute.start);
  return { name: textOf(scan.bytes, name), fields };
}

function scanTensor(scan: Scan, tensor: Span): void {
  const fields = read(scan, tensor, layouts.tensorLayout);
  if (of(fields, 13).length > 0 || of(fields, 14).some((location) => location.value !== 0)) {
    throw new OnnxError('onnx_external_data', 'a tensor refers to data outside the file', tensor.start);
  }
  let elements = 1;
  for (const dimension of of(fields, 1).flatMap((field) => varintsOf(scan.bytes, field, scan.budget))) {
    elements *= checkDimension(dimension, tensor);
    if (elements > limits.modelTensorElements)
      throw new OnnxError('onnx_dimension', 'a tensor is too large', tensor.start);
  }
  checkEntries(scan, of(fields, 16));
}

function scanValue(scan: Scan, value: Span): void {
  const fields = read(scan, value, layouts.valueLayout);
  for (const type of of(fields, 2)) {
    for (const tensor of of(read(scan, type, layouts.typeLayout), 1)) {
      for (const shape of of(read(scan, tensor, layouts.tensorTypeLayout), 2)) {
        for (const dimension of of(read(scan, shape, layouts.shapeLayout), 1)) {
          const size = of(read(scan, dimension, layouts.dimensionLayout), 1)[0];
          if (size !== undefined) checkDimension(size.value, dimension);
        }
      }
    }
  }
  checkEntries(scan, of(fields, 4));
}

/** Key and value texts: read for their form only. */
function checkEntries(scan: Scan, entries: readonly Field[]): void {
  for (const entry of entries) read(scan, entry, layouts.entryLayout);
}

function checkDimension(size: number, place: Span): number {
  if (size > limits.modelTensorElements)
    throw new OnnxError('onnx_dimension', 'a dimension is negative or too large', place.start);
  return size;
}

function inRange(
  value: number | undefined,
  range: { readonly min: number; readonly max: number },
  what: string,
): number {
  if (value === undefined || value < range.min || value > range.max) {
    throw new OnnxError('onnx_version', `${what} is not in ${range.min}..${range.max}`, 0);
  }
  return value;
}

function read(scan: Scan, span: Span, layout: Layout): readonly Field[] {
  return readFields(scan.bytes, span, layout, scan.budget);
}

function of(fields: readonly Field[], number: number): readonly Field[] {
  return fields.filter((field) => field.number === number);
}
