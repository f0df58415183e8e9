import { StartError } from '../../host/errors.ts';
import { readOptions } from '../../host/options/read.ts';
import { helpText } from '../../host/options/table.ts';
import { serveUntilStopped } from '../../host/serve.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import type { CommandContext } from './context.ts';

export async function host(context: CommandContext): Promise<number> {
  if (context.args.includes('--help')) {
    context.write(helpText());
    return exitCode.accepted;
  }
  try {
    await serveUntilStopped(readOptions(context.args, process.env));
    return exitCode.accepted;
  } catch (error) {
    if (error instanceof StartError && error.code === 'arguments_invalid') throw new UsageError(error.message);
    throw error;
  }
}
