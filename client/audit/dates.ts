import type { Check, WorkerPolicy } from '../../verifier/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import {
  type ChallengeDate,
  type Cosigned,
  decodeCosignedChallenge,
  decodeCosignedHead,
  type HeadDate,
  isCosignedChallenge,
} from '../../wire/message/anchor.ts';
import type { Archive, TimeAnchor } from '../../wire/message/archive.ts';
import type { DateWord } from './report.ts';
import { haveAllPassed } from './standing.ts';
import { iso } from './times.ts';
import { readable } from './worker-claims.ts';

interface Asked {
  readonly checks: readonly Check[];
  readonly policy: WorkerPolicy;
  readonly purpose: 'live' | 'archive';
}

const NITRO_SIGNATURE = 'N7';

/** Only Nitro's documents carry a time. */
export function documentDate(madeAt: number | null, checks: readonly Check[]): DateWord {
  if (madeAt === null) {
    return {
      of: 'document',
      at: null,
      by: 'nobody',
      counts: false,
      meaning: 'a report carries no time; it is younger than the challenge that it answers, and no more is known',
    };
  }
  const signed = haveAllPassed(checks, [NITRO_SIGNATURE]);
  return {
    of: 'document',
    at: iso(madeAt),
    by: 'the hardware itself',
    counts: signed,
    meaning: signed
      ? 'its own clock, signed with the rest; no third party confirms it'
      : 'read from the bytes, unproven',
  };
}

/** Everybody who said something about time in a saved answer. */
export function archiveDates({ anchors, challenge }: Archive, asked: Asked): readonly DateWord[] {
  const cosigned =
    challenge.preimage !== null && isCosignedChallenge(challenge.preimage)
      ? readable(() => decodeCosignedChallenge(Uint8Array.from(challenge.preimage as Uint8Array)))
      : null;
  const heads = anchors.map((anchor) => headDate(anchor, asked));
  return [
    ...(cosigned === null ? [] : [challengeDate(cosigned, asked)]),
    ...(heads.length > 0 ? heads : [UNDATED_HEAD]),
  ];
}

const UNDATED_HEAD: DateWord = {
  of: 'head',
  at: null,
  by: 'nobody',
  counts: false,
  meaning: 'nobody dated the head: by this file alone it may have been made at any time since the document',
};

function challengeDate(cosigned: Cosigned<ChallengeDate>, asked: Asked): DateWord {
  return { of: 'challenge', ...cosignature(cosigned, asked, { ids: ['D3'], purposes: ['live', 'archive'] }) };
}

function headDate({ kind, evidence }: TimeAnchor, asked: Asked): DateWord {
  const cosigned = kind === 'cosignature' ? readable(() => decodeCosignedHead(Uint8Array.from(evidence))) : null;
  if (cosigned !== null) {
    return { of: 'head', ...cosignature(cosigned, asked, { ids: ['D1', 'D2'], purposes: ['archive'] }) };
  }
  const meaning =
    kind === 'cosignature' ? 'its words cannot be read' : 'anchors of this kind are not checked by this version';
  return { of: 'head', at: null, by: kind, counts: false, meaning };
}

function cosignature(
  { statement, cosigner }: Cosigned<HeadDate | ChallengeDate>,
  { checks, policy, purpose }: Asked,
  rule: { readonly ids: readonly string[]; readonly purposes: readonly Asked['purpose'][] },
): Omit<DateWord, 'of'> {
  const { anchors } = policy;
  const named = anchors !== 'none' && anchors.cosigners.some((one) => equalBytes(one, cosigner));
  const counts = named && rule.purposes.includes(purpose) && haveAllPassed(checks, rule.ids);
  const meaning =
    anchors === 'none'
      ? 'the policy takes nobody’s word about time'
      : !named
        ? 'the policy does not name this cosigner, so its word was not taken'
        : !rule.purposes.includes(purpose)
          ? 'not needed: everything was judged at one given time'
          : counts
            ? 'the policy names this cosigner, and its signature holds'
            : 'the policy names this cosigner, and its word does not hold: see the failed check';
  return { at: iso(Number(statement.time) * 1_000), by: `cosigner ${toHex(cosigner)}`, counts, meaning };
}
