import { describe, expect, it } from 'vitest';
import { ClientError } from '../../../../client/index.ts';
import { explain } from '../../../../host/console/page/parts/explain.ts';
import { countWords, durationWords, plainText, timeWords } from '../../../../host/console/page/parts/words.ts';
import { rateWords, secondsWords } from '../../../../host/console/page/views/overview/words.ts';

describe('words of the console', () => {
  it.each([
    [-5, '0 s'],
    [999, '0 s'],
    [59_000, '59 s'],
    [60_000, '1 min 0 s'],
    [7_500_000, '2 h 5 min'],
    [90_000_000, '1 d 1 h'],
  ])('%d ms last %s', (ms, words) => {
    expect(durationWords(ms)).toBe(words);
  });

  it('counts in groups, and tells times in UTC', () => {
    expect(countWords(1_234_567)).toBe('1\u2009234\u2009567');
    expect(countWords(999n)).toBe('999');
    expect(timeWords(0)).toBe('1970-01-01 00:00:00 UTC');
  });

  it('tells rates and times with the digits that mean something', () => {
    expect([0, 0.4, 1.26, 12.4].map(rateWords)).toEqual(['0.0/s', '0.40/s', '1.3/s', '12/s']);
    expect([0, 0.0042, 0.25, 1.5, 30].map(secondsWords)).toEqual(['0 ms', '4.2 ms', '250 ms', '1.5 s', '30 s']);
  });

  it('lets no text of a stranger rearrange the page', () => {
    expect(plainText('a\u202eb\u0000c')).toBe('a\ufffdb\ufffdc');
  });

  it('explains an error by its code, its reason and what to do', () => {
    const error = new ClientError('evidence_refused', 'no', { reason: 'image_refused', verdict: { checks: [] } });
    expect(explain(error)).toMatchObject({
      code: 'evidence_refused',
      reason: 'image_refused',
      action: 'stop-trusting',
      checks: [],
    });
    expect(explain(new TypeError('bug'))).toMatchObject({ code: 'unexpected', message: 'bug', action: undefined });
  });
});
