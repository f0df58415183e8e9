/**
 * Changes that no input can tell from the original, by the line they are in. They do not count, and the run says how
 * many there were. Only for files that would fail for them; survivors.md explains the others.
 */
export interface EqualChanges {
  readonly file: string;
  /** The line without the space around it: an explanation of a line that is no longer there fails the run. */
  readonly line: string;
  readonly atMost: number;
  readonly why: string;
}

const overflow =
  'a field that overflows reads back as another number and carries into the next: two comparisons see it';

export const equalChanges: readonly EqualChanges[] = [
  ...['UTCMonth() === month - 1', 'UTCDate() === day', 'UTCHours() === hour', 'UTCMinutes() === minute'].map(
    (comparison) => ({
      file: 'verifier/codec/time.ts',
      line: `date.get${comparison} &&`,
      atMost: 1,
      why: overflow,
    }),
  ),
  {
    file: 'verifier/codec/time.ts',
    line: 'date.getUTCSeconds() === second;',
    atMost: 1,
    why: overflow,
  },
  {
    file: 'verifier/result.ts',
    line: "return typeof value === 'object' && value !== null && made.has(value);",
    atMost: 4,
    why: 'a weak set holds nothing but objects',
  },
  {
    file: 'verifier/result.ts',
    line: "if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value) || Object.isFrozen(value)) return value;",
    atMost: 4,
    why: 'what is no object counts as frozen',
  },
];
