import { type CborKey, type CborProfile, type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
import {
  array,
  bytes,
  either,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  type Reader,
  type Shape,
  text,
} from '../codec/fields.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * The messages of the Nitro Secure Module, as the device behind /dev/nsm speaks them: CBOR in the shapes that Rust's
 * serde gives the enums of aws-nitro-enclaves-nsm-api. A variant without fields is its name as a text string, any other
 * a map of one entry from the name to its fields (`Error` to the code's name).
 */

const ERROR_CODES = [
  'Success',
  'InvalidArgument',
  'InvalidIndex',
  'InvalidResponse',
  'ReadOnlyIndex',
  'InvalidOperation',
  'BufferTooSmall',
  'InputTooLarge',
  'InternalError',
] as const;

const DIGESTS = ['SHA256', 'SHA384', 'SHA512'] as const;

export type NsmErrorCode = (typeof ERROR_CODES)[number];

export type NsmRequest =
  | { readonly kind: 'DescribeNSM' }
  | { readonly kind: 'GetRandom' }
  | { readonly kind: 'DescribePCR'; readonly index: number }
  | { readonly kind: 'ExtendPCR'; readonly index: number; readonly data: Uint8Array }
  | { readonly kind: 'LockPCR'; readonly index: number }
  | { readonly kind: 'LockPCRs'; readonly range: number }
  | {
      readonly kind: 'Attestation';
      readonly userData: Uint8Array | null;
      readonly nonce: Uint8Array | null;
      readonly publicKey: Uint8Array | null;
    };

export interface NsmDescription {
  readonly versionMajor: number;
  readonly versionMinor: number;
  readonly versionPatch: number;
  readonly moduleId: string;
  readonly maxPcrs: number;
  readonly lockedPcrs: readonly number[];
  readonly digest: (typeof DIGESTS)[number];
}

export type NsmResponse =
  | ({ readonly kind: 'DescribeNSM' } & NsmDescription)
  | { readonly kind: 'GetRandom'; readonly random: Uint8Array }
  | { readonly kind: 'DescribePCR'; readonly lock: boolean; readonly data: Uint8Array }
  | { readonly kind: 'ExtendPCR'; readonly data: Uint8Array }
  | { readonly kind: 'LockPCR' }
  | { readonly kind: 'LockPCRs' }
  | { readonly kind: 'Attestation'; readonly document: Uint8Array }
  | { readonly kind: 'Error'; readonly code: NsmErrorCode };

export function encodeNsmRequest(request: NsmRequest): Uint8Array {
  return withinLimit(encodeCbor(requestValue(request)), limits.nsmRequestBytes);
}

export function decodeNsmRequest(message: Uint8Array): NsmRequest {
  // Order is free: serde writes fields as declared, other clients write them sorted.
  const profile: CborProfile = { ...strictCbor(limits.nsmRequestBytes), order: 'any' };
  const { name, fields } = variantOf(decodeCbor(message, profile));
  const read = Object.hasOwn(REQUESTS, name) ? REQUESTS[name] : undefined;
  if (read === undefined) throw new WireError('field_invalid', 'not a request of the device', { field: name });
  return read(fields, name);
}

export function encodeNsmResponse(response: NsmResponse): Uint8Array {
  return withinLimit(encodeCbor(responseValue(response)), limits.nsmResponseBytes);
}

export function decodeNsmResponse(message: Uint8Array): NsmResponse {
  // The device began to write documents with indefinite maps in 2025 (verifier-checks, fact 1): its answers may follow.
  const profile: CborProfile = { maxBytes: limits.nsmResponseBytes, maps: 'definite-or-indefinite', order: 'any' };
  const { name, fields } = variantOf(decodeCbor(message, profile));
  const read = Object.hasOwn(RESPONSES, name) ? RESPONSES[name] : undefined;
  if (read === undefined) throw new WireError('field_invalid', 'not a response of the device', { field: name });
  return read(fields, name);
}

/** What the two readers below are given for a variant without fields: a value that no CBOR input can be. */
const UNIT: unique symbol = Symbol('unit');

interface Variant {
  readonly name: string;
  readonly fields: CborValue | typeof UNIT;
}

function variantOf(value: CborValue): Variant {
  if (typeof value === 'string') return { name: value, fields: UNIT };
  if (!(value instanceof Map) || value.size !== 1) {
    throw new WireError('field_invalid', 'expected a name, or a map of one entry');
  }
  const [name, fields] = [...value][0] as [CborKey, CborValue];
  if (typeof name !== 'string') throw new WireError('field_invalid', 'a variant is named by text');
  return { name, fields };
}

const u16: Reader<number> = integer({ min: 0, max: 0xffff });
/** The device's own bounds are the sizes of whole messages; what a PCR or a document may hold is its own business. */
const someBytes: Reader<Uint8Array> = bytes({ min: 0, max: limits.nsmResponseBytes });
const boolean: Reader<boolean> = either(literal(true), literal(false));

function unit<T>(value: T): Reader<T> {
  return (fields, path) => {
    if (fields !== UNIT) throw new WireError('field_unknown', 'takes no fields', { field: path });
    return value;
  };
}

function struct<Wire extends object, T>(shape: Shape<Wire>, build: (fields: Wire) => T): Reader<T> {
  const read = object(shape);
  return (fields, path) => {
    if (fields === UNIT) throw new WireError('field_missing', 'fields expected', { field: path });
    return build(read(fields, path));
  };
}

const REQUESTS: Readonly<Record<string, Reader<NsmRequest>>> = {
  DescribeNSM: unit({ kind: 'DescribeNSM' }),
  GetRandom: unit({ kind: 'GetRandom' }),
  DescribePCR: struct({ index: u16 }, ({ index }) => ({ kind: 'DescribePCR', index })),
  ExtendPCR: struct({ index: u16, data: someBytes }, ({ index, data }) => ({ kind: 'ExtendPCR', index, data })),
  LockPCR: struct({ index: u16 }, ({ index }) => ({ kind: 'LockPCR', index })),
  LockPCRs: struct({ range: u16 }, ({ range }) => ({ kind: 'LockPCRs', range })),
  Attestation: struct(
    { user_data: nullable(someBytes), nonce: nullable(someBytes), public_key: nullable(someBytes) },
    (fields) => ({
      kind: 'Attestation',
      userData: fields.user_data,
      nonce: fields.nonce,
      publicKey: fields.public_key,
    }),
  ),
};

const RESPONSES: Readonly<Record<string, Reader<NsmResponse>>> = {
  DescribeNSM: struct(
    {
      version_major: u16,
      version_minor: u16,
      version_patch: u16,
      module_id: text({ min: 1, max: limits.nsmModuleIdBytes }),
      max_pcrs: u16,
      locked_pcrs: array(u16, { min: 0, max: limits.nsmPcrs }),
      digest: oneOf(DIGESTS),
    },
    (fields) => ({
      kind: 'DescribeNSM',
      versionMajor: fields.version_major,
      versionMinor: fields.version_minor,
      versionPatch: fields.version_patch,
      moduleId: fields.module_id,
      maxPcrs: fields.max_pcrs,
      lockedPcrs: fields.locked_pcrs,
      digest: fields.digest,
    }),
  ),
  GetRandom: struct({ random: someBytes }, ({ random }) => ({ kind: 'GetRandom', random })),
  DescribePCR: struct({ lock: boolean, data: someBytes }, ({ lock, data }) => ({ kind: 'DescribePCR', lock, data })),
  ExtendPCR: struct({ data: someBytes }, ({ data }) => ({ kind: 'ExtendPCR', data })),
  LockPCR: unit({ kind: 'LockPCR' }),
  LockPCRs: unit({ kind: 'LockPCRs' }),
  Attestation: struct({ document: someBytes }, ({ document }) => ({ kind: 'Attestation', document })),
  Error: (code, path) => ({ kind: 'Error', code: oneOf(ERROR_CODES)(code, path) }),
};

function requestValue(request: NsmRequest): CborValue {
  switch (request.kind) {
    case 'DescribeNSM':
    case 'GetRandom':
      return request.kind;
    case 'DescribePCR':
    case 'LockPCR':
      return variant(request.kind, { index: request.index });
    case 'ExtendPCR':
      return variant(request.kind, { index: request.index, data: request.data });
    case 'LockPCRs':
      return variant(request.kind, { range: request.range });
    case 'Attestation':
      return variant(request.kind, {
        user_data: request.userData,
        nonce: request.nonce,
        public_key: request.publicKey,
      });
  }
}

function responseValue(response: NsmResponse): CborValue {
  switch (response.kind) {
    case 'LockPCR':
    case 'LockPCRs':
      return response.kind;
    case 'DescribeNSM':
      return variant(response.kind, {
        version_major: response.versionMajor,
        version_minor: response.versionMinor,
        version_patch: response.versionPatch,
        module_id: response.moduleId,
        max_pcrs: response.maxPcrs,
        locked_pcrs: response.lockedPcrs,
        digest: response.digest,
      });
    case 'GetRandom':
      return variant(response.kind, { random: response.random });
    case 'DescribePCR':
      return variant(response.kind, { lock: response.lock, data: response.data });
    case 'ExtendPCR':
      return variant(response.kind, { data: response.data });
    case 'Attestation':
      return variant(response.kind, { document: response.document });
    case 'Error':
      return new Map([[response.kind, response.code]]);
  }
}

function variant(name: string, fields: Readonly<Record<string, CborValue>>): CborValue {
  return new Map([[name, new Map(Object.entries(fields))]]);
}

function withinLimit(message: Uint8Array, maxBytes: number): Uint8Array {
  if (message.length > maxBytes) throw new WireError('too_large', `the device takes at most ${maxBytes} bytes`);
  return message;
}
