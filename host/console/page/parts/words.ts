import type { CheckOutcome } from '../../../../verifier/index.ts';
import type { ConsoleSettings } from '../connection/settings.ts';

/** The label of every verdict: code from the host that is judged can say anything. */
export const servedByWords: Readonly<Record<ConsoleSettings['servedBy'], string>> = {
  host: 'checked by code this host sent',
  package: 'checked by your own package',
};

export const outcomeWords: Readonly<Record<CheckOutcome, string>> = {
  passed: 'passed',
  failed: 'failed',
  'not-asked': 'not asked',
  'not-reached': 'not reached',
};

const MINUTE = 60;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** `2 h 5 min`: the two largest units, so that the line does not jump while it counts. */
export function durationWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000));
  const parts = (
    [
      [Math.floor(seconds / DAY), 'd'],
      [Math.floor((seconds % DAY) / HOUR), 'h'],
      [Math.floor((seconds % HOUR) / MINUTE), 'min'],
      [seconds % MINUTE, 's'],
    ] as const
  ).map(([count, unit]) => ({ count, text: `${count} ${unit}` }));
  const from = parts.findIndex(({ count }) => count > 0);
  if (from < 0) return '0 s';
  return parts
    .slice(from, from + 2)
    .map(({ text }) => text)
    .join(' ');
}

export function timeWords(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

const THIN_SPACE = '\u2009';

/** `1 234 567`, the same in every country. */
export function countWords(value: number | bigint): string {
  return String(value).replace(/\B(?=(\d{3})+(?!\d))/g, THIN_SPACE);
}

/** Text of a stranger: control characters and direction marks could rearrange the page around it. */
export function plainText(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '\ufffd');
}
