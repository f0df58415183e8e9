import { ANSWERED } from '../../support/answer.ts';
import { commandAt } from '../../support/command.ts';

/** The JSON of an audit, as a program reads it. */
export interface AuditJson {
  readonly verdict: string;
  readonly code: string | null;
  readonly checks: readonly { readonly id: string; readonly outcome: string; readonly detail: string }[];
  readonly notProven: readonly { readonly id: string }[];
  readonly evidence: {
    readonly input: { readonly name: string; readonly kind: string; readonly encoding: string; readonly bytes: number };
    readonly tee: string | null;
    readonly level: string | null;
    readonly judgement: {
      readonly at: string;
      readonly readAt: string;
      readonly challenge: string;
      readonly policy: { readonly name: string; readonly origin: string };
    } | null;
    readonly trust: readonly { readonly kind: string; readonly state: string; readonly title: string }[];
    readonly dates: readonly { readonly of: string; readonly at: string | null; readonly counts: boolean }[];
    readonly lifetimes: readonly { readonly kind: string; readonly state: string; readonly matters: boolean }[];
    readonly accepted: Groups;
    readonly authentic: Groups;
    readonly claimed: Groups;
  };
}

type Groups = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

export interface Audited {
  readonly exit: number;
  readonly report: AuditJson;
}

export async function auditJson(...args: readonly string[]): Promise<Audited> {
  return auditJsonAt(ANSWERED, ...args);
}

export async function auditJsonAt(now: number, ...args: readonly string[]): Promise<Audited> {
  const { code, out, err } = await commandAt(now, 'audit', ...args, '--json');
  if (out === '') throw new Error(err);
  return { exit: code, report: JSON.parse(out) as AuditJson };
}

/** `refused image_refused`, `accepted`. */
export function ruled({ report }: Audited): string {
  return report.code === null ? report.verdict : `${report.verdict} ${report.code}`;
}

export function states({ report }: Audited): Readonly<Record<string, string>> {
  return Object.fromEntries(report.evidence.trust.map(({ kind, state }) => [kind, state]));
}
