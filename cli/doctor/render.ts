import { heading, jsonLine, paint, printable, type Style } from '../report.ts';
import { type Ability, standOnTheDemo } from './abilities.ts';
import { type FindingId, type Findings, findingIds, type State } from './finding.ts';

const MARKS: Readonly<Record<State, readonly [mark: string, colour: number]>> = {
  good: ['✓', 32],
  limited: ['!', 33],
  lacking: ['✗', 31],
  unknown: ['?', 31],
};

const ANSWERS: Readonly<Record<Ability['answer'], readonly [word: string, colour: number]>> = {
  yes: ['yes', 32],
  'yes-but': ['yes, but', 33],
  no: ['no', 31],
};

/** Where each part of the report begins. */
const PARTS: Readonly<Partial<Record<FindingId, string>>> = {
  node: 'Program and packages',
  bubblewrap: 'Confinement',
  emulator: 'Virtual machines and images',
  chain: 'Chain and enclave hardware',
  memory: 'Resources',
};

/** Paths and what programs say come from this machine's surroundings: all of it is made printable. */
export function renderText(findings: Findings, able: readonly Ability[], style: Style): string {
  const listed = findingIds.map((id) => {
    const { title, state, found, means, todo } = findings[id];
    const [mark, colour] = MARKS[state];
    const part = PARTS[id];
    const first = `  ${paint(style, colour, mark)} ${printable(title).padEnd(24)} ${printable(found)}\n`;
    const more = todo === null ? [] : [means, `→ ${todo}`];
    const rest = more.map((line) => `    ${' '.repeat(25)}${paint(style, 90, printable(line))}\n`).join('');
    return `${part === undefined ? '' : heading(part, style)}${first}${rest}`;
  });
  const summary = able.map((ability) => {
    const { title, answer } = ability;
    const [word, colour] = ANSWERS[answer];
    const reasons = reasonsOf(ability, able)
      .map((reason) => `    ${' '.repeat(10)}${printable(reason)}\n`)
      .join('');
    return `  ${paint(style, colour, word.padEnd(10))}  ${printable(title)}\n${reasons}`;
  });
  return `${listed.join('')}${heading('This machine can', style)}${summary.join('')}`;
}

/** What stands on the demo does not say again all that is in the way of it. */
function reasonsOf({ id, because }: Ability, able: readonly Ability[]): readonly string[] {
  const demo = able.find((each) => each.id === 'demo' && each.answer === 'no');
  if (demo === undefined || !standOnTheDemo.has(id)) return because;
  return ['what is in the way of the demo', ...because.filter((reason) => !demo.because.includes(reason))];
}

export function renderJson(findings: Findings, able: readonly Ability[]): string {
  return jsonLine(JSON.stringify({ findings: findingIds.map((id) => findings[id]), abilities: able }));
}
