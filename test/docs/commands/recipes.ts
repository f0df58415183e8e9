import type { Stranger } from './materials.ts';

/** Words of a page that stand for something of its reader's, and what they are here. All of them are named. */
export interface Situation {
  readonly stranger: Stranger;
  /** A free port for each of the two that pages name. */
  readonly hostPort: number;
  readonly hubPort: number;
  /** What earlier steps of the page have printed. */
  readonly said: string;
}

type Substitution = readonly [pattern: RegExp, value: string | ((situation: Situation) => string)];

const SUBSTITUTIONS: readonly Substitution[] = [
  // A checkout's command, a package's, and the one on the path are the same program.
  [/npm run -s proofmark --(?= |$)/g, 'proofmark'],
  [/npx proofmark\b/g, 'proofmark'],
  [/npx tsx cli\/main\.ts/g, 'proofmark'],
  [/https:\/\/host\.example/g, ({ stranger }) => stranger.url],
  [/REQUEST-ID/g, ({ stranger }) => stranger.requestId],
  [/\b8790\b/g, ({ hostPort }) => String(hostPort)],
  [/\b8791\b/g, ({ hubPort }) => String(hubPort)],
  // The key that the page's own commands made.
  [/\bOWNER\b/g, ({ said }) => /^([0-9a-f]{128})$/m.exec(said)?.[1] ?? 'no owner was printed'],
  [/\/etc\/proofmark\//g, './'],
  // Its port stands in the page; the command alone would take the usual one.
  [/^proofmark up(?! --port)/, ({ hostPort }) => `proofmark up --port ${hostPort}`],
  // Without a terminal nobody can be asked.
  [/^proofmark model publish(?!.*--yes)/, 'proofmark model publish --yes'],
];

export function spelledFor(command: string, situation: Situation): string {
  return SUBSTITUTIONS.reduce(
    (text, [pattern, value]) =>
      text.replaceAll(toGlobal(pattern), () => (typeof value === 'string' ? value : value(situation))),
    command,
  );
}

function toGlobal(pattern: RegExp): RegExp {
  return new RegExp(pattern.source, pattern.flags.includes('g') ? pattern.flags : `${pattern.flags}g`);
}

/** What serves until it is told to stop, and what it says once it does. */
const SERVERS: readonly (readonly [pattern: RegExp, ready: RegExp])[] = [
  [/^proofmark up\b/, /Ctrl-C/],
  [/^proofmark hub\b/, /"listening"/],
  [/^proofmark console\b/, /Ctrl-C/],
];

export function readyLineOf(command: string): RegExp | undefined {
  return SERVERS.find(([pattern]) => pattern.test(command))?.[1];
}

/** Verdicts about evidence that is somebody's own: the page shows how to ask, not what comes of it. */
const VERDICTS: readonly number[] = [0, 20, 30, 40];

export function expectedCodes(command: string, stated: number | undefined): readonly number[] {
  if (stated !== undefined) return [stated];
  return /^proofmark audit\b/.test(command) ? VERDICTS : [0];
}
