/** Every way in which inputs and builds of images are refused. Codes are API. What the bytes of an image, a kernel or a
 * firmware get wrong has codes of its own, in errors.ts. */
export type ImageBuildErrorCode =
  /** The lock is no lock, or does not name exactly what its flavour is made of. */
  | 'lock_invalid'
  /** A lock of another flavour than was asked for. */
  | 'lock_flavour'
  /** A pinned file is not in the store, or a part of this repository was not built. */
  | 'input_missing'
  /** Bytes that differ from what the lock pins. */
  | 'input_changed'
  /** A link, a folder, a path that leads elsewhere, a file too large, or a file that no image holds. */
  | 'input_refused'
  /** A program of this machine that fetching needs is missing or failed. */
  | 'tool_failed'
  /** Neither this machine nor the mirrors that it knows have an artefact that the lock names. */
  | 'artefact_unavailable';

export class ImageBuildError extends Error {
  readonly code: ImageBuildErrorCode;

  constructor(code: ImageBuildErrorCode, detail: string, options?: ErrorOptions) {
    super(`${code}: ${detail}`, options);
    this.name = 'ImageBuildError';
    this.code = code;
  }
}
