import { describe, expect, it } from 'vitest';
import { LinkError, type LinkErrorCode, WorkerRefusedError } from '../../host/errors.ts';
import { createBudget } from '../../host/http/budget.ts';
import { explanations, HttpError, hostErrorCode } from '../../host/http/errors.ts';
import { createTokenBucket } from '../../host/http/rate.ts';
import { JournalError, type JournalErrorCode } from '../../host/journal/index.ts';
import { workerRefusals } from '../../wire/message/link.ts';

describe('bounds', () => {
  it('a token bucket gives its burst, then its rate, and never saves more than its burst', () => {
    let now = 0;
    const bucket = createTokenBucket({ burst: 3, perSecond: 2, now: () => now });
    const take = (count: number): boolean[] => Array.from({ length: count }, () => bucket.take());
    expect(take(4)).toEqual([true, true, true, false]);
    now += 500;
    expect(take(2)).toEqual([true, false]);
    now += 3_600_000;
    expect(take(4)).toEqual([true, true, true, false]);
  });

  it('a budget refuses what does not fit, counts what exists, and takes it back', () => {
    const budget = createBudget(10);
    expect([budget.take(6), budget.take(5), budget.take(4)]).toEqual([true, false, true]);
    budget.give(10);
    budget.add(25);
    expect(budget.take(1)).toBe(false);
    budget.give(25);
    expect([budget.held, budget.take(10)]).toEqual([0, true]);
  });
});

describe('every error has a code of the host', () => {
  const links: readonly (readonly [LinkErrorCode, string])[] = [
    ['worker_unreachable', 'worker_unreachable'],
    ['worker_unknown', 'worker_unknown'],
    ['session_unknown', 'session_unknown'],
    ['worker_lost', 'worker_lost'],
    ['worker_refused', 'worker_refused'],
    ['worker_timeout', 'worker_timeout'],
    ['worker_protocol', 'worker_protocol'],
    ['busy', 'busy'],
    ['journal_unavailable', 'journal_unavailable'],
    ['cancelled', 'request_timeout'],
    ['link_closed', 'shutting_down'],
  ];
  it.each(links)('link %s is %s', (code, expected) => {
    expect(hostErrorCode(new LinkError(code, ''))).toBe(expected);
  });

  const journals: readonly (readonly [JournalErrorCode, string])[] = [
    ['journal_conflict', 'journal_unavailable'],
    ['journal_gap', 'journal_unavailable'],
    ['journal_invalid', 'journal_unavailable'],
    ['journal_full', 'journal_unavailable'],
    ['journal_failed', 'journal_unavailable'],
    ['journal_closed', 'shutting_down'],
    ['log_unknown', 'log_unknown'],
    ['receipt_unknown', 'receipt_unknown'],
    ['size_unknown', 'size_unknown'],
  ];
  it.each(journals)('journal %s is %s', (code, expected) => {
    expect(hostErrorCode(new JournalError(code, ''))).toBe(expected);
  });

  it.each(workerRefusals)('a worker that refuses with %s is explained', (code) => {
    expect(explanations[hostErrorCode(new WorkerRefusedError(code, ''))].status).toBeGreaterThanOrEqual(400);
  });

  it('what is not foreseen is internal, and says nothing', () => {
    expect(hostErrorCode(new HttpError('busy'))).toBe('busy');
    expect(hostErrorCode(Object.assign(new URIError('x'), { status: 400 }))).toBe('request_invalid');
    expect(hostErrorCode(Object.assign(new RangeError('x'), { status: 500 }))).toBe('internal');
    for (const thrown of [new TypeError('x'), undefined, null, 'text']) expect(hostErrorCode(thrown)).toBe('internal');
  });
});
