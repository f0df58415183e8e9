import { readFile } from 'node:fs/promises';
import { parseWorkerPolicy, VerifierError, type WorkerPolicy } from '../../verifier/index.ts';
import { CommandError, UsageError } from '../exit-codes.ts';

/** There is no default policy that accepts an image: which code to trust is for the person who asks. */
export async function readPolicy(path: string | undefined): Promise<WorkerPolicy> {
  if (path === undefined) {
    throw new UsageError('--policy FILE is required: it says which images, configurations and publishers you accept');
  }
  try {
    return parseWorkerPolicy(Uint8Array.from(await readFile(path)));
  } catch (error) {
    if (error instanceof VerifierError) throw new CommandError(`${path}: ${error.message}`);
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}
