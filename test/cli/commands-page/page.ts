import { modelUsages } from '../../../cli/commands/model.ts';
import { exitCodeLines } from '../../../cli/exit-codes.ts';
import { PURPOSE, usages } from '../../../cli/usage.ts';

export const PAGE: URL = new URL('../../../docs/commands.md', import.meta.url);

/** docs/commands.md: what the commands say of themselves, and nothing that they do not. */
export function commandsPage(): string {
  const sections = Object.entries(usages).flatMap(([name, usage]) => [
    `## proofmark ${name}`,
    fenced(usage),
    ...(name === 'model' ? modelUsages().map(fenced) : []),
  ]);
  const parts = [
    '# Commands',
    `${PURPOSE} This page is written from the commands' own texts by \`npx tsx test/cli/commands-page/main.ts\`.`,
    '## Exit codes',
    'A verdict about evidence has a code of its own, so that a script need not read text.',
    fenced(exitCodeLines().join('\n')),
    ...sections,
  ];
  return `${parts.join('\n\n')}\n`;
}

function fenced(text: string): string {
  return ['```text', text, '```'].join('\n');
}
