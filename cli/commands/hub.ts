import { HubOptionError, hubUsage, readHubOptions } from '../../host/hub/options.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import type { CommandContext } from './context.ts';

export { hubUsage };

export async function hub(context: CommandContext): Promise<number> {
  try {
    const settings = readHubOptions(context.args, process.env);
    const { serveHubUntilStopped } = await import('../../host/hub/serve.ts');
    await serveHubUntilStopped(settings, context.write);
    return exitCode.accepted;
  } catch (error) {
    if (error instanceof HubOptionError) throw new UsageError(error.message);
    throw error;
  }
}
