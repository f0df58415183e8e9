import { ClientError } from '../../../../../client/errors.ts';
import { type Lookup, type Lookups, lookUpReceipts } from '../../../../../client/receipts/lookup.ts';
import type { Asker } from '../../../../../client/receipts/prove-worker.ts';
import type { Check } from '../../../../../verifier/index.ts';

export type OriginOnly = Extract<Lookup, { readonly verdict: 'origin-only' }>;

/** A host's own words for what it does not have, in a person's. */
const ABSENCES: Readonly<Record<string, string>> = {
  receipt_unknown: 'the host has no receipt of this request id: it may never have had one, or show none',
  not_found: 'the host has no receipt of this request id: it may never have had one, or show none',
  receipt_dropped: 'the host had a receipt of this request id and keeps it no longer; whoever saved it has it',
};

export async function lookUpOrExplain(asker: Asker, requestId: Uint8Array): Promise<Lookups> {
  try {
    return await lookUpReceipts(asker, requestId);
  } catch (error) {
    if (!(error instanceof ClientError) || error.code !== 'host_error') throw error;
    const words = Object.hasOwn(ABSENCES, error.reason) ? ABSENCES[error.reason] : undefined;
    throw words === undefined ? error : new ClientError('host_error', words, { reason: error.reason });
  }
}

/** The sentences above several receipts of one number, or of an unknown count. */
export function countWords({ found, dropped, counted }: Lookups): readonly string[] {
  const all = found.length + dropped;
  return [
    ...(all > 1 ? [`The request id was used ${all} times: ${found.length} shown, ${dropped} no longer kept.`] : []),
    ...(counted === 'unknown' ? ['The host does not say how many receipts it has for this request id.'] : []),
  ];
}

export interface Steps {
  readonly head: readonly Check[];
  readonly inclusion: readonly Check[];
  readonly others: readonly Check[];
}

const HEAD = ['R0', 'R1', 'R2', 'R3'];
const INCLUSION = ['R4'];

/** The checks of a receipt by what they are about. */
export function stepsOf({ checks }: OriginOnly): Steps {
  const of = (ids: readonly string[]): readonly Check[] => checks.filter(({ id }) => ids.includes(id));
  return {
    head: of(HEAD),
    inclusion: of(INCLUSION),
    others: checks.filter(({ id }) => ![...HEAD, ...INCLUSION].includes(id)),
  };
}

/** What a person must not take from a receipt alone. */
export const WITHOUT_PAYLOAD: readonly string[] = [
  'What was asked and answered: the receipt has their hashes, which say nothing without header, salt and bodies.',
  'That there is no other receipt: a request id can be used twice, and a host shows of them what it wants to.',
];
