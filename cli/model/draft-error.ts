import { CommandError } from '../exit-codes.ts';

/** Why a folder does not become a release. Codes are API. */
export type DraftErrorCode =
  /** release.json is absent, no draft, or says what no manifest could. */
  | 'draft_invalid'
  | 'path_reserved'
  /** Two paths that are one where upper and lower case are not told apart, or a file that is also a folder. */
  | 'path_collision'
  | 'file_missing'
  /** A link, a folder, a pipe, a device: or one of them on the way. */
  | 'file_not_plain'
  | 'file_too_large'
  | 'file_unreadable'
  /** While it was read. */
  | 'file_changed'
  /** The worker would not load this model, or a manifest cannot say what it takes and gives. */
  | 'model_refused'
  /** What it names as a circuit is no key, or is for another model, or no receipt could commit to what the model gives. */
  | 'circuit_refused';

export class DraftError extends CommandError {
  readonly code: DraftErrorCode;
  /** The file that it is about, or the field of release.json. */
  readonly place: string;

  constructor(code: DraftErrorCode, message: string, place: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DraftError';
    this.code = code;
    this.place = place;
  }
}
