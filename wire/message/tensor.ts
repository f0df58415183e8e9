import { concatBytes, equalBytes, utf8 } from '../bytes.ts';
import { array, boolean, integer, object, oneOf, optional, type Reader, type Shape, text } from '../codec/fields.ts';
import { parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import {
  checkSize,
  checkTensorData,
  type Datatype,
  dataFromJson,
  dataToJson,
  datatypes,
  refusal,
  type Tensor,
} from './tensor-data.ts';

export { type Datatype, datatypes, floatTensor, type Tensor, tensorValues } from './tensor-data.ts';

/**
 * Open Inference Protocol v2 with the binary tensor extension. The request header's format word says which of the two a
 * body is (DESIGN section 4), and an answer comes in the format of its request.
 */
export type BodyFormat = 'binary' | 'json';

export interface EncodedBody {
  readonly body: Uint8Array;
  /** Leading bytes that are JSON: all of them in a JSON body, the header before the tensors in a binary one. */
  readonly jsonLength: number;
}

export interface InferRequest {
  readonly id: string | null;
  readonly inputs: readonly Tensor[];
  /** The outputs wanted, in this order. */
  readonly outputs: readonly string[] | 'all';
}

export interface InferResponse {
  readonly modelName: string;
  readonly modelVersion: string;
  readonly id: string | null;
  readonly outputs: readonly Tensor[];
}

interface TensorEntry {
  readonly name: string;
  readonly shape: readonly number[];
  readonly datatype: Datatype;
  readonly parameters: { readonly binary_data_size: number | null } | null;
  readonly data: unknown;
}

interface RequestEntry {
  readonly id: string | null;
  readonly parameters: { readonly binary_data_output: boolean | null } | null;
  readonly inputs: readonly TensorEntry[];
  readonly outputs: readonly OutputEntry[] | null;
}

interface OutputEntry {
  readonly name: string;
  readonly parameters: { readonly binary_data: boolean | null } | null;
}

interface ResponseEntry {
  readonly model_name: string;
  readonly model_version: string;
  readonly id: string | null;
  readonly outputs: readonly TensorEntry[];
}

const name: Reader<string> = text({ min: 1, max: limits.tensorNameBytes });
const id: Reader<string> = text({ min: 0, max: limits.inferenceIdBytes });
const modelName: Reader<string> = text({ min: 1, max: limits.modelNameBytes });

const tensorEntry: Reader<TensorEntry> = object<TensorEntry>({
  name,
  shape: array(integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), { min: 0, max: limits.tensorRank }),
  datatype: oneOf<readonly Datatype[]>(datatypes),
  parameters: optional(
    parameters<{ readonly binary_data_size: number | null }>({
      binary_data_size: optional(integer({ min: 0, max: limits.bodyBytes })),
    }),
  ),
  data: optional(present),
});

const tensorEntries: Reader<readonly TensorEntry[]> = array(tensorEntry, { min: 0, max: limits.tensors });

const requestEntry: Reader<RequestEntry> = object<RequestEntry>({
  id: optional(id),
  parameters: optional(
    parameters<{ readonly binary_data_output: boolean | null }>({ binary_data_output: optional(boolean()) }),
  ),
  inputs: tensorEntries,
  outputs: optional(
    array(
      object<OutputEntry>({
        name,
        parameters: optional(
          parameters<{ readonly binary_data: boolean | null }>({ binary_data: optional(boolean()) }),
        ),
      }),
      { min: 1, max: limits.tensors },
    ),
  ),
});

const responseEntry: Reader<ResponseEntry> = object<ResponseEntry>({
  model_name: modelName,
  model_version: modelName,
  id: optional(id),
  outputs: tensorEntries,
});

/**
 * What the last request with a binary body turned out to be. Most of a client's requests differ in nothing but the bytes of
 * their tensors, and reading the JSON before those costs as much as running a small model. Of whatever a client chose nothing
 * is remembered but names, types and shapes: not where the JSON has an id or data in it.
 */
export interface RequestMemory {
  last?: { readonly json: Uint8Array; readonly sizes: readonly number[]; readonly request: InferRequest };
}

