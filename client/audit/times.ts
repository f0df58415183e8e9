import { parseRevocationList } from '../../verifier/codec/crl.ts';
import { VerifierError, type WorkerPolicy } from '../../verifier/index.ts';
import type { ShownCertificate } from './links.ts';
import type { Lifetime, LifetimeState } from './report.ts';

/** Something in the evidence or around it that holds for a while only. */
export interface Ending {
  readonly kind: Lifetime['kind'];
  readonly title: string;
  /** Milliseconds since 1970. */
  readonly until: number;
}

/** What the ruling was, as far as it decides what the end of something means. */
export interface TimedRuling {
  readonly purpose: 'live' | 'archive';
  readonly verdict: 'accepted' | 'malformed' | 'untrusted' | 'refused' | 'undetermined';
  readonly code: string | null;
  readonly at: number;
  /** The clock of whoever reads the report. */
  readonly readAt: number;
}

/** By their ends, so that what ended first is read first. */
export function lifetimesOf(endings: readonly Ending[], ruling: TimedRuling): readonly Lifetime[] {
  return [...endings]
    .sort((one, other) => one.until - other.until)
    .map(({ kind, title, until }) => {
      const state = until < ruling.at ? 'over-when-judged' : until < ruling.readAt ? 'over-since' : 'holds';
      return { kind, title, until: iso(until), state, ...bearing(kind, state, ruling) };
    });
}

type Bearing = Pick<Lifetime, 'matters' | 'meaning'>;

const UNDATED: readonly string[] = ['not_anchored', 'anchor_not_checked', 'challenge_undated'];

function bearing(kind: Ending['kind'], state: LifetimeState, ruling: TimedRuling): Bearing {
  if (state === 'holds') return { matters: false, meaning: 'holds still' };
  if (state === 'over-when-judged') {
    return ruling.verdict === 'accepted'
      ? { matters: false, meaning: 'was over at the time that was judged, and no rule of the policy asks for it' }
      : { matters: true, meaning: 'was over at the time that was judged' };
  }
  return sinceThen(kind, ruling);
}

function sinceThen(kind: Ending['kind'], { purpose, verdict, code }: TimedRuling): Bearing {
  if (verdict !== 'accepted' && verdict !== 'undetermined') {
    return { matters: false, meaning: 'ended since; makes no difference: the verdict has another reason' };
  }
  if (code !== null && UNDATED.includes(code)) {
    return {
      matters: true,
      meaning: 'ended since; matters: nobody dated the evidence, so it may have been made after this had ended',
    };
  }
  if (kind === 'policy') {
    return {
      matters: true,
      meaning: 'ended since; the verdict is what it said then: ask its author whether it still stands',
    };
  }
  if (purpose === 'live') {
    return { matters: true, meaning: 'ended since; the verdict is about the time that was judged, not about today' };
  }
  return {
    matters: false,
    meaning: 'ended since; does not matter: it held when the evidence was made, and a third party dated that',
  };
}

/** The document's own greatest age counts like the end of a certificate: after it the policy takes it for old. */
export function endingsOf(shown: {
  readonly certificates: readonly ShownCertificate[];
  readonly revocationLists: readonly Uint8Array[];
  readonly madeAt: number | null;
  readonly policy: WorkerPolicy;
}): readonly Ending[] {
  const { certificates, revocationLists, madeAt, policy } = shown;
  return [
    ...certificates.map(
      ({ certificate }): Ending => ({
        kind: 'certificate',
        title: certificate.subject.commonName ?? '(no common name)',
        until: certificate.notAfter,
      }),
    ),
    ...revocationLists.flatMap(readList),
    ...(madeAt === null || policy.maxAgeSeconds === 'any'
      ? []
      : [
          {
            kind: 'evidence',
            title: 'the evidence itself, at the greatest age that the policy allows',
            until: madeAt + policy.maxAgeSeconds * 1_000,
          } as const,
        ]),
    { kind: 'policy', title: policy.name, until: policy.expires },
  ];
}

/** A list that cannot be read is named by the check that failed on it. */
function readList(list: Uint8Array): readonly Ending[] {
  try {
    const { issuer, nextUpdate } = parseRevocationList(list);
    const title = `revocation list of ${issuer.commonName ?? '(no common name)'}`;
    return [{ kind: 'revocation-list', title, until: nextUpdate }];
  } catch (error) {
    if (error instanceof VerifierError) return [];
    throw error;
  }
}

export function iso(time: number): string {
  return new Date(Math.min(Math.max(time, 0), 8_640_000_000_000_000)).toISOString();
}
