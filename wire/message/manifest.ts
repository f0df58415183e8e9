import { equalBytes, toHex } from '../bytes.ts';
import {
  array,
  either,
  hexBytes,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  type Reader,
  type Shape,
  text,
} from '../codec/fields.ts';
import { canonicalJson, type JsonValue, parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import type { Datatype } from './tensor.ts';

/**
 * DESIGN section 7: a release is files and this manifest. Its canonical bytes (RFC 8785) hash to `modelId`, so a receipt
 * that names a model names every byte of it. The owner is a release key, not an account.
 */
export interface Manifest {
  readonly schema: 'proofmark manifest v1';
  /** x || y of the owner's P-256 release key. */
  readonly owner: Uint8Array;
  readonly name: string;
  readonly version: string;
  readonly kind: 'tensor' | 'text-generation';
  readonly description: string;
  readonly licence: string;
  readonly task: string;
  readonly tags: readonly string[];
  readonly files: readonly ManifestFile[];
  /** The file that the engine loads. */
  readonly entry: string;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
  readonly execution: ManifestExecution;
  readonly limits: ManifestLimits;
  readonly samples: readonly ManifestSample[];
  /** SHA-256 of the verification key, where the release names a circuit (DESIGN section 6). */
  readonly circuit: Uint8Array | null;
}

export interface ManifestFile {
  readonly path: string;
  readonly size: number;
  /** Of the plaintext, also where the release is distributed encrypted. */
  readonly sha256: Uint8Array;
}

export interface ManifestTensor {
  readonly name: string;
  readonly datatype: Datatype;
  /** A number is fixed, a word names a free dimension. */
  readonly shape: readonly (number | string)[];
}

export interface ManifestExecution {
  readonly engine: 'onnxruntime';
  readonly optimisation: 'disabled' | 'basic' | 'extended' | 'all';
  readonly threads: number;
  /**
   * How many rows of the first dimension may be computed together, of whatever requests. More than one is the publisher's
   * promise that rows do not depend on one another; nobody else can know that of a graph.
   */
  readonly batchRows: number;
}

export interface ManifestLimits {
  readonly memoryBytes: number;
  readonly runMilliseconds: number;
}

/** Paths of two files of the release: an OIP JSON request and the response expected for it. */
export interface ManifestSample {
  readonly request: string;
  readonly response: string;
}

/** Relative, forward slashes, no dot segments, no hidden names: a path can never leave the folder that it is written to. */
export const RELEASE_PATH: RegExp = /^(?!\.)[A-Za-z0-9_][A-Za-z0-9._-]*(\/(?!\.)[A-Za-z0-9_][A-Za-z0-9._-]*){0,7}$/;
export const RELEASE_NAME: RegExp = /^[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?$/;
export const RELEASE_VERSION: RegExp =
  /^(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})\.(0|[1-9]\d{0,8})(-(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)(\.(0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*))*)?$/;

const path: Reader<string> = text({ min: 1, max: 256, pattern: RELEASE_PATH });

const tensor: Reader<ManifestTensor> = object<ManifestTensor>({
  name: text({ min: 1, max: limits.tensorNameBytes }),
  datatype: oneOf([
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
    'BF16',
    'FP32',
    'FP64',
    'BYTES',
  ]),
  shape: array(
    either(
      integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
      text({ min: 1, max: 64, pattern: /^[A-Za-z_][A-Za-z0-9_]*$/ }),
    ),
    { min: 0, max: limits.tensorRank },
  ),
});

/** What a publisher decides of a release; the rest of a manifest follows from its key and its files. */
export type ReleaseTerms = Omit<Manifest, 'schema' | 'owner' | 'files' | 'inputs' | 'outputs'>;

export const releaseTerms: Shape<ReleaseTerms> = {
  name: text({ min: 1, max: 64, pattern: RELEASE_NAME }),
  version: text({ min: 5, max: 128, pattern: RELEASE_VERSION }),
  kind: oneOf(['tensor', 'text-generation']),
  description: text({ min: 0, max: 4_096 }),
  licence: text({ min: 1, max: 128 }),
  task: text({ min: 0, max: 64 }),
  tags: array(text({ min: 1, max: 64 }), { min: 0, max: 64 }),
  entry: path,
  execution: object<ManifestExecution>({
    engine: literal('onnxruntime'),
    optimisation: oneOf(['disabled', 'basic', 'extended', 'all']),
    threads: integer({ min: 1, max: 64 }),
    batchRows: integer({ min: 1, max: limits.batchRows }),
  }),
  limits: object<ManifestLimits>({
    memoryBytes: integer({ min: 64 * 1024 * 1024, max: 2 ** 40 }),
    runMilliseconds: integer({ min: 1, max: 3_600_000 }),
  }),
  samples: array(object<ManifestSample>({ request: path, response: path }), { min: 0, max: 64 }),
  circuit: nullable(hexBytes(32)),
};

const manifest: Reader<Manifest> = object<Manifest>({
  schema: literal('proofmark manifest v1'),
  owner: hexBytes(64),
  ...releaseTerms,
  files: array(
    object<ManifestFile>({ path, size: integer({ min: 0, max: limits.modelFileBytes }), sha256: hexBytes(32) }),
    { min: 1, max: limits.manifestFiles },
  ),
  inputs: array(tensor, { min: 0, max: limits.tensors }),
  outputs: array(tensor, { min: 0, max: limits.tensors }),
});

/** Accepts the canonical bytes only: another spelling of the same manifest would have another `modelId`. */
export function decodeManifest(encoded: Uint8Array): Manifest {
  const json = parseJson(encoded, limits.manifestBytes);
  const value = manifest(json, 'manifest');
  if (!equalBytes(canonicalJson(json), encoded)) {
    throw new WireError('json_malformed', 'not in canonical form (RFC 8785)', { field: 'manifest' });
  }
  const paths = new Set(value.files.map((file) => file.path));
  if (paths.size !== value.files.length) {
    throw new WireError('field_invalid', 'two files with one path', { field: 'manifest.files' });
  }
  for (const named of [value.entry, ...value.samples.flatMap((sample) => [sample.request, sample.response])]) {
    if (!paths.has(named))
      throw new WireError('field_invalid', `${named} is not among the files`, { field: 'manifest' });
  }
  return value;
}

export function encodeManifest(value: Manifest): Uint8Array {
  const json = {
    ...value,
    owner: toHex(value.owner),
    files: value.files.map((file) => ({ ...file, sha256: toHex(file.sha256) })),
    circuit: value.circuit === null ? null : toHex(value.circuit),
  };
  const encoded = canonicalJson(json as unknown as JsonValue);
  decodeManifest(encoded);
  return encoded;
}

/** A manifest with its owner's signature, as it travels; proven only by whoever checks the signature. */
export interface SignedRelease {
  readonly manifest: Uint8Array;
  readonly owner: Uint8Array;
  readonly signature: Uint8Array;
}
