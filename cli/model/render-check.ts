import { heading, printable, rowLines, type Style } from '../report.ts';
import { type CheckReport, type EngineFacts, spelled } from './check.ts';
import type { GraphFacts } from './facts.ts';
import type { Finding } from './findings.ts';
import type { LanguageFacts } from './inspect-language.ts';
import type { RunReport } from './run.ts';

/** The report for people: the verdict last, where a terminal stands when it is done. */
export function renderCheck(report: CheckReport, style: Style): string {
  const refused = report.findings.filter(({ severity }) => severity === 'refused');
  const wrong = report.findings.filter(({ severity }) => severity === 'wrong');
  const notes = report.findings.filter(({ severity }) => severity === 'note');
  return [
    heading('Model', style),
    rowLines(graphRows(report.graph, report.subject.entry)),
    report.language === null ? '' : rowLines(languageRows(report.language)),
    report.engine === null || report.subject.kind === 'text-generation' ? '' : rowLines(engineRows(report.engine)),
    report.run === null ? '' : heading('Run', style) + rowLines(runRows(report.run, report.engine)),
    refused.length === 0
      ? ''
      : heading('Refused', style) + refused.map((finding) => findingLines('✗', finding)).join(''),
    wrong.length === 0 ? '' : heading('Wrong', style) + wrong.map((finding) => findingLines('✗', finding)).join(''),
    notes.length === 0
      ? ''
      : heading('Worth knowing', style) + notes.map((finding) => findingLines('·', finding)).join(''),
    heading('Verdict', style),
    `  ${verdictLine(report, refused.length)}\n`,
  ].join('');
}

function verdictLine({ verdict, engine, run }: CheckReport, refused: number): string {
  if (verdict === 'refused')
    return `✗ a worker would refuse it, for ${refused === 1 ? 'one reason' : `${refused} reasons`}`;
  if (verdict === 'wrong') return '✗ a worker would load it, and it is not what its release says';
  if (engine === null) return '✓ the worker’s scan takes it; its engine was not asked';
  return run === null ? '✓ a worker would load it' : '✓ a worker would load it, and it ran here';
}

function findingLines(mark: string, { where, count, what, advice }: Finding): string {
  const more = count > where.length ? ` and ${count - where.length} more` : '';
  const lines = [
    `  ${mark} ${what}`,
    `      at ${where.join('; ')}${more}`,
    ...(advice === '' ? [] : [`      → ${advice}`]),
  ];
  return `${lines.map(printable).join('\n')}\n`;
}

type Row = readonly [name: string, value: string];

function graphRows(graph: GraphFacts, entry: string): readonly Row[] {
  const sets = Object.entries(graph.operatorSets).map(([domain, version]) => `${domain} ${version}`);
  return [
    ['file', `${entry}, ${sizeOf(graph.bytes)}`],
    ['written by', graph.producer || 'not said'],
    ['format', `IR version ${graph.irVersion}, operator sets ${sets.join(', ') || 'none'}`],
    ['nodes', `${graph.nodes}: ${countsOf(graph.operators)}`],
    ['parameters', countsOf(graph.parameters) || 'none'],
  ];
}

function engineRows({ inputs, outputs }: EngineFacts): readonly Row[] {
  return [
    ['inputs', spelled(inputs)],
    ['outputs', spelled(outputs)],
  ];
}

function languageRows(facts: LanguageFacts): readonly Row[] {
  const number = (value: number | null): string => (value === null ? 'not known' : String(value));
  const tokens = facts.controlTokens.slice(0, SHOWN).join(' ');
  return [
    ['layout', facts.layout === null ? 'not recognised' : `${facts.layout}, ${number(facts.layers)} layers`],
    ['context', `${number(facts.contextTokens)} tokens`],
    ['vocabulary', number(facts.vocabulary)],
    ['chat template', facts.chatTemplate],
    ['control tokens', `${facts.controlTokens.length}: ${tokens}${facts.controlTokens.length > SHOWN ? ' …' : ''}`],
    ['end tokens', String(facts.endTokens)],
  ];
}

function runRows(run: RunReport, engine: EngineFacts | null): readonly Row[] {
  const [first, second] = run.milliseconds.map((time) => `${time.toFixed(1)} ms`);
  return [
    ['inputs', `${run.inputs}, ${run.calls} call(s)`],
    ['time', `${first ?? ''} at first, ${second ?? ''} again`],
    ['memory', run.peakBytes === null ? 'not known' : `${sizeOf(run.peakBytes)} at most, with node and the engine`],
    ['repeated', run.repeats],
    ['rows together', run.rows],
    ['confinement', engine === null ? 'none' : engine.confinement],
  ];
}

const SHOWN = 12;

function countsOf(counts: Readonly<Record<string, number>>): string {
  const entries = Object.entries(counts);
  const shown = entries.slice(0, SHOWN).map(([name, count]) => `${count.toLocaleString('en')} ${name}`);
  return `${shown.join(', ')}${entries.length > SHOWN ? `, ${entries.length - SHOWN} more kinds` : ''}`;
}

export function sizeOf(bytes: number): string {
  if (bytes < 1_000_000) return `${(bytes / 1_000).toFixed(1)} kB`;
  return bytes < 1_000_000_000 ? `${(bytes / 1_000_000).toFixed(1)} MB` : `${(bytes / 1_000_000_000).toFixed(2)} GB`;
}
