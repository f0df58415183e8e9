import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { textsOf } from '../../cli/commands/row.ts';
import { commandTable } from '../../cli/commands/table.ts';
import { exitCode, exitCodeLines } from '../../cli/exit-codes.ts';
import { command } from '../support/command.ts';
import { commandsPage, PAGE } from './commands-page/page.ts';

describe('the texts of the commands', () => {
  it('are what docs/commands.md prints (`npx tsx test/cli/commands-page/main.ts` writes it)', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(commandsPage());
  });

  it('begin with the command, and all of them are in `proofmark help --all`', async () => {
    const { out } = await command('help', '--all');
    for (const row of commandTable) {
      for (const text of textsOf(row)) {
        expect(text).toMatch(new RegExp(`^proofmark ${row.name}\\b`));
        expect(out).toContain(text);
      }
    }
  });

  it('end with the meaning of every exit code', async () => {
    const { out } = await command('--help');
    const end = out.slice(out.indexOf('\nExit codes\n'));
    expect(exitCodeLines()).toHaveLength(Object.keys(exitCode).length);
    for (const [name, code] of Object.entries(exitCode)) {
      expect(end).toMatch(new RegExp(`^ +${code} +${name} +\\S+`, 'm'));
    }
    for (const line of exitCodeLines()) expect(line.length).toBeLessThanOrEqual(128);
  });
});
