import { WireError, type WireErrorCode, type WireErrorPlace } from '../../../wire/errors.ts';

/** The refusal that `run` ends in, or 'accepted'; anything but a `WireError` is a bug and passes through. */
export function refusalOf(run: () => unknown): { code: WireErrorCode; place: WireErrorPlace } | 'accepted' {
  try {
    run();
    return 'accepted';
  } catch (error) {
    if (error instanceof WireError) return { code: error.code, place: error.place };
    throw error;
  }
}

export function codeOf(run: () => unknown): WireErrorCode | 'accepted' {
  const refusal = refusalOf(run);
  return refusal === 'accepted' ? refusal : refusal.code;
}
