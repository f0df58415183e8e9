import { ClientError } from '../../client/errors.ts';
import { type LevelsPolicy, parseLevelsPolicy, usualLevelsPolicy } from '../../client/index.ts';
import { limits } from '../../wire/limits.ts';
import { readSmallFile } from '../audit/source.ts';
import { CommandError } from '../exit-codes.ts';

/** The person's own, or the one that names nobody. */
export async function readLevelsPolicy(path: string | undefined): Promise<LevelsPolicy> {
  if (path === undefined) return usualLevelsPolicy;
  const bytes = await readSmallFile(path, limits.policyBytes);
  try {
    return parseLevelsPolicy(bytes);
  } catch (error) {
    if (!(error instanceof ClientError)) throw error;
    throw new CommandError(`${path}: ${error.message}`, { cause: error });
  }
}
