import { expect, it } from 'vitest';
import * as product from '../../verifier/index.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { uintWord } from '../../wire/words.ts';
import { answerPolicy } from '../support/accept-answer.ts';
import { ANSWERED, answer } from '../support/answer.ts';
import { loadSwitchedVerifier } from './removal-bundle.ts';

/** Once the check is gone, an archive passes whose receipt commits to what nobody can say: nothing else stands behind it. */
it('a verifier without K1 takes a commitment that means nothing', async () => {
  const switched = (await loadSwitchedVerifier([])) as Awaited<ReturnType<typeof loadSwitchedVerifier>> &
    typeof product;
  const { archive } = answer({ receipt: { commitment: uintWord(7n) } });
  const judge = async ({ parseWorkerPolicy, verifyArchive }: typeof product): Promise<string> => {
    const policy = parseWorkerPolicy(answerPolicy());
    const purpose = { kind: 'live', now: ANSWERED } as const;
    const verdict = await verifyArchive(archive, { policy, purpose, suite: nodeSuite, cache: 'none' });
    return 'code' in verdict ? verdict.code : verdict.verdict;
  };
  expect(await judge(product)).toBe('commitment_mismatch');
  expect(await judge(switched)).toBe('commitment_mismatch');
  switched.removal.ids = ['K1'];
  expect(await judge(switched)).toBe('accepted');
});
