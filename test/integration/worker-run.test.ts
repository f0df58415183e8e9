import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../cli/run.ts';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { choosePort } from '../../cli/stack/port.ts';
import type { Outcome } from '../support/command.ts';

interface Running {
  readonly level: string;
  readonly link: string;
  readonly policy: string;
  readonly configuration: string;
  readonly release: string;
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url));
const READY_MS = 60_000;

let folder: string;
let release: string;
let url: string;
let worker: ChildProcess;
let host: ChildProcess;
let running: Running;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-run-'));
  release = (await writeDemoFiles(folder)).releaseDirectory;
  worker = program('worker', 'run', '--release', release, '--state', join(folder, 'worker'), '--json');
  running = JSON.parse(await firstLine(worker)) as Running;
  const port = await choosePort();
  url = `http://127.0.0.1:${port}`;
  host = startHost(port);
  await ready();
}, 2 * READY_MS);

afterAll(async () => {
  await Promise.all([host, worker].map(ended));
  await rm(folder, { recursive: true, force: true });
});

function program(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--import', 'tsx', 'cli/main.ts', ...args], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'ignore'],
  });
}

function startHost(port: number): ChildProcess {
  const { link, configuration } = running;
  const where = ['--link', link, '--state', join(folder, 'host'), '--listen', `127.0.0.1:${port}`];
  return program('host', ...where, '--configuration', configuration, '--release', running.release);
}

async function firstLine({ stdout }: ChildProcess): Promise<string> {
  let text = '';
  for await (const chunk of stdout ?? []) {
    text += String(chunk);
    if (text.includes('\n')) break;
  }
  return text.slice(0, text.indexOf('\n'));
}

async function ready(): Promise<void> {
  for (const end = performance.now() + READY_MS; performance.now() < end; await sleep(50)) {
    const found = await fetch(`${url}/v2/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (found) return;
  }
  throw new Error('no host became ready');
}

function ended(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGTERM');
  });
}

async function command(...args: readonly string[]): Promise<Outcome> {
  let [out, err] = ['', ''];
  const code = await run({
    args,
    style: { colours: false },
    write: (text) => {
      out += text;
    },
    warn: (text) => {
      err += text;
    },
    now: () => Date.now(),
    terminal: 'none',
  });
  return { code, out, err };
}

describe('a simulated worker behind a host that was started by hand', () => {
  it('answers under the policy that it printed, and is called simulated', async () => {
    expect(running.level).toBe('simulated');
    const { code, out } = await command('infer', url, '--policy', running.policy);
    expect(code).toBe(0);
    expect(out).toContain('leaf 0 of log');
    const listed = await command('worker', 'list', url, '--policy', running.policy, '--json');
    expect(listed.code).toBe(0);
    expect(listed.out).toContain('simulated');
  });

  it('outlives its host, with its keys and its log', async () => {
    await ended(host);
    host = startHost(Number(new URL(url).port));
    await ready();
    const { code, out } = await command('infer', url, '--policy', running.policy);
    expect([code, out]).toEqual([0, expect.stringContaining('leaf 1 of log')]);
  });

  it.each([
    ['no release', ['--release', 'RELEASE/samples'], 1, 'holds no signed release'],
    ['a configuration that is none', ['--release', 'RELEASE', '--configuration', 'NONE'], 1, 'is no configuration'],
    ['no state folder', ['--release', 'RELEASE'], 2, '--state is required'],
    ['a name beside the options', ['here'], 2, 'takes options only'],
  ])('is not started with %s', async (what, args, exit, words) => {
    const none = join(folder, 'none.cbor');
    await writeFile(none, 'none');
    const given = args.map((word) => word.replace('RELEASE', release).replace('NONE', none));
    const state = what === 'no state folder' ? [] : ['--state', join(folder, 'other')];
    const { code, err } = await command('worker', 'run', ...given, ...state);
    expect([code, err]).toEqual([exit, expect.stringContaining(words)]);
  });
});
