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

/** For `proofmark --help` and docs/commands.md, so that neither can tell of a code that is not there. */
const meanings: Readonly<Record<keyof typeof exitCode, string>> = {
  accepted: 'done; where evidence was judged: accepted, every check that the policy asks for passed',
  failed: 'not done, or not as it should be: a file, a network, a package, a check of something other than evidence',
  usage: 'the command line is wrong; nothing was done',
  malformed: 'what was read is not what it should be: cut short, or in no known form',
  untrusted: 'it is well-formed and does not hold: a signature, a digest, a chain of certificates, a comparison',
  refused: 'it is genuine, and the policy, or what was asked for, does not accept it',
  undetermined: 'nobody can tell from what is there: something is missing that would decide',
};

/** One line for each code, in the order of their numbers. */
export function exitCodeLines(): readonly string[] {
  return Object.entries(exitCode).map(([name, code]) => {
    const word = `${code}`.padStart(2);
    return `${word}  ${name.padEnd(12)}  ${meanings[name as keyof typeof exitCode]}`;
  });
}

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

/** A verdict about something that was read, which has an exit code of its own. */
export class JudgedError extends Error {
  readonly code: string;
  readonly exit: number;

  constructor(code: string, message: string, { exit, ...options }: ErrorOptions & { readonly exit: number }) {
    super(message, options);
    this.name = 'JudgedError';
    this.code = code;
    this.exit = exit;
  }
}
