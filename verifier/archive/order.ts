import type { RefusedCode } from '../errors.ts';
import type { AnchorRules } from '../policy/readers.ts';
import type { Check } from '../result.ts';
import type { CheckName } from '../rules.ts';
import type { WorkerFacts } from '../worker/facts.ts';
import type { Dated, Dates } from './dates.ts';

/** DESIGN section 4: document time <= anchor <= document time + the policy's maximum age of a key. */
const afterDocument: CheckName = {
  id: 'D4',
  title: 'the head was dated after the document was made that proves its key',
};
const keyAge: CheckName = { id: 'D5', title: 'it was dated before the key was too old' };

export const orderChecks: readonly CheckName[] = [afterDocument, keyAge];

export interface OrderReport {
  readonly checks: readonly Check[];
  readonly code: RefusedCode | null;
  /** null where nobody's word bounds both of them. */
  readonly times: { readonly anchor: Dated; readonly documentTime: number } | null;
}

export function orderOfTimes(archive: {
  readonly worker: WorkerFacts;
  readonly purpose: { readonly kind: 'live' | 'archive' };
  readonly dates: Dates;
}): OrderReport {
  const { worker, purpose, dates } = archive;
  const { anchors } = worker.policy;
  if (purpose.kind === 'live') return withoutTimes('not-asked', 'everything is judged at one time, which is given');
  if (anchors === 'none') return withoutTimes('not-asked', 'the policy takes nobody’s word');
  const { documentTime, skew } = timeOfDocument(worker, dates);
  if (dates.head === null || documentTime === null) return withoutTimes('not-reached', 'nobody dated both of them');
  return judge({ anchor: dates.head, documentTime, skew, anchors });
}

function withoutTimes(outcome: 'not-asked' | 'not-reached', detail: string): OrderReport {
  return { checks: orderChecks.map(({ id, title }) => ({ id, title, outcome, detail })), code: null, times: null };
}

/** A report was made after its challenge: the key is at most as old as that says. */
function timeOfDocument(
  worker: WorkerFacts,
  { challenge }: Dates,
): { readonly documentTime: number | null; readonly skew: number } {
  if (worker.tee === 'amd-sev-snp') return { documentTime: challenge?.time ?? null, skew: 0 };
  return { documentTime: worker.attestation.timestamp, skew: worker.policy.futureSkewSeconds * 1_000 };
}

/** A cosigner counts in seconds: what it saw existed before the end of the one that it wrote. */
const SECOND = 1_000;

function judge(times: {
  readonly anchor: Dated;
  readonly documentTime: number;
  readonly skew: number;
  readonly anchors: AnchorRules;
}): OrderReport {
  const { anchor, documentTime, skew, anchors } = times;
  const isAfter = documentTime - skew < anchor.time + SECOND;
  const age = anchor.time - documentTime;
  const isYoung = age <= anchors.maxKeyAgeSeconds * SECOND;
  const detail = `made ${iso(documentTime)}, dated ${iso(anchor.time)}`;
  const ages = `${Math.max(0, Math.floor(age / SECOND))} s, ${anchors.maxKeyAgeSeconds} s allowed`;
  return {
    checks: [
      { ...afterDocument, outcome: isAfter ? 'passed' : 'failed', detail },
      { ...keyAge, outcome: isYoung ? 'passed' : 'failed', detail: ages },
    ],
    code: isAfter ? (isYoung ? null : 'key_too_old') : 'anchor_before_document',
    times: { anchor, documentTime },
  };
}

function iso(time: number): string {
  return new Date(time).toISOString();
}
