import type { HostEvent } from '../errors.ts';
import { createCounter } from './instruments.ts';
import type { Family } from './text.ts';

/** Counts what the log has lines for, so that an alarm needs no log. */
export interface EventCounters {
  count(event: HostEvent): void;
  readonly families: readonly Family[];
}

export function createEventCounters(): EventCounters {
  const events = createCounter('proofmark_events_total', 'Events of the host, by name; the log says more about each.');
  const transactions = createCounter('proofmark_transactions_total', 'Transactions that were mined, by what they did.');
  const findings = createCounter('proofmark_findings_total', 'Findings of named auditors, by what they found.');
  return {
    count(event) {
      events.add({ event: event.event });
      if (event.event === 'transaction') transactions.add({ what: event.what });
      if (event.event === 'finding') findings.add({ verdict: event.verdict });
    },
    get families() {
      return [events.family, transactions.family, findings.family];
    },
  };
}
