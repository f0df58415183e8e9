import type { Awaitable } from '../wire/crypto/suite.ts';
import { type Place, type RefusedCode, type UntrustedCode, whereIs } from './errors.ts';
import type { Check, NotProven } from './result.ts';

/** Where in the evidence: the id of the check stands beside it. */
export type CheckPlace = Omit<Place, 'checkId'>;

/** What one rule found. `not-asked` is only for rules that the policy answers with the word "any". */
export type Finding<Code extends string> =
  | { readonly outcome: 'passed'; readonly detail: string }
  | { readonly outcome: 'not-asked'; readonly detail: string }
  | { readonly outcome: 'failed'; readonly detail: string; readonly code: Code; readonly place?: CheckPlace };

/** One entry of a checklist. Rules are listed in the order in which they run; the list is the documentation. */
export interface Rule<Context, Code extends UntrustedCode | RefusedCode> {
  readonly id: string;
  readonly title: string;
  readonly run: (context: Context) => Awaitable<Finding<Code>>;
}

/** What a rule's id and title are, without its code: enough to list a check that was not reached. */
export interface CheckName {
  readonly id: string;
  readonly title: string;
}

export interface RuleReport<Code extends string> {
  readonly checks: readonly Check[];
  /** The code of the first rule that failed. */
  readonly code: Code | null;
}

export function passed(detail: string): Finding<never> {
  return { outcome: 'passed', detail };
}

export function notAsked(detail: string): Finding<never> {
  return { outcome: 'not-asked', detail };
}

export function failed<const Code extends string>(code: Code, detail: string, place?: CheckPlace): Finding<Code> {
  return { outcome: 'failed', code, detail, ...(place === undefined ? {} : { place }) };
}

export function notReached(names: readonly CheckName[]): readonly Check[] {
  return names.map(({ id, title }) => ({ id, title, outcome: 'not-reached', detail: 'an earlier check failed' }));
}

/**
 * For cryptography: nothing after a failure means anything, and later rules cost more than earlier ones. Here and below
 * what answers at once is not waited for: sixty turns of the queue take as long as reading a certificate.
 */
export async function runUntilFailure<Context, Code extends UntrustedCode>(
  rules: readonly Rule<Context, Code>[],
  context: Context,
): Promise<RuleReport<Code>> {
  const checks: Check[] = [];
  for (const [index, rule] of rules.entries()) {
    const found = rule.run(context);
    const finding = found instanceof Promise ? await found : found;
    checks.push(checkOf(rule, finding));
    if (finding.outcome === 'failed') {
      return { checks: [...checks, ...notReached(rules.slice(index + 1))], code: finding.code };
    }
  }
  return { checks, code: null };
}

/** For policy: the evidence is genuine, so every reason to refuse it is worth telling. */
export async function runAll<Context, Code extends RefusedCode>(
  rules: readonly Rule<Context, Code>[],
  context: Context,
): Promise<RuleReport<Code>> {
  const checks: Check[] = [];
  let code: Code | null = null;
  for (const rule of rules) {
    const found = rule.run(context);
    const finding = found instanceof Promise ? await found : found;
    checks.push(checkOf(rule, finding));
    if (finding.outcome === 'failed') code ??= finding.code;
  }
  return { checks, code };
}

/** "any" in a policy is a decision, and the reader of a verdict gets to see it. */
export function leftOpen(checks: readonly Check[]): readonly NotProven[] {
  return checks
    .filter(({ outcome }) => outcome === 'not-asked')
    .map(({ id, title, detail }) => ({ id, reason: `${title}: ${detail}` }));
}

function checkOf<Code extends string>({ id, title }: CheckName, finding: Finding<Code>): Check {
  const { outcome, detail } = finding;
  const place = 'place' in finding ? finding.place : undefined;
  return place === undefined ? { id, title, outcome, detail } : { id, title, outcome, detail, place };
}

/** What a parser threw: its own words, and where. */
export interface Complaint {
  readonly detail: string;
  readonly place: Place;
}

/** The check that a parser's complaint fails. */
export function checkOfError({ id, title }: CheckName, error: Complaint): Check {
  const { checkId: _, ...place } = error.place;
  const located = Object.keys(place).length > 0;
  return { id, title, outcome: 'failed', detail: `${error.detail}${whereIs(place)}`, ...(located ? { place } : {}) };
}
