import { whereIs } from '../../verifier/errors.ts';
import type { Check, NotProven, Purpose, VerifierError } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { adviceOn } from './advice.ts';
import type { Problem } from './input.ts';
import type { ChosenPolicy } from './policies.ts';
import {
  type AuditCode,
  type AuditedLevels,
  type AuditReport,
  type AuditVerdict,
  type InputFacts,
  inputKindNames,
  type Judgement,
  type TrustLink,
} from './report.ts';
import { endingsOf, iso, lifetimesOf } from './times.ts';

/** What the verifier said, as reports of every kind of evidence are made of it. */
export interface Ruling {
  readonly verdict: AuditVerdict;
  readonly code?: AuditCode;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

export interface About extends Pick<AuditReport, 'level' | 'trust' | 'groups' | 'dates'> {
  readonly shown: Omit<Parameters<typeof endingsOf>[0], 'policy'>;
}

const recognition = { id: 'I1', title: 'the input is evidence of a kind that this command knows' } as const;

/** What the verifier threw at bytes that it could not even begin with. */
export function problemOf({ code, detail, place: found }: VerifierError): Problem {
  const { checkId: _, ...place } = found;
  const located = Object.keys(place).length > 0;
  return { code, detail: `${detail}${whereIs(place)}`, ...(located ? { place } : {}) };
}

export function rejected(input: InputFacts, { code, detail, place }: Problem): AuditReport {
  return {
    verdict: 'malformed',
    code,
    checks: [{ ...recognition, outcome: 'failed', detail, ...(place === undefined ? {} : { place }) }],
    notProven: [],
    input,
    tee: null,
    level: null,
    levels: 'no-answer',
    judgement: null,
    trust: [],
    groups: [],
    dates: [],
    lifetimes: [],
    advice: [],
  };
}

interface Outcome {
  readonly input: InputFacts;
  readonly tee: TeeName;
  readonly chosen: ChosenPolicy;
  readonly at: number;
  readonly question: { readonly purpose: Purpose; readonly challenge: Uint8Array | 'any'; readonly readAt: number };
  readonly ruling: Ruling;
  readonly about: About;
  readonly levels?: AuditedLevels;
}

/** The last word is not the hardware's: somebody has to want this image. */
function policyLink({ verdict, checks }: Ruling, { policy }: ChosenPolicy): TrustLink {
  const refusing = checks.filter(({ outcome }) => outcome === 'failed').map(({ id }) => id);
  return {
    kind: 'policy',
    title: policy.name,
    by: 'accepts what stands above',
    state: verdict === 'accepted' ? 'proven' : verdict === 'refused' ? 'broken' : 'unproven',
    checks: verdict === 'refused' ? refusing : [],
    facts: [],
  };
}

export function report({
  input,
  tee,
  chosen,
  at,
  question,
  ruling,
  about,
  levels = 'no-answer',
}: Outcome): AuditReport {
  const { purpose, challenge, readAt } = question;
  const { shown, ...told } = about;
  const { policy } = chosen;
  const judgement: Judgement = {
    purpose: purpose.kind,
    at: iso(at),
    readAt: iso(readAt),
    challenge: challenge === 'any' ? 'any' : toHex(challenge),
    policy: { name: policy.name, origin: chosen.origin },
  };
  const outcome: Omit<AuditReport, 'advice'> = {
    verdict: ruling.verdict,
    code: ruling.code ?? null,
    checks: [{ ...recognition, outcome: 'passed', detail: inputKindNames[input.kind] }, ...ruling.checks],
    notProven: ruling.notProven,
    input,
    tee,
    judgement,
    levels,
    ...told,
    trust: [...told.trust, policyLink(ruling, chosen)],
    lifetimes: lifetimesOf(endingsOf({ ...shown, policy }), {
      purpose: purpose.kind,
      verdict: ruling.verdict,
      code: ruling.code ?? null,
      at,
      readAt,
    }),
  };
  return { ...outcome, advice: adviceOn(outcome) };
}