/** The same as `decodeInferRequest` does with a binary body. */
export function recallInferRequest(memory: RequestMemory, encoded: EncodedBody): InferRequest {
  const { body, jsonLength } = encoded;
  const json = body.subarray(0, jsonLength);
  const { last } = memory;
  if (last !== undefined && equalBytes(last.json, json) && sum(last.sizes) === body.length - jsonLength) {
    let offset = jsonLength;
    const inputs = last.request.inputs.map((tensor, index) => {
      const start = offset;
      offset += last.sizes[index] as number;
      return { ...tensor, data: Uint8Array.prototype.slice.call(body, start, offset) };
    });
    return { ...last.request, inputs };
  }
  const request = decodeInferRequest(encoded, 'binary');
  const sizes = request.inputs.map(({ data }) => data.length);
  if (request.id === null && sum(sizes) === body.length - jsonLength && request.inputs.every(isPlain)) {
    const inputs = request.inputs.map((tensor) => ({ ...tensor, data: new Uint8Array(0) }));
    memory.last = { json: json.slice(), sizes, request: { ...request, inputs } };
  }
  return request;
}

/** Nothing has to be looked at in its bytes. */
function isPlain({ datatype, data }: Tensor): boolean {
  return datatype !== 'BYTES' && datatype !== 'BOOL' && data.length > 0;
}

function sum(sizes: readonly number[]): number {
  return sizes.reduce((total, size) => total + size, 0);
}

export function encodeInferRequest(request: InferRequest, format: BodyFormat): EncodedBody {
  checkTensors(request.inputs, 'inputs');
  const members = [`"inputs":${tensorsToJson(request.inputs, format, 'inputs')}`];
  if (request.id !== null) members.unshift(`"id":${quote(id(request.id, 'id'))}`);
  // Triton answers in JSON unless asked; our worker answers in the format of the request.
  if (format === 'binary') members.unshift('"parameters":{"binary_data_output":true}');
  if (request.outputs !== 'all') {
    if (request.outputs.length === 0) throw refusal('no output is asked for', 'outputs');
    checkNames(request.outputs, 'outputs');
    members.push(`"outputs":[${request.outputs.map((output) => `{"name":${quote(output)}}`).join(',')}]`);
  }
  return assemble(members, request.inputs, format);
}

export function decodeInferRequest(encoded: EncodedBody, format: BodyFormat): InferRequest {
  const { header, tensors } = split(encoded, format);
  const entry = requestEntry(header, '');
  checkOutputFormat(entry.parameters?.binary_data_output ?? null, format, 'parameters.binary_data_output');
  entry.outputs?.forEach((output, index) => {
    checkOutputFormat(output.parameters?.binary_data ?? null, format, `outputs[${index}].parameters.binary_data`);
  });
  const outputs = entry.outputs === null ? 'all' : entry.outputs.map((output) => output.name);
  if (outputs !== 'all') checkNames(outputs, 'outputs');
  return { id: entry.id, inputs: readTensors(entry.inputs, tensors, 'inputs'), outputs };
}

export function encodeInferResponse(response: InferResponse, format: BodyFormat): EncodedBody {
  checkTensors(response.outputs, 'outputs');
  const members = [
    `"model_name":${quote(modelName(response.modelName, 'model_name'))}`,
    `"model_version":${quote(modelName(response.modelVersion, 'model_version'))}`,
  ];
  if (response.id !== null) members.push(`"id":${quote(id(response.id, 'id'))}`);
  members.push(`"outputs":${tensorsToJson(response.outputs, format, 'outputs')}`);
  return assemble(members, response.outputs, format);
}

export function decodeInferResponse(encoded: EncodedBody, format: BodyFormat): InferResponse {
  const { header, tensors } = split(encoded, format);
  const entry = responseEntry(header, '');
  return {
    modelName: entry.model_name,
    modelVersion: entry.model_version,
    id: entry.id,
    outputs: readTensors(entry.outputs, tensors, 'outputs'),
  };
}

/** Data is read later, by datatype and shape; until then null stands for absent, so a null that was sent is refused. */
function present(value: unknown, path: string): unknown {
  if (value === null) throw refusal('data is null', path);
  return value;
}

/** `parameters` is OIP's place for extensions; one that is not understood is refused, since it may change the meaning. */
function parameters<T extends object>(shape: Shape<T>): Reader<T> {
  const read = object<T>(shape);
  return (value, path) => {
    try {
      return read(value, path);
    } catch (error) {
      if (!(error instanceof WireError) || error.code !== 'field_unknown') throw error;
      throw refusal('this parameter is not understood', error.place.field ?? path);
    }
  };
}

