import { concatBytes, readU32, u32, utf8 } from '../../../wire/bytes.ts';
import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../../../wire/codec/cbor.ts';
import {
  array,
  bytes,
  either,
  integer,
  nullable,
  object,
  oneOf,
  type Reader,
  text,
} from '../../../wire/codec/fields.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import type { Runtime } from '../../../wire/message/execution.ts';
import type { ChatMessage, LanguageRequest } from '../../../wire/message/language.ts';
import type { Manifest, ManifestTensor } from '../../../wire/message/manifest.ts';
import type { EncodedBody } from '../../../wire/message/tensor.ts';

/**
 * What the worker and one model process say to each other over the process's only descriptor. The worker asks, the
 * process answers with the same id: `load` and the pieces of the files it announced are answered by `loaded`, `run` by
 * `outputs`, `generate` by any number of `text` frames and then `generated`, and each of them possibly by `failed`. `stop`
 * ends a generation, which still says how far it came. Neither side trusts a length that the other states.
 */
export const modelKind = {
  load: 0x01,
  piece: 0x02,
  run: 0x03,
  generate: 0x04,
  stop: 0x05,
  loaded: 0x81,
  outputs: 0x82,
  failed: 0x83,
  text: 0x84,
  generated: 0x85,
} as const;

export type ModelExecution = Pick<Runtime, 'optimisation' | 'threads'>;

export interface LoadOrder extends ModelExecution {
  readonly kind: Manifest['kind'];
  /** Which of the files the engine loads. */
  readonly entry: string;
  /** Their bytes follow in pieces, one file after the other. */
  readonly files: readonly OrderedFile[];
}

export interface OrderedFile {
  readonly path: string;
  readonly size: number;
}

export interface LoadedInfo {
  readonly engine: Runtime;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
}

export interface ModelFailure {
  readonly code: 'model_refused' | 'model_input' | 'model_failed' | 'model_output_too_large';
  readonly detail: string;
}

/** What a model process ends with where the memory for the file that it was promised cannot be had. */
export const OUT_OF_MEMORY = 12;

const DETAIL_BYTES = 512;
/** A request's texts, and what stands around them. */
const ORDER_BYTES = limits.bodyBytes + 65_536;
const INFO_BYTES = limits.jsonHeaderBytes * 8;

const execution = {
  optimisation: oneOf(['disabled', 'basic', 'extended', 'all']),
  threads: integer({ min: 1, max: 64 }),
};

const path = text({ min: 1, max: 256 });

