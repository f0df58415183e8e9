import type { ClientAction } from '../errors.ts';

export type HubErrorCode =
  | 'argument_invalid'
  | 'hub_unreachable'
  | 'hub_timeout'
  /** The hub's own word, which proves nothing. */
  | 'hub_error'
  /** It sends elsewhere, and nobody follows: a token or a signed upload is for the hub that was named. */
  | 'hub_redirects'
  /** What came is none of a hub's answers. */
  | 'answer_invalid'
  | 'repository_unknown'
  | 'version_unknown'
  /** The manifest is another model's, or its owner did not sign it. */
  | 'release_untrusted'
  /** A genuine release of somebody who is not accepted here. */
  | 'publisher_refused'
  /** A genuine release under a name or version that is not its own. */
  | 'version_mismatch'
  /** Another key than before under the same namespace. */
  | 'owner_changed'
  | 'status_untrusted'
  /** An older word of the owner than one that was seen before. */
  | 'status_replayed'
  /** The owner, or a thief of its key, said two things under one number. */
  | 'status_equivocation'
  | 'release_yanked'
  /** The files that the hub names are not those of the manifest. */
  | 'contents_mismatch'
  | 'file_mismatch'
  | 'file_too_long'
  | 'file_truncated'
  /** Something else stands where the release is to go. */
  | 'folder_taken'
  | 'folder_failed'
  | 'disk_full'
  /** What was hashed is not what is there now. */
  | 'file_changed'
  /** The hub does not take the release; `reason` says why. */
  | 'upload_refused'
  | 'upload_failed'
  /** What was seen before is not known, or could not be written down. */
  | 'memory_failed';

/** What each code asks of the caller, in the words that ClientError has for it. */
const actions: Readonly<Record<HubErrorCode, ClientAction>> = {
  argument_invalid: 'fix-call',
  hub_unreachable: 'retry',
  hub_timeout: 'retry',
  hub_error: 'retry',
  hub_redirects: 'fix-call',
  answer_invalid: 'stop-trusting',
  repository_unknown: 'fix-call',
  version_unknown: 'fix-call',
  release_untrusted: 'stop-trusting',
  publisher_refused: 'fix-call',
  version_mismatch: 'stop-trusting',
  owner_changed: 'stop-trusting',
  status_untrusted: 'stop-trusting',
  status_replayed: 'stop-trusting',
  status_equivocation: 'stop-trusting',
  release_yanked: 'fix-call',
  contents_mismatch: 'stop-trusting',
  file_mismatch: 'stop-trusting',
  file_too_long: 'stop-trusting',
  file_truncated: 'retry',
  folder_taken: 'fix-call',
  folder_failed: 'fix-call',
  disk_full: 'fix-call',
  file_changed: 'fix-call',
  upload_refused: 'fix-call',
  upload_failed: 'retry',
  memory_failed: 'fix-call',
};

export const hubErrorCodes: readonly HubErrorCode[] = Object.keys(actions) as readonly HubErrorCode[];

export interface HubErrorDetail {
  /** The code of whoever said no: the hub's, or a verifier's. */
  readonly reason: string;
  /** The verdict with every check, where a verification said no. */
  readonly verdict: unknown;
  readonly cause: unknown;
  /** Of a hub that says when to come back. */
  readonly retryAfterMs: number;
}

export class HubError extends Error {
  readonly code: HubErrorCode;
  readonly action: ClientAction;
  readonly reason: string;
  readonly verdict: unknown;
  readonly retryAfterMs: number;

  constructor(code: HubErrorCode, message: string, detail: Partial<HubErrorDetail> = {}) {
    super(`${code}: ${message}`, detail.cause === undefined ? {} : { cause: detail.cause });
    this.name = 'HubError';
    this.code = code;
    this.action = actions[code];
    this.reason = detail.reason ?? code;
    this.verdict = detail.verdict;
    this.retryAfterMs = detail.retryAfterMs ?? 0;
  }
}
