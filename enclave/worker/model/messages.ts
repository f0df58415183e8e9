import { concatBytes, readU32, u32 } from '../../../wire/bytes.ts';
import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../../../wire/codec/cbor.ts';
import { array, either, integer, object, oneOf, type Reader, text } from '../../../wire/codec/fields.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import type { Runtime } from '../../../wire/message/execution.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import type { EncodedBody } from '../../../wire/message/tensor.ts';

/**
 * What the worker and one model process say to each other over the process's only descriptor. The worker asks, the
 * process answers once with the same id: `load` and the pieces of the file it announced are answered by `loaded`, `run`
 * by `outputs`, and each of them possibly by `failed`. Neither side trusts a length that the other states.
 */
export const modelKind = { load: 0x01, piece: 0x02, run: 0x03, loaded: 0x81, outputs: 0x82, failed: 0x83 } as const;

export type ModelExecution = Pick<Runtime, 'optimisation' | 'threads'>;

export interface LoadOrder extends ModelExecution {
  readonly size: number;
}

export interface LoadedInfo {
  readonly engine: Runtime;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
}

export interface ModelFailure {
  readonly code: 'model_refused' | 'model_failed' | 'model_output_too_large';
  readonly detail: string;
}

/** What a model process ends with where the memory for the file that it was promised cannot be had. */
export const OUT_OF_MEMORY = 12;

const DETAIL_BYTES = 512;
const INFO_BYTES = limits.jsonHeaderBytes * 8;

const execution = {
  optimisation: oneOf(['disabled', 'basic', 'extended', 'all']),
  threads: integer({ min: 1, max: 64 }),
};

const loadOrder: Reader<LoadOrder> = object<LoadOrder>({
  ...execution,
  size: integer({ min: 1, max: limits.modelFileBytes }),
});

/** String tensors are absent: no operator on the list works on them. BF16 is absent: the engine's binding lacks it. */
export const modelDatatypes = [
  'BOOL',
  'UINT8',
  'UINT16',
  'UINT32',
  'UINT64',
  'INT8',
  'INT16',
  'INT32',
  'INT64',
  'FP16',
  'FP32',
  'FP64',
] as const;

export type ModelDatatype = (typeof modelDatatypes)[number];

const tensors: Reader<readonly ManifestTensor[]> = array(
  object<ManifestTensor>({
    name: text({ min: 1, max: limits.tensorNameBytes }),
    datatype: oneOf(modelDatatypes),
    shape: array(either(integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), text({ min: 1, max: 256 })), {
      min: 0,
      max: limits.tensorRank,
    }),
  }),
  { min: 0, max: limits.tensors },
);

const short = text({ min: 1, max: 64 });

const loadedInfo: Reader<LoadedInfo> = object<LoadedInfo>({
  engine: object<Runtime>({ engine: short, version: short, provider: short, ...execution }),
  inputs: tensors,
  outputs: tensors,
});

const failure: Reader<ModelFailure> = object<ModelFailure>({
  code: oneOf(['model_refused', 'model_failed', 'model_output_too_large']),
  detail: text({ min: 0, max: DETAIL_BYTES }),
});

export function encodeLoadOrder(order: LoadOrder): Uint8Array {
  return encodeCbor(mapOf(order));
}

export function decodeLoadOrder(payload: Uint8Array): LoadOrder {
  return loadOrder(decodeCbor(payload, strictCbor(INFO_BYTES)), 'load');
}

export function encodeLoadedInfo(info: LoadedInfo): Uint8Array {
  return encodeCbor(
    mapOf({ engine: mapOf(info.engine), inputs: info.inputs.map(mapOf), outputs: info.outputs.map(mapOf) }),
  );
}

export function decodeLoadedInfo(payload: Uint8Array): LoadedInfo {
  return loadedInfo(decodeCbor(payload, strictCbor(INFO_BYTES)), 'loaded');
}

/** The engine's words are cut, and what is not printable ASCII is replaced, so that a message is always a valid one. */
export function encodeFailure(code: ModelFailure['code'], detail: string): Uint8Array {
  const plain = detail.replace(/[^\x20-\x7e]+/g, ' ').slice(0, DETAIL_BYTES);
  return encodeCbor(mapOf({ code, detail: plain }));
}

export function decodeFailure(payload: Uint8Array): ModelFailure {
  return failure(decodeCbor(payload, strictCbor(2 * DETAIL_BYTES)), 'failed');
}

/** Requests and answers of the engine are OIP bodies in the binary form: one codec for tensors everywhere. */
export function encodeModelBody({ body, jsonLength }: EncodedBody): Uint8Array {
  return concatBytes(u32(jsonLength), body);
}

export function decodeModelBody(payload: Uint8Array): EncodedBody {
  const jsonLength = readU32(payload, 0);
  const body = payload.subarray(4);
  if (jsonLength > body.length) throw new WireError('truncated', 'the JSON part reaches beyond the body');
  return { body, jsonLength };
}

function mapOf(value: object): ReadonlyMap<string, CborValue> {
  return new Map(Object.entries(value) as [string, CborValue][]);
}
