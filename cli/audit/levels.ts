import type { LevelsAsked } from '../../client/audit/index.ts';
import { joinEvidence, type LevelFile, levelEvidenceOf, recogniseLevelFile } from '../../client/index.ts';
import { limits } from '../../wire/limits.ts';
import { CommandError } from '../exit-codes.ts';
import { readLevelsPolicy } from '../levels/policy.ts';
import type { LevelsWish } from './options.ts';
import { readSmallFile } from './source.ts';

/** Files are what they say they are, whichever option named them. */
export async function readLevelsAsked({ policy, required, files }: LevelsWish): Promise<LevelsAsked> {
  const shown: LevelFile[] = [];
  for (const path of files) {
    const file = recogniseLevelFile(await readSmallFile(path, limits.policyBytes));
    if (file === undefined || file.kind === 'levels-policy') {
      throw new CommandError(`${path} is no proof, circuit key, finding or approval`);
    }
    if (file.kind === 'unreadable') throw new CommandError(`${path} is no ${file.as}: ${file.detail}`);
    shown.push(file);
  }
  return { policy: await readLevelsPolicy(policy), required, evidence: joinEvidence(levelEvidenceOf(shown)) };
}
