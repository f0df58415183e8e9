import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { exitCode, exitCodeLines } from '../../cli/exit-codes.ts';
import { usages } from '../../cli/usage.ts';
import { command } from '../support/command.ts';
import { commandsPage, PAGE } from './commands-page/page.ts';

describe('the texts of the commands', () => {
  it('are what docs/commands.md prints (`npx tsx test/cli/commands-page/main.ts` writes it)', () => {
    expect(readFileSync(PAGE, 'utf8')).toBe(commandsPage());
  });

  it('have one for every command that there is, and none for another', async () => {
    const { out } = await command('--help');
    for (const [name, usage] of Object.entries(usages)) {
      expect(usage).toMatch(new RegExp(`^proofmark ${name}\\b`));
      expect(out).toContain(usage);
      const { err } = await command(name, '--no-such-option');
      expect(err).not.toContain(`no command "${name}"`);
    }
    const program = readFileSync(new URL('../../cli/run.ts', import.meta.url), 'utf8');
    const table = /const commands: [^=]+=> Promise<Command>>> = \{\n(.*?)\n\};/s.exec(program)?.[1] ?? '';
    const names = [...table.matchAll(/^ {2}(\w+): /gm)].map(([, name]) => name);
    expect(names.sort()).toEqual(Object.keys(usages).sort());
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
