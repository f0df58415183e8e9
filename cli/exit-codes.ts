import type { ArchiveVerdict } from '../verifier/index.ts';

/** What a script can rely on. A verdict about evidence has a code of its own; 1 is anything that is not a verdict. */
export const exitCode = {
  accepted: 0,
  failed: 1,
  usage: 2,
  malformed: 10,
  untrusted: 20,
  refused: 30,
  undetermined: 40,
} as const;

export function exitCodeOf(verdict: ArchiveVerdict['verdict']): number {
  return exitCode[verdict];
}

/** The command line itself is wrong: shown without a stack, with exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Something that the person can mend: a missing package, a port in use, an unreadable file. */
export class CommandError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CommandError';
  }
}
