import { type CommandRow, tasks, textsOf } from '../../../cli/commands/row.ts';
import { commandTable } from '../../../cli/commands/table.ts';
import { exitCodeLines } from '../../../cli/exit-codes.ts';
import { globalOptionsText } from '../../../cli/global-options.ts';
import { PURPOSE } from '../../../cli/help.ts';

export const PAGE: URL = new URL('../../../docs/commands.md', import.meta.url);

/** docs/commands.md: what the commands say of themselves, and nothing that they do not. */
export function commandsPage(): string {
  const groups = Object.entries(tasks).map(([task, title]) => ({
    title,
    rows: commandTable.filter((row) => row.task === task),
  }));
  const parts = [
    '# Commands',
    `${PURPOSE} This page is written from the commands' own texts by \`npx tsx test/cli/commands-page/main.ts\`.`,
    groups.map(({ title, rows }) => table(title, rows)).join('\n\n'),
    '## What every command takes',
    [
      '| option | meaning |',
      '|---|---|',
      ...globalOptionsText.map(([option, meaning]) => `| \`${option}\` | ${inCell(meaning)} |`),
    ].join('\n'),
    'The form of an error with `--json`: attestations/schemas/proofmark-error.schema.json. Progress goes to the error stream: one line that is drawn again on a terminal, a line for each step elsewhere.',
    '## Exit codes',
    'A verdict about evidence has a code of its own, so that a script need not read text.',
    fenced(exitCodeLines().join('\n')),
    ...groups.flatMap(({ rows }) => rows.flatMap((row) => [`## proofmark ${row.name}`, ...textsOf(row).map(fenced)])),
  ];
  return `${parts.join('\n\n')}\n`;
}

function table(title: string, rows: readonly CommandRow[]): string {
  const lines = rows.map(({ name, summary }) => `| [\`proofmark ${name}\`](#proofmark-${name}) | ${inCell(summary)} |`);
  return [`**${title}**`, '', '| | |', '|---|---|', ...lines].join('\n');
}

function inCell(text: string): string {
  return text.replaceAll('|', '\\|');
}

function fenced(text: string): string {
  return ['```text', text, '```'].join('\n');
}
