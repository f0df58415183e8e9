import { concatBytes, equalBytes, toBase64url, toHex } from '../bytes.ts';
import {
  array,
  base64urlBytes,
  decimal,
  hexBytes,
  integer,
  literal,
  nullable,
  object,
  oneOf,
  type Reader,
  text,
} from '../codec/fields.ts';
import { canonicalJson, type JsonValue, parseJson } from '../codec/json.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';
import { bytes32Word, tagWord, uintWord } from '../words.ts';
import { releaseStatus } from './authorisations.ts';
import { ENCRYPTED_SUFFIX, ENVELOPE_FILE } from './encrypted-release.ts';
import { RELEASE_NAME, RELEASE_PATH, RELEASE_VERSION, type SignedRelease } from './manifest.ts';

/**
 * What a publisher and a model hub say to one another (DESIGN section 7). A hub stores files by digest and is not believed:
 * whoever pulls holds manifest, signature and digests against one another. What a hub has to believe is signed here.
 */

/** `namespace` is the operator's word for a release key: short enough to type, and no identity. */
export interface RepositoryName {
  readonly namespace: string;
  readonly name: string;
}

export type ReleaseStatusName = keyof typeof releaseStatus;
export type Visibility = 'public' | 'private';

/** The owner's word on a release after it was published. Of two, the one with the higher sequence counts. */
export interface SignedStatus {
  readonly modelId: Uint8Array;
  readonly status: ReleaseStatusName;
  readonly sequence: bigint;
  readonly owner: Uint8Array;
  /** Over `releaseStatusMessage`: the same bytes that ModelRegistry takes. */
  readonly signature: Uint8Array;
}

/** A file as a hub holds it: for an encrypted release the sealed bytes, whose digests no manifest names. */
export interface StoredFile {
  readonly path: string;
  readonly size: number;
  readonly sha256: Uint8Array;
}

/** A request to take a release in. Its files follow, bound by the digests that stand here. */
export interface Upload {
  readonly release: SignedRelease;
  readonly visibility: Visibility;
  readonly contents: readonly StoredFile[];
  /** Given by the hub, once. */
  readonly nonce: Uint8Array;
  /** By the owner, over `uploadMessage`: the release's own signature is public, so that it authorises nobody. */
  readonly authorisation: Uint8Array;
}

/** A release as a hub shows it; proven by whoever checks its signatures. */
export interface HubRelease {
  readonly namespace: string;
  readonly release: SignedRelease;
  readonly visibility: Visibility;
  readonly contents: readonly StoredFile[];
  readonly status: SignedStatus | null;
}

/** One line of a hub's list of versions: a claim, by which releases are fetched that prove themselves. */
export interface HubVersion {
  readonly version: string;
  readonly modelId: Uint8Array;
  readonly visibility: Visibility;
  readonly status: ReleaseStatusName;
}

export interface HubVersions extends RepositoryName {
  /** Newest first. */
  readonly versions: readonly HubVersion[];
}

export interface UploadFields {
  /** SHA-256 of the hub's origin, as `https://hub.example`: what one hub was told moves nothing at another. */
  readonly hub: Uint8Array;
  readonly nonce: Uint8Array;
  readonly modelId: Uint8Array;
  readonly visibility: Visibility;
  /** SHA-256 of `contentsPreimage`. */
  readonly contents: Uint8Array;
}

/** Signed by the release key for one upload to one hub. */
export function uploadMessage({ hub, nonce, modelId, visibility, contents }: UploadFields): Uint8Array {
  return concatBytes(
    tagWord('proofmark upload v1'),
    bytes32Word(hub),
    bytes32Word(nonce),
    bytes32Word(modelId),
    uintWord(visibility === 'private' ? 1n : 0n, 8),
    bytes32Word(contents),
  );
}

export function contentsPreimage(contents: readonly StoredFile[]): Uint8Array {
  return canonicalJson(contents.map(storedFileJson));
}

const namespaceReader = text({ min: 1, max: 64, pattern: RELEASE_NAME });
const nameReader = text({ min: 1, max: 64, pattern: RELEASE_NAME });
const versionReader = text({ min: 5, max: 128, pattern: RELEASE_VERSION });
const visibilityReader = oneOf(['public', 'private']);
const statusNames = Object.keys(releaseStatus) as readonly ReleaseStatusName[];
const statusReader = oneOf(statusNames);

/** Of a plain release its own paths, of an encrypted one `<path>.enc` and the envelope. */
const contentsReader: Reader<readonly StoredFile[]> = array(
  object<StoredFile>({
    path: text({ min: 1, max: limits.storedPathBytes, pattern: RELEASE_PATH }),
    size: integer({ min: 0, max: limits.storedFileBytes }),
    sha256: hexBytes(32),
  }),
  { min: 1, max: limits.manifestFiles + 1 },
);

interface StatusJson extends SignedStatus {
  readonly schema: 'proofmark status v1';
}

const signedStatus: Reader<StatusJson> = object<StatusJson>({
  schema: literal('proofmark status v1'),
  modelId: hexBytes(32),
  status: statusReader,
  sequence: decimal(64),
  owner: hexBytes(64),
  signature: base64urlBytes(64),
});

const release: Reader<SignedRelease> = object<SignedRelease>({
  manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
  owner: base64urlBytes(64),
  signature: base64urlBytes(64),
});

interface UploadJson extends Upload {
  readonly schema: 'proofmark upload v1';
}

const upload: Reader<UploadJson> = object<UploadJson>({
  schema: literal('proofmark upload v1'),
  release,
  visibility: visibilityReader,
  contents: contentsReader,
  nonce: base64urlBytes(32),
  authorisation: base64urlBytes(64),
});

