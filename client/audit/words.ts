import { printable } from './printable.ts';
import {
  type AuditReport,
  type DateWord,
  type FactValue,
  inputKindNames,
  type LifetimeState,
  type LinkState,
  meaningOf,
  type Standing,
  type TrustLink,
  verdictMeanings,
} from './report.ts';

/** Sentences that the report for terminals and the one for browsers share. */
export const standingWords: Readonly<Record<Standing, string>> = {
  accepted: 'accepted',
  authentic: 'authentic, not accepted',
  claimed: 'claimed, not proven',
};

const linkWords: Readonly<Record<LinkState, string>> = {
  proven: 'proven',
  broken: 'broken here',
  unproven: 'not proven',
};

/** A policy proves nothing; it wants or does not want what was proven. */
const policyWords: Readonly<Record<LinkState, string>> = {
  proven: 'accepts',
  broken: 'refuses',
  unproven: 'no verdict',
};

export function stateWord({ kind, state }: TrustLink): string {
  return kind === 'policy' ? policyWords[state] : linkWords[state];
}

/** A verdict of the simulator looks like one of hardware in all but this, so it is said wherever the verdict is. */
export const simulatedWarning =
  'Simulated: no hardware vouches for any of this. Whoever owns the machine can forge it all.';

/** `refused (image_refused): what that means`. */
export function verdictLine({ verdict, code }: AuditReport): string {
  return code === null ? `${verdict}: ${verdictMeanings[verdict]}` : `${verdict} (${code}): ${meaningOf(code)}`;
}

export function inputSentence({ input }: AuditReport): string {
  const spelling = { binary: '', json: ', as JSON', hex: ', as hex', base64: ', as base64', unknown: '' }[
    input.encoding
  ];
  return `${inputKindNames[input.kind]}${spelling}, ${input.bytes.toLocaleString('en-GB')} bytes`;
}

export function judgementSentence({ judgement, verdict }: AuditReport): string {
  if (judgement === null) return 'nothing was judged';
  const at = `${judgement.at.slice(0, 19)}Z`;
  if (judgement.purpose === 'archive' && verdict === 'accepted') {
    return `as of its own time, ${at}, between dates that cosigners of the policy vouch for`;
  }
  return judgement.purpose === 'live' ? `as of ${at}` : `as of its own time, ${at}, which nobody else vouches for`;
}

export function policySentence({ judgement }: AuditReport): string {
  if (judgement === null) return 'none was asked';
  const { name, origin } = judgement.policy;
  const source = {
    given: '',
    shipped: ' (shipped default: none was given, and it accepts no image)',
    survey: ' (survey: not for relying on)',
  }[origin];
  return `${printable(name)}${source}`;
}

export function challengeSentence({ judgement }: AuditReport): string {
  if (judgement === null) return 'none';
  return judgement.challenge === 'any'
    ? 'none was asked: the evidence may be a copy of old evidence'
    : judgement.challenge;
}

export function levelSentence({ level }: AuditReport): string {
  if (level === null) return 'not established';
  return level === 'attested'
    ? 'attested: the hardware vendor vouches for it'
    : 'simulated: no hardware vouches for it';
}

export const lifetimeWords: Readonly<Record<LifetimeState, string>> = {
  holds: 'holds',
  'over-when-judged': 'over when judged',
  'over-since': 'over since',
};

export function shortTime(iso: string): string {
  return `${iso.slice(0, -5)}Z`;
}

export function dateLine({ at, counts }: DateWord): string {
  return `${at === null ? 'undated' : shortTime(at)}, ${counts ? 'counted' : 'not counted'}`;
}

/** One line per item of a list; nothing is shown as a dash, so that an absent fact is seen to be absent. */
export function valueLines(value: FactValue): readonly string[] {
  if (value === null) return ['–'];
  if (typeof value === 'boolean') return [value ? 'yes' : 'no'];
  if (typeof value === 'object') return value.length === 0 ? ['none'] : value.map(printable);
  return [printable(String(value))];
}
