import { StartError } from '../../host/errors.ts';
import { readOptions } from '../../host/options/read.ts';
import { optionTable } from '../../host/options/table.ts';
import { serveUntilStopped } from '../../host/serve.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { isUnknownOption, optionFault, withoutJson } from './arguments.ts';
import type { CommandContext } from './context.ts';

const names = optionTable.map(({ name }) => name);

export async function host(context: CommandContext): Promise<number> {
  try {
    // Its events are lines of JSON as they are.
    await serveUntilStopped(readOptions(withoutJson(context.args), process.env));
    return exitCode.accepted;
  } catch (error) {
    if (!(error instanceof StartError) || error.code !== 'arguments_invalid') throw error;
    throw new UsageError(isUnknownOption(error.cause) ? optionFault(error.cause, names) : error.message);
  }
}
