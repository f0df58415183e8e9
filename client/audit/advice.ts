import type { AuditCode, AuditReport } from './report.ts';

type Outcome = Omit<AuditReport, 'advice'>;

/** What a person can do next. Never about how to get a worse piece of evidence accepted. */
export function adviceOn(outcome: Outcome): readonly string[] {
  const { judgement, code } = outcome;
  const advice: string[] = [];
  if (judgement?.policy.origin === 'shipped' && outcome.verdict === 'refused') {
    advice.push(
      `No policy was given, so the shipped default was asked, which accepts no image. Copy attestations/policies/${outcome.tee}-default.json, list what you accept, and name it with --policy.`,
    );
  }
  if (code !== null) advice.push(...(byCode[code] ?? []));
  if (code === 'certificate_expired' && judgement?.purpose === 'live' && outcome.input.kind !== 'host-evidence') {
    advice.push(
      'Certificates of enclaves live for hours, so that one has ended is no sign of a forgery. To judge saved evidence as of its day, name that time with --at, or use --purpose archive.',
    );
  }
  return advice;
}

const byCode: { readonly [Code in AuditCode]?: readonly string[] } = {
  root_not_trusted: [
    'Simulated evidence has a root of its own and is accepted only by a policy that names it; proofmark up writes one.',
  ],
  not_anchored: [
    'A third party has to date the head while its worker is alive: a block, an RFC 3161 stamp, a cosignature.',
  ],
};
