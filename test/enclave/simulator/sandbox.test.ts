import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { withOpenFile } from '../../../enclave/simulator/child.ts';
import { layOutImage, planWorkerImage } from '../../../enclave/simulator/measure.ts';
import {
  bubblewrapPlaces,
  chooseSandbox,
  type SandboxCommand,
  type SandboxPlan,
  sandboxCommand,
  trySandbox,
} from '../../../enclave/simulator/sandbox.ts';

const INSPECTOR = new URL('./support/inspector.mjs', import.meta.url).pathname;

const state = await mkdtemp(join(tmpdir(), 'proofmark-sandbox-'));
const secret = join(state, 'root.key.pem');
const abstractSocket = `\0proofmark-test-${process.pid}`;
const servers: Server[] = [];

async function listen(target: string | { readonly port: number; readonly host: string }): Promise<Server> {
  const server = createServer((socket) => socket.destroy());
  servers.push(server);
  if (typeof target === 'string') server.listen(target);
  else server.listen(target);
  await once(server, 'listening');
  return server;
}

async function prepare(): Promise<SandboxPlan> {
  await mkdir(join(state, 'source'));
  const bundle = join(state, 'source', 'worker.mjs');
  const targets = join(state, 'source', 'targets.json');
  const { port } = (await listen({ port: 0, host: '127.0.0.1' })).address() as AddressInfo;
  await copyFile(INSPECTOR, bundle);
  await writeFile(secret, 'secret');
  const paths = [
    secret,
    '/etc/passwd',
    '/etc/hostname',
    '/usr/bin/env',
    '/bin/sh',
    INSPECTOR,
    `/proc/${process.pid}/status`,
  ];
  await writeFile(targets, JSON.stringify({ port, abstractSocket, paths }));
  const plan = { link: join(state, 'link'), attester: join(state, 'attester'), private: join(state, 'private') };
  for (const directory of Object.values(plan)) await mkdir(directory, { mode: 0o700 });
  await listen(join(plan.attester, 'attester.sock'));
  await listen(abstractSocket);
  const image = await planWorkerImage({ node: process.execPath, app: [bundle], attester: 'nsm-socket' });
  // Data beside the bundle, which the plan would take for native code and ask what it links.
  const app = [...image.app, { path: '/app/targets.json', source: targets, mode: 0o444 as const }];
  return { ...plan, image: await layOutImage({ ...image, app }, join(state, 'image')) };
}

const plan = await prepare();
const sandbox = await chooseSandbox(plan, bubblewrapPlaces);

afterAll(async () => {
  for (const server of servers) server.close();
  await rm(state, { recursive: true, force: true });
});

// biome-ignore lint/suspicious/noExplicitAny: the inspector's report is read field by field.
type Report = any;

async function report(chosen: typeof sandbox): Promise<Report> {
  return run(sandboxCommand(chosen, plan));
}

async function run({ command, args, file }: SandboxCommand): Promise<Report> {
  const child = withOpenFile(file, (files) =>
    spawn(command, [...args], { env: {}, timeout: 30_000, stdio: ['ignore', 'pipe', 'inherit', ...files] }),
  );
  return JSON.parse(await text(child.stdout as Readable));
}