const hubRelease: Reader<HubRelease> = object<HubRelease>({
  namespace: namespaceReader,
  release,
  visibility: visibilityReader,
  contents: contentsReader,
  status: nullable((value, path) => withoutSchema(signedStatus(value, path))),
});

const hubVersions: Reader<HubVersions> = object<HubVersions>({
  namespace: namespaceReader,
  name: nameReader,
  versions: array(
    object<HubVersion>({
      version: versionReader,
      modelId: hexBytes(32),
      visibility: visibilityReader,
      status: statusReader,
    }),
    { min: 0, max: limits.hubVersions },
  ),
});

export function encodeSignedStatus(value: SignedStatus): Uint8Array {
  return checked(canonicalJson(statusJson(value)), decodeSignedStatus);
}

/** The canonical bytes only, as for manifests: a status is kept, compared and passed on as it came. */
export function decodeSignedStatus(encoded: Uint8Array): SignedStatus {
  return withoutSchema(signedStatus(canonical(encoded, limits.signedStatusBytes, 'status'), 'status'));
}

export function encodeUpload(value: Upload): Uint8Array {
  const json = {
    schema: 'proofmark upload v1',
    release: releaseJson(value.release),
    visibility: value.visibility,
    contents: value.contents.map(storedFileJson),
    nonce: toBase64url(value.nonce),
    authorisation: toBase64url(value.authorisation),
  };
  return checked(canonicalJson(json), decodeUpload);
}

export function decodeUpload(encoded: Uint8Array): Upload {
  const { schema: _, ...value } = upload(parseJson(encoded, limits.hubReleaseBytes), 'upload');
  checkPaths(value.contents);
  return value;
}

export function encodeHubRelease(value: HubRelease): Uint8Array {
  const json = {
    namespace: value.namespace,
    release: releaseJson(value.release),
    visibility: value.visibility,
    contents: value.contents.map(storedFileJson),
    status: value.status === null ? null : statusJson(value.status),
  };
  return checked(canonicalJson(json), decodeHubRelease);
}

export function decodeHubRelease(encoded: Uint8Array): HubRelease {
  const value = hubRelease(parseJson(encoded, limits.hubReleaseBytes), 'release');
  checkPaths(value.contents);
  return value;
}

export function encodeHubVersions({ namespace, name, versions }: HubVersions): Uint8Array {
  const json = {
    namespace,
    name,
    versions: versions.map((each) => ({ ...each, modelId: toHex(each.modelId) })),
  };
  return checked(canonicalJson(json), decodeHubVersions);
}

export function decodeHubVersions(encoded: Uint8Array): HubVersions {
  return hubVersions(parseJson(encoded, limits.hubVersionsBytes), 'versions');
}

/**
 * `namespace/name`, and with a revision behind `@` what is meant of it: a version, or a model id in hex. A whole model id
 * alone is no repository.
 */
export function parseRepository(spelled: string): RepositoryName & { readonly revision: string | null } {
  const [, namespace = '', name = '', revision] =
    /^([^/@]{1,64})\/([^/@]{1,64})(?:@([^/@]{1,128}))?$/.exec(spelled) ?? [];
  const right = RELEASE_NAME.test(namespace) && RELEASE_NAME.test(name);
  const revised = revision === undefined || RELEASE_VERSION.test(revision) || /^[0-9a-f]{64}$/.test(revision);
  if (!right || !revised) {
    throw new WireError('field_invalid', 'not namespace/name or namespace/name@version', { field: 'repository' });
  }
  return { namespace, name, revision: revision ?? null };
}

/** Every file of an encrypted release under its stored name; the envelope comes with them. */
export function storedPaths(paths: readonly string[], form: 'plain' | 'encrypted'): readonly string[] {
  return form === 'plain' ? paths : [...paths.map((path) => path + ENCRYPTED_SUFFIX), ENVELOPE_FILE];
}

export function isReleaseStatusName(value: string): value is ReleaseStatusName {
  return (statusNames as readonly string[]).includes(value);
}

function checkPaths(contents: readonly StoredFile[]): void {
  const paths = new Set(contents.map(({ path }) => path));
  if (paths.size !== contents.length) {
    throw new WireError('field_invalid', 'two files with one path', { field: 'contents' });
  }
}

function canonical(encoded: Uint8Array, maxBytes: number, field: string): JsonValue {
  const json = parseJson(encoded, maxBytes);
  if (equalBytes(canonicalJson(json), encoded)) return json;
  throw new WireError('json_malformed', 'not in canonical form (RFC 8785)', { field });
}

/** Whoever writes what no reader would take learns it here, and not from the other side. */
function checked<T>(encoded: Uint8Array, decode: (encoded: Uint8Array) => T): Uint8Array {
  decode(encoded);
  return encoded;
}

function withoutSchema({ schema: _, ...status }: StatusJson): SignedStatus {
  return status;
}

function statusJson({ modelId, status, sequence, owner, signature }: SignedStatus): JsonValue {
  return {
    schema: 'proofmark status v1',
    modelId: toHex(modelId),
    status,
    sequence: `${sequence}`,
    owner: toHex(owner),
    signature: toBase64url(signature),
  };
}

function releaseJson({ manifest, owner, signature }: SignedRelease): JsonValue {
  return { manifest: toBase64url(manifest), owner: toBase64url(owner), signature: toBase64url(signature) };
}

function storedFileJson({ path, size, sha256 }: StoredFile): JsonValue {
  return { path, size, sha256: toHex(sha256) };
}
