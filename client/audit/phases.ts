import type { Check } from '../../verifier/index.ts';

/** Checks are listed in the order in which they run; a phase begins where the first check of it stands. */
const beginnings: Readonly<Record<string, string>> = {
  I1: 'Input',
  D0: 'Time',
  'W.tee': 'Form',
  X1: 'Form',
  S1: 'Form',
  C17: 'Certificates and signatures',
  C16: 'Certificates and signatures',
  'P.expiry': 'Policy on the evidence',
  W0: 'Worker, bound by the evidence',
  W7: 'Policy on the worker',
  F1: 'File',
  R0: 'Receipt',
  R14: 'Policy on the answer',
  M0: 'Model',
  K1: 'Commitment',
  D4: 'Time',
  L1: 'Levels',
};

export interface Phase {
  readonly title: string;
  readonly checks: readonly Check[];
}

export function phasesOf(checks: readonly Check[]): readonly Phase[] {
  const phases: { title: string; checks: Check[] }[] = [];
  for (const check of checks) {
    const title = Object.hasOwn(beginnings, check.id) ? beginnings[check.id] : undefined;
    const current = phases.at(-1);
    if (current === undefined || (title !== undefined && title !== current.title)) {
      phases.push({ title: title ?? 'Checks', checks: [check] });
    } else {
      current.checks.push(check);
    }
  }
  return phases;
}
