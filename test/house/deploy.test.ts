import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { StartError } from '../../host/errors.ts';
import { readHubOptions } from '../../host/hub/options.ts';
import { readOptions } from '../../host/options/read.ts';
import { endCodes } from '../../wire/message/telemetry.ts';
import { command } from '../support/command.ts';

/** Nobody has run these files on hardware. What can be known about them without it is tested here. */
const FOLDER = join(import.meta.dirname, '../../deploy');
const files = readdirSync(FOLDER, { recursive: true, encoding: 'utf8' }).filter((name) =>
  statSync(join(FOLDER, name)).isFile(),
);
const named = (extension: string): readonly string[] => files.filter((name) => name.endsWith(extension));
const textOf = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');
const has = (program: string, argument = '--version'): boolean => spawnSync(program, [argument]).status === 0;

describe('shell scripts', () => {
  const linted = has('shellcheck');
  it.skipIf(!linted).each(named('.sh'))(`%s is clean${linted ? '' : ': shellcheck is not installed'}`, (name) => {
    const { stdout, status } = spawnSync('shellcheck', [join(FOLDER, name)], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });

  it.each(named('.sh'))('%s is executable, stops at the first error, and at a missing variable', (name) => {
    expect(statSync(join(FOLDER, name)).mode & 0o111).not.toBe(0);
    expect(textOf(name)).toMatch(/^set -eu$/m);
    expect(execFileSync('sh', ['-n', join(FOLDER, name)], { encoding: 'utf8' })).toBe('');
  });

  it('never start an enclave that can be looked into', () => {
    for (const name of [...named('.sh'), ...named('.service')]) {
      const lines = textOf(name)
        .split('\n')
        .filter((line) => !line.startsWith('#') && !line.trim().startsWith('#'));
      expect(lines.join('\n'), name).not.toMatch(/--debug-mode|--attach-console/);
    }
    // Bits 18 (a migration agent) and 19 (debug) of the guest policy.
    const policy = /GUEST_POLICY:=(0x[0-9a-f]+)/.exec(textOf('snp/launch.sh'))?.[1];
    expect(Number(policy) & 0xc0000).toBe(0);
    expect(Number(policy) & 0x20000).toBe(0x20000);
    expect(textOf('snp/launch.sh')).toContain('kernel-hashes=on');
  });

  it('ask only for commands that exist', async () => {
    const { out } = await command('help', '--all');
    const asked = new Set(
      [...named('.sh'), ...named('.service')].flatMap((name) =>
        [...textOf(name).matchAll(/(?:^|env |& )\s*proofmark ([a-z]+)/gm)].map(([, word]) => word as string),
      ),
    );
    expect(asked.size).toBeGreaterThan(3);
    for (const word of asked) expect(out, word).toContain(`proofmark ${word}`);
  });
});

describe('YAML', () => {
  const linted = has('yamllint');
  it.skipIf(!linted).each(named('.yaml'))(`%s is clean${linted ? '' : ': yamllint is not installed'}`, (name) => {
    const rules = '{extends: default, rules: {line-length: {max: 130}}}';
    const { stdout, status } = spawnSync('yamllint', ['-s', '-d', rules, join(FOLDER, name)], { encoding: 'utf8' });
    expect(stdout).toBe('');
    expect(status).toBe(0);
  });
});

describe('systemd units', () => {
  const units = [...named('.service'), ...named('.timer')];
  const linted = has('systemd-analyze');
  /** What is on no machine but the one that they are installed on. */
  const elsewhere = /not executable: No such file|Unit (nitro-enclaves-allocator|proofmark-[a-z]+)\.service not found/;

  it.skipIf(!linted).each(units)(`%s is clean${linted ? '' : ': systemd-analyze is not installed'}`, (name) => {
    const { stderr } = spawnSync('systemd-analyze', ['verify', '--man=no', join(FOLDER, name)], { encoding: 'utf8' });
    const complaints = stderr.split('\n').filter((line) => line !== '' && !elsewhere.test(line));
    expect(complaints).toEqual([]);
  });

  it.each(named('.service'))('%s gives its process no more than it needs', (name) => {
    for (const line of ['NoNewPrivileges=yes', 'ProtectSystem=strict', 'ProtectHome=yes', 'User=proofmark']) {
      expect(textOf(name), line).toContain(`\n${line}\n`);
    }
  });

  it.each(named('.service'))('%s starts a program that is shipped beside it, or one of the system', (name) => {
    const started = /^ExecStart=(\S+)/m.exec(textOf(name))?.[1] as string;
    const ours = started.startsWith('/usr/local/lib/proofmark/');
    if (ours) expect(files.map((file) => basename(file))).toContain(basename(started));
    else expect(['/usr/bin/socat', '/usr/bin/env']).toContain(started);
  });

  it('let a host read its keys and releases again', () => {
    expect(textOf('proofmark-host.service')).toContain('\nExecReload=/bin/kill -HUP $MAINPID\n');
    expect(readFileSync(join(FOLDER, '../host/serve.ts'), 'utf8')).toContain("'SIGHUP'");
  });

  it('start a host with options that it knows', () => {
    const line = /^ExecStart=\S+ proofmark host (.*)$/m.exec(textOf('proofmark-host.service'))?.[1] as string;
    const args = line
      .replace(/\$\{LISTEN\}/, '127.0.0.1:1')
      .replace(/\$\{METRICS\}/, '127.0.0.1:2')
      .replace(' $RELEASES', '')
      .split(' ');
    let refused: unknown;
    try {
      readOptions(args);
    } catch (error) {
      refused = error;
    }
    // Everything but the file that is not there.
    expect(refused).toBeInstanceOf(StartError);
    expect((refused as StartError).code).toBe('configuration_invalid');
  });
});

describe('the unit of a hub', () => {
  it('starts it with options that it knows, and lets it read its list again', () => {
    const text = textOf('proofmark-hub.service');
    const line = /^ExecStart=\S+ proofmark hub (.*)$/m.exec(text)?.[1] as string;
    const values: Readonly<Record<string, string>> = {
      LISTEN: '127.0.0.1:1',
      METRICS: '127.0.0.1:2',
      ORIGIN: 'https://hub.example',
      GIGABYTES: 'any',
      PROXIES: '1',
    };
    const args = line.replace(/\$\{([A-Z]+)\}/g, (_, name: string) => values[name] ?? '').split(' ');
    expect(readHubOptions(args, {})).toMatchObject({ store: '/var/lib/proofmark-hub', trustedProxies: 1 });
    expect(text).toContain('\nExecReload=/bin/kill -HUP $MAINPID\n');
  });
});

describe('the runbook', () => {
  it('explains every code with which a worker ends', () => {
    for (const code of Object.keys(endCodes).filter((name) => name !== 'usage')) {
      expect(textOf('README.md')).toContain(`| \`${code}\` |`);
    }
  });

  it('names only files that are there', () => {
    for (const [, path] of textOf('README.md').matchAll(/`((?:nitro|snp)\/[a-z.-]+)`/g)) {
      expect(files, path).toContain(path);
    }
    const elsewhere = [...textOf('README.md').matchAll(/\b((?:attestations|enclave|cli)\/[\w./-]+\.\w+)/g)];
    expect(elsewhere.length).toBeGreaterThan(1);
    for (const [, path = ''] of elsewhere) expect(existsSync(join(FOLDER, '..', path)), path).toBe(true);
  });

  it('asks only for commands and options that exist', async () => {
    const { out } = await command('help', '--all');
    const usage = out.replaceAll(/\n\s+/g, ' ');
    const lines = textOf('README.md')
      .replaceAll('\\\n', ' ')
      .split('\n')
      .filter((line) => line.startsWith('proofmark '));
    expect(lines.length).toBeGreaterThan(4);
    for (const line of lines) {
      const [, name = '', word = ''] = line.split(/\s+/);
      expect(usage, line).toContain(name === 'image' ? `proofmark image ${word} ` : `proofmark ${name} `);
      for (const [option] of line.matchAll(/--[a-z-]+/g)) expect(usage, line).toContain(option);
    }
  });
});