describe.skipIf(sandbox.kind !== 'bubblewrap')(
  'inside the sandbox (skipped where bubblewrap is missing or refused)',
  () => {
    let seen: Report;
    beforeAll(async () => {
      seen = await report(sandbox);
    });

    it('the worker is started as the launcher, with its sockets as arguments', () => {
      expect(seen.role).toBe('launcher');
      expect(seen.flags).toEqual([
        '--link',
        '/run/link/worker.sock',
        '--attester',
        'nsm-socket:/run/attester/attester.sock',
        '--private',
        '/run/private',
      ]);
    });

    it('nothing of the environment is left', () => {
      // bubblewrap sets PWD itself when it changes directory.
      expect(seen.environment.filter((name: string) => name !== 'PWD')).toEqual([]);
    });

    it('the file system is the image and three shared places', () => {
      expect(seen.root).toEqual(
        ['app', 'bin', 'dev', 'lib', 'lib64', 'proc', 'run', 'tmp'].filter((name) => seen.root.includes(name) === true),
      );
      expect(seen.app).toEqual(['targets.json', 'worker.mjs']);
      expect(new Set(Object.values(seen.reads))).toEqual(new Set(['ENOENT']));
    });

    it('only what is meant to be written can be', () => {
      expect(seen.writes).toEqual({
        '/': 'EROFS',
        '/app': 'EROFS',
        '/bin': 'EROFS',
        '/dev': 'EROFS',
        '/run/attester': 'EROFS',
        '/tmp': 'written',
        '/run/private': 'written',
        '/run/link': 'written',
      });
    });

    it('there is no network, not even this machine’s loopback or abstract sockets', () => {
      expect(seen.interfaces).toEqual([expect.stringMatching(/^ *lo$/)]);
      expect([seen.network, seen.loopback, seen.abstractSocket]).toEqual([
        'EAFNOSUPPORT',
        'EAFNOSUPPORT',
        'ECONNREFUSED',
      ]);
    });

    it('there would be none without the call filter either', async () => {
      const command = sandboxCommand(sandbox, plan);
      const at = command.args.indexOf('--seccomp');
      const open = await run({ ...command, args: command.args.toSpliced(at, 2), file: null });
      expect(open.seccomp).toEqual(['0', '0']);
      expect([open.network, open.loopback, open.abstractSocket]).toEqual([
        'ENETUNREACH',
        'ECONNREFUSED',
        'ECONNREFUSED',
      ]);
    });

    it('system calls are filtered', () => {
      expect(seen.seccomp).toEqual(['2', '1']);
    });

    it('there are no capabilities, no way to gain any, and no other processes', () => {
      expect(seen.capabilities).toEqual(Array(5).fill('0000000000000000'));
      expect(seen.noNewPrivileges).toBe('1');
      expect(seen.identity).toEqual([65_534, 65_534, 'enclave']);
      expect(seen.processes).toBe(2);
    });

    it('the device answers and the link can be opened', () => {
      expect(seen.attester).toBe('connected');
      expect(seen.link).toBe('listening');
    });
  },
);

describe('without bubblewrap', { timeout: 60_000 }, () => {
  it('the worker runs as a plain process, and a warning says what that means', async () => {
    const plain = await chooseSandbox(plan, ['/nonexistent/bwrap']);
    expect(plain).toMatchObject({ kind: 'process', warning: { code: 'sandbox_missing' } });
    expect(plain.kind === 'process' && plain.warning.detail).toMatch(/plain process.*sees the files and the network/);
    const seen = await report(plain);
    expect(seen.flags).toEqual([
      ...['--link', join(plan.link, 'worker.sock')],
      ...['--attester', `nsm-socket:${join(plan.attester, 'attester.sock')}`],
      ...['--private', plan.private],
    ]);
    expect(seen.environment).toEqual([]);
    expect(seen.reads[secret]).toBe('read');
    expect([seen.attester, seen.link, seen.private]).toEqual(['connected', 'listening', 'written']);
  });

  it('a bubblewrap that cannot do its work is as good as none', async () => {
    const refusing = join(state, 'bwrap');
    await writeFile(refusing, '#!/bin/sh\necho "No permissions to create new namespace" >&2\nexit 1\n');
    await chmod(refusing, 0o755);
    const chosen = await chooseSandbox(plan, [refusing]);
    expect(chosen).toMatchObject({ kind: 'process', warning: { code: 'sandbox_refused' } });
    expect(chosen.kind === 'process' && chosen.warning.detail).toContain('No permissions to create new namespace');
  });
});

describe('a trial without an image', { timeout: 60_000 }, () => {
  it('has the same outcome as the worker will have', async () => {
    const tried = await trySandbox(process.execPath, bubblewrapPlaces);
    expect(tried.kind).toBe(sandbox.kind);
    if (tried.kind === 'bubblewrap') expect(tried).toEqual(sandbox);
  });

  it('tells a missing bubblewrap from one that is refused', async () => {
    expect(await trySandbox(process.execPath, ['/nonexistent/bwrap'])).toMatchObject({
      warning: { code: 'sandbox_missing' },
    });
    const refusing = join(state, 'bwrap-of-trial');
    await writeFile(refusing, '#!/bin/sh\nexit 1\n');
    await chmod(refusing, 0o755);
    expect(await trySandbox(process.execPath, [refusing])).toMatchObject({ warning: { code: 'sandbox_refused' } });
  });
});
