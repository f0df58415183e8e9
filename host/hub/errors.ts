/** Codes are API. */
export type HubErrorCode =
  | 'request_invalid'
  | 'release_invalid'
  | 'contents_mismatch'
  | 'publisher_not_listed'
  | 'nonce_unknown'
  | 'authorisation_invalid'
  | 'not_found'
  | 'model_unknown'
  | 'revision_unknown'
  | 'release_unknown'
  | 'file_unknown'
  | 'upload_unknown'
  | 'method_not_allowed'
  | 'request_timeout'
  | 'too_slow'
  | 'version_taken'
  | 'offset_conflict'
  | 'files_missing'
  | 'status_replayed'
  | 'too_large'
  | 'body_too_large'
  | 'media_type_unsupported'
  | 'range_invalid'
  | 'digest_mismatch'
  | 'status_invalid'
  | 'too_many_uploads'
  | 'rate_limited'
  | 'headers_too_large'
  | 'internal'
  | 'blob_damaged'
  | 'busy'
  | 'shutting_down'
  | 'quota_exceeded'
  | 'store_full';

interface Explanation {
  readonly status: number;
  readonly message: string;
}

/** Everything that a hub says when it refuses. Texts are fixed: nothing of a request, a path or a stack reaches a client. */
export const explanations: Readonly<Record<HubErrorCode, Explanation>> = {
  request_invalid: { status: 400, message: 'the request is malformed' },
  release_invalid: { status: 422, message: 'the manifest is malformed, or its owner did not sign it' },
  contents_mismatch: { status: 422, message: 'the contents are not the files of the manifest, plain or encrypted' },
  publisher_not_listed: { status: 403, message: 'this hub takes no releases of that key' },
  nonce_unknown: { status: 403, message: 'the nonce is none of this hub, is too old, or was used' },
  authorisation_invalid: { status: 403, message: 'the owner did not sign this upload to this hub' },
  not_found: { status: 404, message: 'there is nothing at this path' },
  model_unknown: { status: 404, message: 'no model of that name' },
  revision_unknown: { status: 404, message: 'the model has no such version' },
  release_unknown: { status: 404, message: 'no release of that id' },
  file_unknown: { status: 404, message: 'the release has no such file' },
  upload_unknown: { status: 404, message: 'no such upload, or not with that token' },
  method_not_allowed: { status: 405, message: 'this path does not offer that method' },
  request_timeout: { status: 408, message: 'the request took too long to arrive' },
  too_slow: { status: 408, message: 'the transfer was too slow; what arrived is kept' },
  version_taken: { status: 409, message: 'this version was published with other contents, and stays as it is' },
  offset_conflict: { status: 409, message: 'the file continues at another offset' },
  files_missing: { status: 409, message: 'not all files have arrived' },
  status_replayed: { status: 409, message: 'a status of that sequence, or of a later one, is known' },
  too_large: { status: 413, message: 'the release is larger than this hub could ever take' },
  body_too_large: { status: 413, message: 'the body is larger than allowed here' },
  media_type_unsupported: { status: 415, message: 'this path does not take that content type or encoding' },
  range_invalid: { status: 416, message: 'the file has no such range' },
  digest_mismatch: { status: 422, message: 'the bytes are not those that were named; they were thrown away' },
  status_invalid: { status: 422, message: 'the status is malformed, or its owner did not sign it' },
  too_many_uploads: { status: 429, message: 'too many uploads are under way; end one first' },
  rate_limited: { status: 429, message: 'too many requests of this kind' },
  headers_too_large: { status: 431, message: 'the headers are larger than allowed' },
  internal: { status: 500, message: 'the hub failed' },
  blob_damaged: { status: 500, message: 'the stored file is damaged; its publisher can send it again' },
  busy: { status: 503, message: 'no capacity at the moment' },
  shutting_down: { status: 503, message: 'the hub is stopping' },
  quota_exceeded: { status: 507, message: 'what this publisher may store is used up' },
  store_full: { status: 507, message: 'the store is full' },
};

export class HubError extends Error {
  readonly code: HubErrorCode;
  /** Seconds, where it is known when to come back. */
  readonly retryAfter: number | undefined;
  /** Where a file goes on, of refusals about its bytes. */
  readonly offset: number | undefined;
  /** How long the file is, of `range_invalid`. */
  readonly size: number | undefined;
  /** What is not there yet, of `files_missing`. */
  readonly missing: readonly MissingBlob[] | undefined;

  constructor(
    code: HubErrorCode,
    options: {
      readonly cause?: unknown;
      readonly retryAfter?: number;
      readonly offset?: number;
      readonly size?: number;
      readonly missing?: readonly MissingBlob[];
    } = {},
  ) {
    super(code, options);
    this.name = 'HubError';
    this.code = code;
    this.retryAfter = options.retryAfter;
    this.offset = options.offset;
    this.size = options.size;
    this.missing = options.missing;
  }
}

export interface MissingBlob {
  /** Hex. */
  readonly sha256: string;
  readonly size: number;
  readonly received: number;
}

/** Why a hub does not start. */
export type HubStartErrorCode =
  | 'publishers_invalid'
  | 'store_invalid'
  | 'store_in_use'
  | 'store_damaged'
  | 'listen_failed';

export class HubStartError extends Error {
  readonly code: HubStartErrorCode;

  constructor(code: HubStartErrorCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options);
    this.name = 'HubStartError';
    this.code = code;
  }
}
