import type { Outcome } from './cases.ts';
import { nitroChanges } from './nitro/index.ts';
import { snpChanges } from './snp/index.ts';
import { tolerances } from './tolerances.ts';

/** Of a run or of several parts of one: what was covered, what was tolerated and what is wrong. */
export interface Report {
  readonly lines: readonly string[];
  /** Empty where all is well. */
  readonly faults: readonly string[];
}

const LEAST_ACCEPTED = 0.15;
const LEAST_RESIGNED = 0.5;

export interface ReportOptions {
  /** A part of a run that is too short for all kinds does not have to have them. */
  readonly everyKind: boolean;
}

export function reportOn(outcomes: readonly Outcome[], { everyKind }: ReportOptions): Report {
  const share = (counts: (one: Outcome) => boolean): number => outcomes.filter(counts).length / outcomes.length;
  const accepted = share(({ verdict }) => verdict === 'accepted');
  const resigned = share(({ sort }) => sort === 'resigned');
  const faults = [
    ...outcomes.flatMap(({ id, kind, disagreements }) =>
      disagreements.map((why) => `${id} (${kind}) ${why}\n    again: npx tsx test/parity/main.ts --case ${id}`),
    ),
    ...surprises(outcomes),
    ...(everyKind ? missingKinds(outcomes) : []),
    ...(accepted < LEAST_ACCEPTED ? [`only ${percent(accepted)} of the cases are accepted`] : []),
    ...(resigned < LEAST_RESIGNED ? [`only ${percent(resigned)} of the cases are one rule, signed again`] : []),
  ];
  const sums = [
    `${outcomes.length} cases: ${percent(accepted)} accepted, ${percent(resigned)} one rule and signed again`,
    `${outcomes.filter(({ caches }) => caches.length > 1).length} of them asked of a warm contract too`,
    ...tolerances.map(({ name, reason }) => `tolerated ${countOf(outcomes, name)} times: ${name}: ${reason}`),
    `${outcomes.filter(({ disagreements }) => disagreements.length > 0).length} disagreements`,
  ];
  return { lines: [...histogram(outcomes), ...sums], faults };
}

/** Kind of change by verdict. */
function histogram(outcomes: readonly Outcome[]): readonly string[] {
  const counts = new Map<string, number>();
  for (const { id, sort, check, kind, verdict } of outcomes) {
    const name = `${familyOf(id).padEnd(5)} ${sort.padEnd(8)} ${check.padEnd(4)} ${kind}: ${verdict}`;
    counts.set(name, (counts.get(name) ?? 0) + 1);
  }
  return [...counts]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, count]) => `${String(count).padStart(6)} ${name}`);
}

/** A change that is meant to be right and is refused, or the other way round, tests nothing of what it says. */
function surprises(outcomes: readonly Outcome[]): readonly string[] {
  return outcomes
    .filter(({ sort, verdict }) => sort !== 'random' && (sort === 'valid') !== (verdict === 'accepted'))
    .map(({ id, kind, verdict }) => `${id} (${kind}) is not what it is meant to be: ${verdict}`);
}

function missingKinds(outcomes: readonly Outcome[]): readonly string[] {
  const seen = new Set(outcomes.map(({ id, kind }) => `${familyOf(id)}: ${kind}`));
  const all = [...nitroChanges.map(({ kind }) => `nitro: ${kind}`), ...snpChanges.map(({ kind }) => `snp: ${kind}`)];
  return all.filter((kind) => !seen.has(kind)).map((kind) => `no case of ${kind}`);
}

const familyOf = (id: string): string => id.split(':')[0] ?? '';
const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const countOf = (outcomes: readonly Outcome[], name: string): number =>
  outcomes.filter(({ tolerances: used }) => used.includes(name)).length;
