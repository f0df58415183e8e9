import { cpus } from 'node:os';
import type { StepRun } from '../commands/run-page.ts';
import { code, table } from '../markers.ts';

export const PATH_PAGE = 'docs/strangers-path.md';

const MEASURED = /<!-- measured: path -->\n[\s\S]*?<!-- end measured -->/;

/** Puts what was measured into the page; whoever measures again writes over it. */
export function withMeasured(page: string, text: string): string {
  if (!MEASURED.test(page)) throw new Error(`${PATH_PAGE} has no place for what is measured`);
  return page.replace(MEASURED, () => `<!-- measured: path -->\n${text}\n<!-- end measured -->`);
}

export function measuredText(done: readonly StepRun[], date: Date): string {
  const rows = done.map(({ command, ms }) => [code(shortened(command)), (ms / 1_000).toFixed(1)]);
  const total = done.reduce((sum, { ms }) => sum + ms, 0);
  const machine = `${cpus().length} cores of ${cpus()[0]?.model ?? 'an unknown processor'}, Node ${process.versions.node}`;
  return [
    `Written by \`npx tsx test/docs/path/write.ts\` on ${date.toISOString().slice(0, 10)}, on ${machine}, from a checkout whose ` +
      'packages were installed. It is one run on one machine, on which other work ran as well.',
    '',
    table(['command', 'seconds'], [...rows, ['all of it', (total / 1_000).toFixed(1)]]),
  ].join('\n');
}

const SHOWN = 72;

export function shortened(command: string): string {
  const line = command.split('\n')[0] as string;
  return line.length <= SHOWN ? line : `${line.slice(0, SHOWN)}…`;
}
