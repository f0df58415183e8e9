import { levelsJson } from './level-words.ts';
import { jsonLine } from './printable.ts';
import type { AuditReport, Fact, FactValue, Standing } from './report.ts';

/**
 * One line of JSON, in the form of attestations/schemas/proofmark-audit.schema.json. Facts are filed by what they are
 * worth: a reader of `evidence.accepted` never meets one that was only claimed.
 */
export function renderJson(report: AuditReport): string {
  const { verdict, code, checks, notProven } = report;
  return jsonLine(JSON.stringify({ verdict, code, checks, evidence: evidenceOf(report), notProven }));
}

function evidenceOf({ input, tee, level, levels, judgement, trust, groups, dates, lifetimes }: AuditReport): unknown {
  const of = (standing: Standing): unknown =>
    Object.fromEntries(
      groups.filter((group) => group.standing === standing).map(({ key, facts }) => [key, record(facts)]),
    );
  return {
    input,
    tee,
    level,
    levels: levelsJson(levels),
    judgement,
    trust: trust.map(({ kind, title, by, state, checks, facts }) => ({
      kind,
      title,
      by,
      state,
      checks,
      facts: record(facts),
    })),
    dates,
    lifetimes,
    accepted: of('accepted'),
    authentic: of('authentic'),
    claimed: of('claimed'),
  };
}

function record(facts: readonly Fact[]): Readonly<Record<string, FactValue>> {
  return Object.fromEntries(facts.map(({ key, value }) => [key, value]));
}
