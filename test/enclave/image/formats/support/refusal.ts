import { ImageError, type ImageErrorCode } from '../../../../../enclave/image/errors.ts';

/** The code with which `run` refuses, or what else it did. */
export function refusalOf(run: () => unknown): ImageErrorCode | 'accepted' {
  try {
    run();
  } catch (error) {
    if (error instanceof ImageError) return error.code;
    throw error;
  }
  return 'accepted';
}
