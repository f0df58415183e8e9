import { toHex } from '../../wire/bytes.ts';
import { type LevelCost, type LevelState, vouchers } from '../levels/index.ts';
import { printable } from './printable.ts';
import type { AuditedLevels } from './report.ts';

/** One level, in words that terminals, pages and the console share. */
export interface LevelWords {
  readonly level: string;
  readonly state: LevelState['state'];
  readonly word: string;
  readonly lines: readonly string[];
}

export function levelWords(levels: AuditedLevels): readonly LevelWords[] {
  if (levels === 'no-answer') return [];
  return levels.levels.map((state) => ({
    level: state.level,
    state: state.state,
    word: state.state === 'reached' ? 'reached' : state.state === 'refused' ? 'refused' : 'not reached',
    lines: [...linesOf(state), ...state.leftOut.map(leftOutLine)].map(printable),
  }));
}

/** Undefined where nobody disputes. */
export function disputeSentence(levels: AuditedLevels): string | undefined {
  if (levels === 'no-answer' || levels.standing === 'undisputed') return undefined;
  const who = levels.disputes.map(({ auditor }) => toHex(auditor)).join(', ');
  return `Disputed: an auditor whom the levels policy names computed other bits (${who}).`;
}

function linesOf(state: LevelState): readonly string[] {
  if (state.state !== 'reached') return [`${state.code}: ${state.detail}`];
  return [
    `vouched for by ${vouchers[state.level]}: ${state.by.join('; ')}`,
    ...state.assumes.map((one) => `assumes ${one}`),
    ...costLine(state.cost),
  ];
}

function leftOutLine({ what, code, detail }: LevelState['leftOut'][number]): string {
  return `left out: ${what}, ${code}: ${detail}`;
}

function costLine({ fee, gas, seconds }: LevelCost): readonly string[] {
  const known = [
    ...(fee === 'unknown' ? [] : [`fee ${fee}`]),
    ...(gas === 'unknown' ? [] : [`${gas} gas`]),
    ...(seconds === 'unknown' ? [] : [`${seconds} s`]),
  ];
  return known.length === 0 ? [] : [`cost ${known.join(', ')}`];
}

/** The same for programs: nothing is said by leaving it out. */
export function levelsJson(levels: AuditedLevels): unknown {
  if (levels === 'no-answer') return levels;
  return {
    standing: levels.standing,
    disputes: levels.disputes.map(({ auditor, answer }) => ({ auditor: toHex(auditor), answer: toHex(answer) })),
    levels: levels.levels.map(({ level, leftOut, ...ruling }) => ({
      level,
      vouchers: vouchers[level],
      ...(ruling.state === 'reached' ? { ...ruling, cost: plainCost(ruling.cost) } : ruling),
      leftOut,
    })),
  };
}

function plainCost({ fee, gas, seconds }: LevelCost): object {
  return { fee: String(fee), gas: String(gas), seconds };
}
