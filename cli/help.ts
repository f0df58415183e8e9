import { type CommandRow, tasks, textsOf } from './commands/row.ts';
import { exitCodeLines, UsageError } from './exit-codes.ts';
import { globalOptionsText } from './global-options.ts';
import { didYouMean } from './nearest.ts';

export const PURPOSE = 'Proofmark: check which code ran which model on which input.';

/** All commands, by what somebody wants to get done. */
export function overview(table: readonly CommandRow[]): string {
  const width = Math.max(...table.map(({ name }) => name.length));
  const groups = Object.entries(tasks).flatMap(([task, title]) => {
    const lines = table
      .filter((row) => row.task === task)
      .map(({ name, summary }) => `  proofmark ${name.padEnd(width)}  ${summary}`);
    return lines.length === 0 ? [] : [[title, ...lines].join('\n')];
  });
  const options = globalOptionsText.map(([option, meaning]) => `  ${option.padEnd(width + 10)}  ${meaning}`);
  const parts = [
    PURPOSE,
    ...groups,
    ['Every command takes', ...options].join('\n'),
    ['Exit codes', ...exitCodeLines().map((line) => `  ${line}`)].join('\n'),
    'More: proofmark help COMMAND, or proofmark help --all for every text.',
  ];
  return `${parts.join('\n\n')}\n`;
}

/** What one command says of itself, and nothing of others. */
export function commandHelp(row: CommandRow, word: string | undefined): string {
  const { commands } = row;
  const one =
    commands !== undefined && word !== undefined && Object.hasOwn(commands, word) ? commands[word] : undefined;
  return `${one === undefined ? textsOf(row).join('\n\n') : one.usage}\n`;
}

export function allTexts(table: readonly CommandRow[]): string {
  return `${[overview(table).trimEnd(), ...table.flatMap(textsOf)].join('\n\n')}\n`;
}

export function rowNamed(table: readonly CommandRow[], name: string): CommandRow {
  const found = table.find((row) => row.name === name);
  if (found !== undefined) return found;
  const names = table.map((row) => row.name);
  throw new UsageError(`no command "${name}"${didYouMean(name, names)}; see proofmark --help`);
}
