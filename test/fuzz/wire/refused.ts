import { WireError } from '../../../wire/errors.ts';

/** The result of `run`, or undefined when it refused its input as it should; any other exception is a bug. */
export function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
