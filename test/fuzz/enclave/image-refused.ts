import { ImageError } from '../../../enclave/image/errors.ts';
import type { Check } from '../refused.ts';

/** The result of `run`, or undefined when it refused its input as it should; any other exception is a bug. */
export function unlessImageRefused<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof ImageError) return undefined;
    throw error;
  }
}

export function refuses(run: (data: Uint8Array) => unknown): Check {
  return (data) => {
    unlessImageRefused(() => run(data));
  };
}
