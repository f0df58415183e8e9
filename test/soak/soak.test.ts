import { expect, it } from 'vitest';
import { runSoak } from './soak.ts';
import { describeSoak, judgeSoak } from './verdict.ts';

/** One minute of `make soak`, held to the bounds of a busy machine: verdict.ts says what those are, and why they still tell. */
it('serves a steady load for a minute, a thousand slow sockets or not: nothing wrong, lost or growing', async () => {
  const report = await runSoak({ minutes: 1, onProgress: () => undefined });
  const claims = judgeSoak(report, 'busy');
  console.log(describeSoak(report, claims));
  expect(claims.filter(({ holds }) => !holds)).toEqual([]);
}, 240_000);
