import { spawnSync } from 'node:child_process';
import { describe, expect, it } from 'vitest';
import { commandTable } from '../../../cli/commands/table.ts';
import { command } from '../../support/command.ts';

async function scriptFor(shell: string): Promise<string> {
  const { code, out, err } = await command('completion', shell);
  expect({ code, err }).toEqual({ code: 0, err: '' });
  return out;
}

/** What bash offers for the last of these words. */
function offered(script: string, ...words: readonly string[]): readonly string[] {
  const line = `${script}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _proofmark; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { status, stdout } = spawnSync('bash', ['--norc', '-c', line], { encoding: 'utf8', cwd: '/proc/sys' });
  expect(status).toBe(0);
  return stdout.split('\n').filter((word) => word !== '');
}

describe('completion', () => {
  it.each(['bash', 'zsh', 'fish'])('knows every command: %s', async (shell) => {
    const script = await scriptFor(shell);
    for (const { name } of commandTable) expect(script).toContain(` ${name}`);
  });

  it('offers commands, their words, and their options', async () => {
    const script = await scriptFor('bash');
    expect(offered(script, 'proofmark', 'do')).toEqual(['doctor']);
    expect(offered(script, 'proofmark', 'model', 'pu')).toEqual(['publish', 'pull']);
    expect(offered(script, 'proofmark', 'model', 'ya')).toEqual(['yank']);
    expect(offered(script, 'proofmark', 'infer', 'http://x', '--po')).toEqual(['--policy']);
    expect(offered(script, 'proofmark', 'infer', '--colo')).toEqual(['--color']);
    expect(offered(script, 'proofmark', 'nothing', '--po')).toEqual([]);
  });

  it('is a script that the shell reads', async () => {
    for (const shell of ['bash', 'zsh', 'fish']) {
      const { status, error } = spawnSync(shell, ['-n'], { input: await scriptFor(shell) });
      if (error === undefined) expect([shell, status]).toEqual([shell, 0]);
    }
  });

  it('is of three shells', async () => {
    expect((await command('completion', 'tcsh')).code).toBe(2);
    expect((await command('completion', 'constructor')).code).toBe(2);
    expect((await command('completion')).code).toBe(2);
    expect(JSON.parse((await command('completion', 'fish', '--json')).out)).toMatchObject({ shell: 'fish' });
  });
});