function checkOutputFormat(wanted: boolean | null, format: BodyFormat, path: string): void {
  if (wanted !== null && wanted !== (format === 'binary')) {
    throw refusal(`the answer to a ${format} request is ${format}`, path);
  }
}

/** Cuts a body into its JSON and the binary tensors behind it; `tensors` is null where the format has none. */
function split(encoded: EncodedBody, format: BodyFormat): { header: unknown; tensors: Uint8Array | null } {
  const { body, jsonLength } = encoded;
  if (body.length > limits.bodyBytes) {
    throw new WireError('too_large', `${body.length} bytes where ${limits.bodyBytes} are allowed`);
  }
  if (!Number.isInteger(jsonLength) || jsonLength < 0 || jsonLength > body.length) {
    throw refusal('the JSON does not end inside the body', 'jsonLength');
  }
  if (format === 'json') {
    if (jsonLength !== body.length) throw refusal('a JSON body is JSON to its end', 'jsonLength');
    return { header: parseJson(body, limits.bodyBytes), tensors: null };
  }
  return {
    header: parseJson(body.subarray(0, jsonLength), limits.jsonHeaderBytes),
    tensors: body.subarray(jsonLength),
  };
}

/** Takes the binary tensors in order; they must use up `tensors` exactly. Each gets a buffer of its own, aligned. */
function readTensors(entries: readonly TensorEntry[], tensors: Uint8Array | null, list: string): readonly Tensor[] {
  let offset = 0;
  const result = entries.map((entry, index) => {
    const path = `${list}[${index}]`;
    const size = entry.parameters?.binary_data_size ?? null;
    if ((size === null) === (entry.data === null)) throw refusal('give either data or binary_data_size', path);
    const { name, datatype, shape } = entry;
    if (size === null) return { name, datatype, shape, data: dataFromJson(datatype, shape, entry.data, path) };
    if (tensors === null) throw refusal('a JSON body has no binary tensors', path);
    if (size > tensors.length - offset) throw refusal(`${size} bytes are not there`, path);
    const data = tensors.slice(offset, offset + size);
    offset += size;
    return { name, datatype, shape, data };
  });
  if (tensors !== null && offset !== tensors.length) {
    throw refusal(`${tensors.length - offset} bytes belong to no tensor`, list);
  }
  checkTensors(result, list);
  return result;
}

function checkTensors(tensors: readonly Tensor[], list: string): void {
  if (tensors.length > limits.tensors) throw refusal(`more than ${limits.tensors} tensors`, list);
  checkNames(
    tensors.map((tensor) => tensor.name),
    list,
  );
  checkSize(sum(tensors.map(({ data }) => data.length)), list);
  tensors.forEach((tensor, index) => {
    checkTensorData(tensor, `${list}[${index}]`);
  });
}

function checkNames(names: readonly string[], list: string): void {
  names.forEach((value, index) => {
    name(value, `${list}[${index}].name`);
  });
  if (new Set(names).size !== names.length) throw refusal('a name occurs twice', list);
}

/** Written by hand, since `JSON.stringify` would turn -0 into 0 and NaN into null. */
function tensorsToJson(tensors: readonly Tensor[], format: BodyFormat, list: string): string {
  const entries = tensors.map((tensor, index) => {
    const content =
      format === 'binary'
        ? `"parameters":{"binary_data_size":${tensor.data.length}}`
        : `"data":${dataToJson(tensor, `${list}[${index}]`)}`;
    const shape = `[${tensor.shape.join(',')}]`;
    return `{"name":${quote(tensor.name)},"shape":${shape},"datatype":"${tensor.datatype}",${content}}`;
  });
  return `[${entries.join(',')}]`;
}

function assemble(members: readonly string[], tensors: readonly Tensor[], format: BodyFormat): EncodedBody {
  const json = utf8(`{${members.join(',')}}`);
  if (format === 'binary' && json.length > limits.jsonHeaderBytes) {
    throw new WireError('too_large', `a header of ${json.length} bytes where ${limits.jsonHeaderBytes} are allowed`);
  }
  const body = format === 'binary' ? concatBytes(json, ...tensors.map((tensor) => tensor.data)) : json;
  if (body.length > limits.bodyBytes) {
    throw new WireError('too_large', `${body.length} bytes where ${limits.bodyBytes} are allowed`);
  }
  return { body, jsonLength: json.length };
}

function quote(value: string): string {
  return JSON.stringify(value);
}
