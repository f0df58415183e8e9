import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { childrenOf, confine, separation, statOf, until } from '../worker/model/harness.ts';

interface Outcome {
  readonly status: number | null;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
}

const self = ['--parent', String(process.pid)] as const;

function run(options: readonly string[], command: readonly string[]): Outcome {
  const all = [...self, ...options, '--', ...command];
  return spawnSync(confine, all, { encoding: 'utf8', env: { SECRET: 'of the starter' } });
}

const shell = (script: string): readonly string[] => ['/bin/sh', '-c', script];
const status = (text: string, field: string): string | undefined =>
  new RegExp(`^${field}:[ \\t]*(.*)$`, 'm').exec(text)?.[1];
const NAMESPACES = ['--namespaces', 'user'] as const;

describe('the arguments', () => {
  it.each<[string, readonly string[]]>([
    ['none', []],
    ['no program', [...self, '--']],
    ['no parent', ['--', '/bin/true']],
    ['a parent that is no number', ['--parent', '1x', '--', '/bin/true']],
    ['an unknown word', [...self, '--bogus', '--', '/bin/true']],
    ['unknown namespaces', [...self, '--namespaces', 'some', '--', '/bin/true']],
    ['root as the user', [...self, '--id', '0', '--', '/bin/true']],
    ['a cover for everybody', [...self, '--cover', '/run', '--', '/bin/true']],
    ['too many covers', [...self, ...NAMESPACES, ...Array(9).fill(['--cover', '/run']).flat(), '--', '/bin/true']],
  ])('are refused: %s', (_, args) => {
    expect(spawnSync(confine, args as string[]).status).toBe(64);
  });

  it('name what could not be had', () => {
    expect(run([], ['/nonexistent'])).toMatchObject({ status: 71, stderr: 'confine: /nonexistent: error 2\n' });
    const other = spawnSync(confine, ['--parent', '1', '--', '/bin/true'], { encoding: 'utf8' });
    expect(other).toMatchObject({ status: 71, stderr: 'confine: the parent is another: error 0\n' });
    expect(spawnSync(confine, [...self, '--parent']).status).toBe(71);
  });
});

const kinds: readonly (readonly [string, readonly string[]])[] = [
  ['in place', []],
  ...(separation === 'filter-only' ? [] : [['in namespaces', NAMESPACES] as const]),
];

describe.each(kinds)('a program %s', (_, options) => {
  it('has no capability, no way to one, no environment, no core and no descriptor of its starter', () => {
    const script = 'cat /proc/self/status; ulimit -c; ls /proc/self/fd; /usr/bin/env';
    const { stdout } = run(options, shell(script));
    for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapAmb']) expect(status(stdout, set)).toBe('0000000000000000');
    expect(status(stdout, 'NoNewPrivs')).toBe('1');
    expect(stdout).not.toContain('SECRET');
    // Three that were given, and the one that lists them.
    expect(stdout.split('\n').filter((line) => /^\d$/.test(line))).toEqual(['0', '0', '1', '2', '3']);
  });

  it('passes its end on: codes and signals', () => {
    expect(run(options, shell('exit 42'))).toMatchObject({ status: 42, signal: null });
    // From within its namespace the first process cannot be killed, so a child of it stands for a fault.
    if (options.length === 0) expect(run(options, shell('kill -SEGV $$'))).toMatchObject({ signal: 'SIGSEGV' });
  });

  it('ends with its starter', async () => {
    const script = `require('node:child_process').spawn(${JSON.stringify(confine)}, ['--parent', String(process.pid),
      ...${JSON.stringify(options)}, '--', '/bin/sleep', '60'], { stdio: 'ignore' }); setInterval(() => {}, 1000);`;
    const starter = spawn(process.execPath, ['-e', script], { stdio: 'ignore' });
    const below = (): readonly number[] => descendants(starter.pid as number);
    await until(() => below().length === (options.length === 0 ? 1 : 2), 10_000);
    const started = below();
    starter.kill('SIGKILL');
    await until(() => started.every((pid) => ['gone', 'Z'].includes(statOf(pid).state)), 10_000);
  });
});

function descendants(pid: number): readonly number[] {
  return childrenOf(pid).flatMap((child) => [child, ...descendants(child)]);
}

describe.skipIf(separation === 'filter-only')(
  'namespaces (skipped where this kernel refuses them to this user)',
  () => {
    it('leave no network but a loopback without an address, no other process and nothing under a cover', () => {
      const script = 'cat /proc/net/dev; echo pid=$$; ls -a /run; echo x > /run/x; cat /proc/net/fib_trie';
      const { stdout } = run([...NAMESPACES, '--cover', '/run'], shell(script));
      expect(stdout.match(/^ *(\w+):/gm)?.map((line) => line.trim())).toEqual(['lo:']);
      expect(stdout).toContain('pid=1\n.\n..\n');
      expect(stdout).not.toContain('127.0.0.1');
      expect(readdirSync('/run')).not.toContain('x');
    });

    it('are new ones: user, pid, network, ipc and mounts', () => {
      const { stdout } = run(NAMESPACES, shell('for n in user pid net ipc mnt; do readlink /proc/self/ns/$n; done'));
      const mine = ['user', 'pid', 'net', 'ipc', 'mnt'].map((name) => readlink(`/proc/self/ns/${name}`));
      const theirs = stdout.trim().split('\n');
      expect(theirs).toHaveLength(5);
      for (const [index, name] of theirs.entries()) expect(name).not.toBe(mine[index]);
    });

    it('SIGTERM to the helper kills the program at once and leaves no zombie', async () => {
      const child: ChildProcess = spawn(confine, [...self, ...NAMESPACES, '--', '/bin/sleep', '60']);
      await until(() => childrenOf(child.pid as number).length === 1);
      const [inner] = childrenOf(child.pid as number) as [number];
      const ended = once(child, 'exit');
      child.kill('SIGTERM');
      expect(await ended).toEqual([null, 'SIGKILL']);
      expect(statOf(inner).state).toBe('gone');
    });

    it('a death by a signal is told as one', async () => {
      const child = spawn(confine, [...self, ...NAMESPACES, '--', '/bin/sleep', '60']);
      await until(() => childrenOf(child.pid as number).length === 1);
      const ended = once(child, 'exit');
      process.kill(childrenOf(child.pid as number)[0] as number, 'SIGKILL');
      expect(await ended).toEqual([null, 'SIGKILL']);
    });
  },
);

describe.skipIf(process.getuid?.() !== 0)('a user of its own (skipped without root)', () => {
  it('is all that the program is', () => {
    const script = 'cat /proc/self/status; cat /etc/shadow';
    for (const options of [[], ['--namespaces', 'root']]) {
      const { stdout, stderr } = run([...options, '--id', '1234'], shell(script));
      expect(status(stdout, 'Uid')).toBe('1234\t1234\t1234\t1234');
      expect(status(stdout, 'Gid')).toBe('1234\t1234\t1234\t1234');
      expect(status(stdout, 'Groups')).toBe('');
      expect(status(stdout, 'CapBnd')).toBe('0000000000000000');
      expect(stderr).toContain('Permission denied');
    }
  });

  it('is refused to whoever is not root', () => {
    const options = { encoding: 'utf8', uid: 65_534, gid: 65_534 } as const;
    const { status: code, stderr } = spawnSync(confine, [...self, '--id', '1234', '--', '/bin/true'], options);
    expect([code, stderr]).toEqual([71, 'confine: groups: error 1\n']);
  });
});

function readlink(path: string): string {
  return spawnSync('readlink', [path], { encoding: 'utf8' }).stdout.trim() || readFileSync(path, 'latin1');
}