const loadOrder: Reader<LoadOrder> = object<LoadOrder>({
  ...execution,
  kind: oneOf(['tensor', 'text-generation']),
  entry: path,
  files: array(object<OrderedFile>({ path, size: integer({ min: 1, max: limits.modelFileBytes }) }), {
    min: 1,
    max: limits.languageFiles,
  }),
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

/** What a language model turned out to be. The names say what decides the bits of its answers (DESIGN section 4). */
export interface LanguageInfo {
  readonly engine: Runtime;
  readonly layout: string;
  readonly schedule: string;
  readonly sampler: string;
  readonly contextTokens: number;
  readonly vocabulary: number;
  /** Generations that it takes at once. */
  readonly capacity: number;
}

const languageInfo: Reader<LanguageInfo> = object<LanguageInfo>({
  engine: object<Runtime>({ engine: short, version: short, provider: short, ...execution }),
  layout: short,
  schedule: short,
  sampler: short,
  contextTokens: integer({ min: 1, max: limits.contextTokens }),
  vocabulary: integer({ min: 1, max: limits.modelTensorElements }),
  capacity: integer({ min: 1, max: limits.unacknowledgedLeaves }),
});

/** One generation. Fractions are the decimal text that stands in the receipt's execution: one spelling decides the bits. */
export interface GenerationOrder {
  readonly input: LanguageRequest['input'];
  readonly temperature: string;
  readonly topP: string;
  readonly stop: readonly string[];
  readonly seed: Uint8Array;
  /** Generated tokens at most; the context may leave less. */
  readonly maxTokens: number;
  /** Prompt and generated tokens at most: what the requester pays for. */
  readonly maxUnits: number;
}

export interface Generated {
  /** `stop`: an end token or a stop string. `length`: a limit. `ended`: it was told to stop. */
  readonly reason: 'stop' | 'length' | 'ended';
  readonly promptTokens: number;
  readonly completionTokens: number;
}

const decimal = text({ min: 1, max: 24 });
const anyText = text({ min: 0, max: limits.bodyBytes });

interface WrittenOrder {
  readonly messages: readonly ChatMessage[] | null;
  readonly prompt: string | null;
  readonly temperature: string;
  readonly topP: string;
  readonly stop: readonly string[];
  readonly seed: Uint8Array;
  readonly maxTokens: number;
  readonly maxUnits: number;
}

const generationOrder: Reader<WrittenOrder> = object<WrittenOrder>({
  messages: nullable(
    array(object<ChatMessage>({ role: oneOf(['system', 'user', 'assistant']), content: anyText }), {
      min: 1,
      max: limits.chatMessages,
    }),
  ),
  prompt: nullable(anyText),
  temperature: decimal,
  topP: decimal,
  stop: array(text({ min: 1, max: 1_024 }), { min: 0, max: 16 }),
  seed: bytes(32),
  maxTokens: integer({ min: 1, max: limits.contextTokens }),
  maxUnits: integer({ min: 1, max: Number.MAX_SAFE_INTEGER }),
});

const generated: Reader<Generated> = object<Generated>({
  reason: oneOf(['stop', 'length', 'ended']),
  promptTokens: integer({ min: 0, max: limits.contextTokens }),
  completionTokens: integer({ min: 0, max: limits.contextTokens }),
});

const failure: Reader<ModelFailure> = object<ModelFailure>({
  code: oneOf(['model_refused', 'model_input', 'model_failed', 'model_output_too_large']),
  detail: text({ min: 0, max: DETAIL_BYTES }),
});

export function encodeLoadOrder(order: LoadOrder): Uint8Array {
  return encodeCbor(mapOf({ ...order, files: order.files.map(mapOf) }));
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

export function encodeLanguageInfo(info: LanguageInfo): Uint8Array {
  return encodeCbor(mapOf({ ...info, engine: mapOf(info.engine) }));
}

export function decodeLanguageInfo(payload: Uint8Array): LanguageInfo {
  return languageInfo(decodeCbor(payload, strictCbor(INFO_BYTES)), 'loaded');
}

export function encodeGenerationOrder({ input, ...order }: GenerationOrder): Uint8Array {
  const messages = input.kind === 'chat' ? input.messages.map(mapOf) : null;
  return encodeCbor(mapOf({ ...order, messages, prompt: input.kind === 'chat' ? null : input.prompt }));
}

export function decodeGenerationOrder(payload: Uint8Array): GenerationOrder {
  const { messages, prompt, ...order } = generationOrder(decodeCbor(payload, strictCbor(ORDER_BYTES)), 'generate');
  if (messages !== null && prompt === null) return { ...order, input: { kind: 'chat', messages } };
  if (messages === null && prompt !== null) return { ...order, input: { kind: 'completion', prompt } };
  throw new WireError('field_invalid', 'either messages or a prompt', { field: 'generate' });
}

/** u32 tokens generated so far || the text that they brought, UTF-8. */
export function encodeText(tokens: number, piece: string): Uint8Array {
  return concatBytes(u32(tokens), utf8(piece));
}

export function decodeText(payload: Uint8Array): { readonly tokens: number; readonly piece: string } {
  return { tokens: readU32(payload, 0), piece: decodeUtf8(payload.subarray(4)) };
}

const utf8Decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

function decodeUtf8(bytes: Uint8Array): string {
  try {
    return utf8Decoder.decode(bytes);
  } catch {
    throw new WireError('json_utf8', 'malformed UTF-8', { field: 'text' });
  }
}

export function encodeGenerated(value: Generated): Uint8Array {
  return encodeCbor(mapOf(value));
}

export function decodeGenerated(payload: Uint8Array): Generated {
  return generated(decodeCbor(payload, strictCbor(DETAIL_BYTES)), 'generated');
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
