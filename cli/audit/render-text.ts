import {
  type AuditReport,
  disputeSentence,
  type LevelWords,
  type LinkState,
  levelWords,
  type TrustLink,
} from '../../client/audit/index.ts';
import { phasesOf } from '../../client/audit/phases.ts';
import {
  challengeSentence,
  dateLine,
  inputSentence,
  judgementSentence,
  levelSentence,
  lifetimeWords,
  policySentence,
  shortTime,
  simulatedWarning,
  standingWords,
  stateWord,
  valueLines,
  verdictLine,
} from '../../client/audit/words.ts';
import { checkLines, heading, notProvenLines, outcomeCounts, printable, type Style } from '../report.ts';

/** For a terminal: the verdict comes last, where the eye is when the text has run through. */
export function renderText(report: AuditReport, style: Style): string {
  return [
    heading('Audit', style) + rows(summary(report)),
    ...(report.trust.length === 0 ? [] : [heading('Chain of trust', style) + trustLines(report.trust)]),
    ...report.groups.map(
      ({ title, standing, facts }) =>
        heading(`${title} (${standingWords[standing]})`, style) +
        rows(facts.map(({ label, value }) => [label, valueLines(value)])),
    ),
    ...levelLines(report, style),
    ...timeLines(report, style),
    ...phasesOf(report.checks).map(
      ({ title, checks }) => heading(`Checks: ${title}`, style) + checkLines(checks, style),
    ),
    `\n  ${outcomeCounts(report.checks)}\n`,
    ...(report.notProven.length === 0 ? [] : [heading('Not proven', style) + notProvenLines(report.notProven, style)]),
    heading('Verdict', style) + verdictLines(report, style),
  ].join('');
}

function summary(report: AuditReport): readonly Row[] {
  return [
    ['input', [printable(report.input.name), inputSentence(report)]],
    ['SHA-256', [report.input.sha256]],
    ['judged', [judgementSentence(report)]],
    ['policy', [policySentence(report)]],
    ['challenge', [challengeSentence(report)]],
    ['level', [levelSentence(report)]],
  ];
}

type Row = readonly [label: string, lines: readonly string[]];
const LABEL = 24;

function rows(items: readonly Row[]): string {
  return items
    .flatMap(([label, lines]) => lines.map((line, index) => `  ${(index === 0 ? label : '').padEnd(LABEL)} ${line}\n`))
    .join('');
}

const LINK_MARKS: Readonly<Record<LinkState, string>> = { proven: '✓', broken: '✗', unproven: '–' };

function trustLines(trust: readonly TrustLink[]): string {
  return trust
    .map((link, depth) => {
      const { title, by, state } = link;
      const indent = '  '.repeat(Math.min(depth, 8));
      return `  ${LINK_MARKS[state]} ${indent}${depth === 0 ? '' : '└ '}${printable(title)}, ${by}: ${stateWord(link)}\n`;
    })
    .join('');
}

const LEVEL_MARKS: Readonly<Record<LevelWords['state'], string>> = { reached: '✓', refused: '✗', 'not-reached': '–' };

function levelLines({ levels }: AuditReport, style: Style): readonly string[] {
  const words = levelWords(levels);
  if (words.length === 0) return [];
  const dispute = disputeSentence(levels);
  return [
    heading('Levels', style),
    dispute === undefined ? '' : `  ! ${dispute}\n`,
    ...words.map(
      ({ level, state, word, lines }) =>
        `  ${LEVEL_MARKS[state]} ${level.padEnd(11)} ${word}\n${lines.map((line) => `      ${line}\n`).join('')}`,
    ),
  ];
}

function timeLines({ dates, lifetimes, judgement }: AuditReport, style: Style): readonly string[] {
  if (judgement === null) return [];
  const words = dates.map(
    (word) =>
      `  ${word.counts ? '✓' : '–'} ${word.of.padEnd(10)} ${dateLine(word)}\n      ${printable(`${word.by}: ${word.meaning}`)}\n`,
  );
  const ends = lifetimes.map(
    ({ title, until, state, matters, meaning }) =>
      `  ${matters ? '!' : state === 'holds' ? '✓' : '–'} ${lifetimeWords[state].padEnd(16)} ${shortTime(until)}  ${printable(title)}\n      ${printable(meaning)}\n`,
  );
  return [
    heading('Who dated it', style) + words.join(''),
    heading(`What ends, and what that means (read at ${shortTime(judgement.readAt)})`, style) + ends.join(''),
  ];
}

function verdictLines(report: AuditReport, style: Style): string {
  const reasons = report.checks.filter(({ outcome }) => outcome === 'failed');
  return [
    `  ${verdictLine(report)}\n`,
    report.level === 'simulated' ? `  ! ${simulatedWarning}\n` : '',
    checkLines(reasons, style),
    ...report.advice.map((line) => `  → ${printable(line)}\n`),
  ].join('');
}
