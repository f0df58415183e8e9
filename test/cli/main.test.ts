import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { command } from '../support/command.ts';

describe('the command line', () => {
  it.each([['--help'], ['help'], ['-h'], ['--json', '--help']])('explains itself: %s %s', async (...args) => {
    const { code, out, err } = await command(...args);
    expect(code).toBe(0);
    for (const name of ['up', 'demo', 'audit', 'infer', 'configuration', 'host'])
      expect(out).toContain(`proofmark ${name}`);
    for (const meaning of ['10 malformed', '20 untrusted', '30 refused', '40 undetermined']) {
      expect(out.replaceAll(/\s+/g, ' ')).toContain(meaning);
    }
    expect(err).toBe('');
  });

  it('explains itself and ends with 2 where nothing was asked', async () => {
    const { code, out } = await command();
    expect(code).toBe(2);
    expect(out).toContain('proofmark audit');
  });

  it('says which version it is', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      readonly version: string;
    };
    expect(await command('--version')).toEqual({ code: 0, out: `${version}\n`, err: '' });
    expect(JSON.parse((await command('--version', '--json')).out)).toEqual({ name: 'proofmark', version });
    expect((await command('--version', 'audit')).code).toBe(2);
  });

  it('takes what every command takes wherever it stands, and hands on what follows a lone --', async () => {
    const json = await command('--json', 'audit', '/no/such/file');
    expect(JSON.parse(json.out)).toMatchObject({ error: { code: 'failed' }, exit: 1 });
    expect((await command('--quiet', 'completion', 'bash')).code).toBe(0);
    expect((await command('completion', '--color', 'never', 'bash', '--quiet')).code).toBe(0);
    expect((await command('completion', '--color', 'sometimes', 'bash')).err).toContain('always, never or auto');
    expect((await command('completion', '--', '--help')).err).toContain('name a shell');
  });

  it.each(['frobnicate', 'constructor', '__proto__', 'toString', ''])(
    'ends with 2 for the unknown command "%s"',
    async (name) => {
      const { code, out, err } = await command(name);
      expect(code).toBe(2);
      expect(out).toBe('');
      expect(err).toBe(`proofmark: no command "${name}"; see proofmark --help\n`);
    },
  );

  it.each([
    ['audit', '--frobnicate'],
    ['audit', 'one', 'two', '--policy', 'p'],
    ['infer'],
    ['infer', 'http://127.0.0.1:1', 'two'],
    ['infer', 'http://127.0.0.1:1', '--policy'],
    ['up', '--port', '65536'],
    ['up', '--port', '1e3'],
    ['up', '--tier', 'nitro'],
    ['demo', '--tier', 'snp'],
    ['demo', '--chain', 'mainnet'],
    ['demo', '--tier', 'vm', '--tee', 'amd-sev-snp'],
    ['demo', '--port', '1'],
    ['demo', 'more'],
    ['up', 'more'],
    ['host'],
    ['host', '--link', 'l', '--state', 's', '--configuration', 'c', '--listen', 'nowhere'],
    ['configuration', 'encode', 'one'],
  ])('ends with 2 and one line for %s %s %s', async (...args) => {
    const { code, out, err } = await command(...args);
    expect(code).toBe(2);
    expect(out).toBe('');
    expect(err).toMatch(/^proofmark: [^\n]+\n$/);
  });

  it('says what is wrong in one line that no argument can break', async () => {
    const { code, err } = await command('bad\n\u001b[2J\u202ename');
    expect(code).toBe(2);
    expect(err).toBe('proofmark: no command "bad\ufffd\ufffd[2J\ufffdname"; see proofmark --help\n');
  });

  it('is a program with the same answer and no stack', () => {
    const root = fileURLToPath(new URL('../..', import.meta.url));
    const args = ['--import', 'tsx', 'cli/main.ts', 'audit', '/no/such/file.proofmark', '--policy', '/no/such/policy'];
    const { status, stdout, stderr } = spawnSync(process.execPath, args, { cwd: root, encoding: 'utf8' });
    expect(status).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^proofmark: cannot read \/no\/such\/\S+: [^\n]+\n$/);
  });
});
