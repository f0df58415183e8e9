import { expect, it } from 'vitest';
import { runSoak } from './soak.ts';
import { describeSoak, judgeSoak } from './verdict.ts';

/**
 * One minute of `make soak`. The p99 that is compared is the median of the p99 of every second, calm and besieged seconds
 * in turn, and has 100 ms of room: other tests on the same cores lengthen some seconds, while a host that waits for slow
 * sockets would lengthen all of them, by seconds.
 */
it('serves a steady load for a minute, a thousand slow sockets or not: nothing wrong, lost or growing', async () => {
  const report = await runSoak({ minutes: 1, onProgress: () => undefined });
  const claims = judgeSoak(report, 'busy');
  console.log(describeSoak(report, claims));
  expect(claims.filter(({ holds }) => !holds)).toEqual([]);
}, 240_000);
