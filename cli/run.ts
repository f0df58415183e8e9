import type { CommandContext } from './commands/context.ts';
import { commandTable } from './commands/table.ts';
import { exitCode, UsageError } from './exit-codes.ts';
import { explain } from './failures.ts';
import { type GlobalOptions, readGlobalOptions } from './global-options.ts';
import { allTexts, commandHelp, overview, rowNamed } from './help.ts';
import { jsonLine, printable } from './report.ts';
import { programVersion } from './version.ts';

/** What is outside of the program; what the command line makes of it, `run` adds. */
export type Outside = Omit<CommandContext, 'progress'>;

/** One command line from start to exit code. Whatever goes wrong ends in one line, never in a stack. */
export async function run(outside: Outside): Promise<number> {
  let form: GlobalOptions['form'] = outside.args.includes('--json') ? 'json' : 'text';
  try {
    const options = readGlobalOptions(outside.args);
    form = options.form;
    return await dispatch(contextOf(outside, options), options);
  } catch (error) {
    const { code, exit, message } = explain(error);
    if (form === 'json') outside.write(jsonLine(JSON.stringify({ error: { code, message }, exit })));
    else outside.warn(`proofmark: ${printable(message)}\n`);
    return exit;
  }
}

function contextOf(outside: Outside, { args, colours, form, quiet }: GlobalOptions): CommandContext {
  const style = colours === 'auto' ? outside.style : { colours: colours === 'always' };
  const progress = form === 'json' || quiet === 'quiet' ? 'none' : 'shown';
  return { ...outside, args, style, progress };
}

async function dispatch(context: CommandContext, { help }: GlobalOptions): Promise<number> {
  const [name, ...args] = context.args;
  if (name === 'help') return explainCommands(context, args);
  if (name === '--version') return tellVersion(context, args);
  if (name === undefined || name === '--json') {
    context.write(overview(commandTable));
    return help === 'asked' ? exitCode.accepted : exitCode.usage;
  }
  const row = rowNamed(commandTable, name);
  // A family's own word for it as well: `proofmark model help`.
  const asked = help === 'asked' || (row.commands !== undefined && args[0] === 'help');
  if (asked || (row.commands !== undefined && args.length === 0)) {
    context.write(commandHelp(row, args[0]));
    return asked ? exitCode.accepted : exitCode.usage;
  }
  const command = await row.load();
  return command({ ...context, args });
}

function explainCommands(context: CommandContext, words: readonly string[]): number {
  const [name, word] = words;
  if (name === undefined) context.write(overview(commandTable));
  else if (name === '--all') context.write(allTexts(commandTable));
  else context.write(commandHelp(rowNamed(commandTable, name), word));
  return exitCode.accepted;
}

function tellVersion(context: CommandContext, words: readonly string[]): number {
  const [more] = words.filter((word) => word !== '--json');
  if (more !== undefined) throw new UsageError('--version stands alone');
  const version = programVersion();
  context.write(words.length > 0 ? jsonLine(JSON.stringify({ name: 'proofmark', version })) : `${version}\n`);
  return exitCode.accepted;
}
