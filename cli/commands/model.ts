import { exitCode, UsageError } from '../exit-codes.ts';
import type { Command, CommandContext } from './context.ts';

/** In `proofmark --help`; what each command takes stands behind `proofmark model --help`. */
export const modelUsage = `proofmark model COMMAND ...
  Releases of models: written and checked in a folder, published to a hub, pulled from it, and tried in an attested
  worker. See proofmark model --help.`;

interface ModelCommand {
  readonly usage: string;
  /** On demand: some need optional packages, and none needs those of another. */
  readonly load: () => Promise<Command>;
}

const commands: Readonly<Record<string, ModelCommand>> = {};

const modelHelp = (): string =>
  ['What can be done with a release of a model.', ...Object.values(commands).map(({ usage }) => usage), ''].join(
    '\n\n',
  );

export async function model(context: CommandContext): Promise<number> {
  const [name, ...args] = context.args;
  const found = name !== undefined && Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (found !== undefined && args.includes('--help')) {
    context.write(`${found.usage}\n`);
    return exitCode.accepted;
  }
  if (name === undefined || name === 'help' || name === '--help') {
    context.write(modelHelp());
    return name === undefined ? exitCode.usage : exitCode.accepted;
  }
  if (found === undefined) throw new UsageError(`no command "model ${name}"; see proofmark model --help`);
  const command = await found.load();
  return command({ ...context, args });
}
