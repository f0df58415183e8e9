import { readOptions } from '../../host/arguments.ts';
import { StartError } from '../../host/errors.ts';
import { serveUntilStopped } from '../../host/serve.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import type { CommandContext } from './context.ts';

export async function host(context: CommandContext): Promise<number> {
  try {
    await serveUntilStopped(readOptions(context.args));
    return exitCode.accepted;
  } catch (error) {
    if (error instanceof StartError && error.code === 'arguments_invalid') throw new UsageError(error.message);
    throw error;
  }
}
