import { HubOptionError, hubOptionNames, hubUsage, readHubOptions } from '../../host/hub/options.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { isUnknownOption, optionFault, withoutJson } from './arguments.ts';
import type { CommandContext } from './context.ts';

export { hubUsage };

export async function hub(context: CommandContext): Promise<number> {
  try {
    // Its events are lines of JSON as they are.
    const settings = readHubOptions(withoutJson(context.args), process.env);
    const { serveHubUntilStopped } = await import('../../host/hub/serve.ts');
    await serveHubUntilStopped(settings, context.write);
    return exitCode.accepted;
  } catch (error) {
    if (!(error instanceof HubOptionError)) throw error;
    throw new UsageError(isUnknownOption(error.cause) ? optionFault(error.cause, hubOptionNames) : error.message);
  }
}
