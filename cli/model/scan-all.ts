import { OnnxError } from '../../enclave/worker/model/onnx-error.ts';
import { type ScanOptions, scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { adviceFor } from './advice.ts';
import { type RawField, rawFields, textAt, within } from './fields.ts';
import { type Remark, refusedRemark } from './findings.ts';

const MODEL = { irVersion: 1, graph: 7, operatorSet: 8 } as const;
const GRAPH = { node: 1, initializer: 5, values: [11, 12, 13] } as const;
const NODE = { name: 3, operator: 4, attribute: 5, domain: 7 } as const;
const ATTRIBUTE_GRAPH = 6;
const TENSOR_NAME = 8;

/**
 * All that the worker's scan has against a model. The scan itself ends with the first; so it is asked about the whole file,
 * which is the verdict, and where it refuses that, about every part in a model that has nothing else. No rule is repeated
 * here, so that none can differ.
 */
export function scanAll(bytes: Uint8Array, options: ScanOptions): readonly Remark[] {
  const whole = refusalOf(bytes, options);
  if (whole === undefined) return [];
  const remarks = [...eachPart(bytes, options)];
  const told = remarks.some(({ code }) => code === whole.code);
  return told ? remarks : [remarkOf(whole, 'the file'), ...remarks];
}

function* eachPart(bytes: Uint8Array, options: ScanOptions): Generator<Remark> {
  const fields = [...rawFields(bytes, 0, bytes.length)];
  const part = (field: RawField): Uint8Array => bytes.subarray(field.start, field.end);
  const of = (number: number): readonly RawField[] => fields.filter((field) => field.number === number);
  const sets = concatBytes(...of(MODEL.operatorSet).map(part));
  const ask = (pieces: Pieces): OnnxError | undefined => refusalOf(assemble(pieces), options);

  const ownSets = ask({ sets });
  if (ownSets !== undefined) yield remarkOf(ownSets, 'operator sets');
  const usable = ownSets === undefined ? sets : USUAL_SETS;
  const version = ask({ irVersion: concatBytes(...of(MODEL.irVersion).map(part)), sets: usable });
  if (version !== undefined) yield remarkOf(version, 'IR version');
  for (const field of fields) {
    if (Object.values(MODEL).includes(field.number as 1 | 7 | 8)) continue;
    const refused = ask({ sets: usable, more: part(field) });
    if (refused !== undefined) yield remarkOf(refused, `field ${field.number} of the model`);
  }
  for (const graph of of(MODEL.graph)) {
    yield* eachOfGraph(bytes, graph, { prefix: '', ask: (content) => ask({ sets: usable, graph: content }), options });
  }
}

interface Asking {
  /** Of the branch that the graph is, with a dot. */
  readonly prefix: string;
  readonly ask: (graph: Uint8Array) => OnnxError | undefined;
  readonly options: ScanOptions;
}

function* eachOfGraph(bytes: Uint8Array, graph: RawField, { prefix, ask, options }: Asking): Generator<Remark> {
  let node = 0;
  let asked = 0;
  for (const field of rawFields(bytes, graph.content, graph.end)) {
    // A flood is refused as a whole; that is all there is to say about it.
    if (asked++ > limits.onnxNodes) return;
    const refused = ask(bytes.subarray(field.start, field.end));
    if (field.number === GRAPH.node) node += 1;
    if (refused === undefined) continue;
    const place = prefix + placeOf(bytes, field, node);
    const inside =
      field.number === GRAPH.node ? [...insideOf(bytes, field, { prefix: `${place} › `, ask, options })] : [];
    if (inside.length > 0) yield* inside;
    else yield remarkOf(refused, place, operatorIn(bytes, field));
  }
}

/** Of a node with branches, where these are allowed: it is what is in them that is refused, if anything is. */
function* insideOf(bytes: Uint8Array, node: RawField, asking: Asking): Generator<Remark> {
  const [operator] = within(bytes, node, NODE.operator);
  if (asking.options.kind !== 'text-generation' || textAt(bytes, operator) !== 'If') return;
  for (const attribute of within(bytes, node, NODE.attribute)) {
    for (const graph of within(bytes, attribute, ATTRIBUTE_GRAPH)) {
      if (asking.prefix.split(' › ').length > limits.onnxGraphDepth + 1) return;
      yield* eachOfGraph(bytes, graph, asking);
    }
  }
}

function operatorIn(bytes: Uint8Array, field: RawField): string {
  if (field.number !== GRAPH.node) return '';
  const domain = textAt(bytes, within(bytes, field, NODE.domain)[0]);
  const operator = textAt(bytes, within(bytes, field, NODE.operator)[0]);
  return domain === '' || domain === 'ai.onnx' ? operator : `${domain}.${operator}`;
}

function placeOf(bytes: Uint8Array, field: RawField, node: number): string {
  if (field.number === GRAPH.node) {
    const name = textAt(bytes, within(bytes, field, NODE.name)[0]);
    return `node ${node}${name === '' ? '' : ` "${name}"`} (${operatorIn(bytes, field) || 'no operator'})`;
  }
  if (field.number === GRAPH.initializer) {
    return `tensor "${textAt(bytes, within(bytes, field, TENSOR_NAME)[0])}"`;
  }
  if ((GRAPH.values as readonly number[]).includes(field.number)) {
    return `value "${textAt(bytes, within(bytes, field, 1)[0])}"`;
  }
  return `field ${field.number} of the graph`;
}

function remarkOf(error: OnnxError, where: string, operator = ''): Remark {
  const detail = error.message.replace(/^\w+: /, '').replace(/ at byte \d+$/, '');
  // The scan repeats no name of a publisher's; here the publisher reads.
  const named = operator !== '' && !detail.includes(operator) ? `${operator}: ${detail}` : detail;
  return refusedRemark(error.code, where, named, adviceFor(error.code, detail));
}

function refusalOf(bytes: Uint8Array, options: ScanOptions): OnnxError | undefined {
  try {
    scanOnnx(bytes, options);
    return undefined;
  } catch (error) {
    if (error instanceof OnnxError) return error;
    throw error;
  }
}

interface Pieces {
  readonly irVersion?: Uint8Array;
  readonly sets: Uint8Array;
  /** The content of the graph. */
  readonly graph?: Uint8Array;
  readonly more?: Uint8Array;
}

const NOTHING = new Uint8Array(0);
/** IR version 8, and operator sets of both domains that are served. */
const USUAL_VERSION = Uint8Array.of(0x08, 8);
const USUAL_SETS = Uint8Array.of(
  ...[0x42, 2, 0x10, 17],
  ...[0x42, 14, 0x0a, 10, ...new TextEncoder().encode('ai.onnx.ml'), 0x10, 3],
);

function assemble({ irVersion = USUAL_VERSION, sets, graph = NOTHING, more = NOTHING }: Pieces): Uint8Array {
  return concatBytes(irVersion, Uint8Array.of(0x3a, ...varint(graph.length)), graph, sets, more);
}

function varint(value: number): readonly number[] {
  return value < 128 ? [value] : [(value % 128) + 128, ...varint(Math.floor(value / 128))];
}
