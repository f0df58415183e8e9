import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

/** `proofmark up` as a person runs it: another process, its output, Ctrl-C. */
let state: string;
const root = join(import.meta.dirname, '..', '..');

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'pm-up-'));
});

/** A test that fails half-way must not leave servers behind. */
const running = new Set<ChildProcess>();

afterAll(async () => {
  for (const child of running) child.kill('SIGINT');
  await rm(state, { recursive: true, force: true });
});

interface Run {
  readonly code: number | string | null;
  readonly text: string;
}

function proofmark(args: readonly string[], onText?: (text: string, kill: () => void) => void): Promise<Run> {
  return new Promise((resolve) => {
    const child = spawn(process.execPath, ['--import', 'tsx', 'cli/main.ts', ...args], { cwd: root });
    running.add(child);
    let text = '';
    const read = (chunk: Buffer): void => {
      text += chunk.toString();
      onText?.(text, () => child.kill('SIGINT'));
    };
    child.stdout.on('data', read);
    child.stderr.on('data', read);
    child.on('close', (code, signal) => {
      running.delete(child);
      resolve({ code: signal ?? code, text });
    });
  });
}

describe('proofmark up', () => {
  it('serves, is asked and audited from other processes, and stops on Ctrl-C', async () => {
    const policy = join(state, 'policy.json');
    let asked: Promise<readonly Run[]> | undefined;
    const served = await proofmark(['up', '--port', '0', '--state', state], (text, stop) => {
      const url = /^ {2}(http:\/\/127\.0\.0\.1:\d+)$/m.exec(text)?.[1];
      if (url === undefined || !text.includes('Ctrl-C') || asked !== undefined) return;
      asked = (async () => {
        const saved = join(state, 'mine.proofmark');
        const infer = await proofmark(['infer', url, '--policy', policy, '--save', saved]);
        const live = await proofmark(['audit', url, '--policy', policy]);
        const file = await proofmark(['audit', saved, '--policy', policy, '--json']);
        const later = await proofmark(['audit', saved, '--policy', policy, '--purpose', 'archive']);
        return [infer, live, file, later];
      })();
      void asked.finally(stop);
    });
    const [infer, live, file, later] = (await asked) as readonly [Run, Run, Run, Run];
    expect(served.code, served.text).toBe('SIGINT');
    expect(served.text).toContain('0 failed');
    expect(infer.code, infer.text).toBe(0);
    // The first answer was paid from a channel, the second a contract asked for.
    for (const what of ['register', 'postHead', 'claim', 'fulfil'])
      expect(served.text).toMatch(new RegExp(`${what} +[0-9,]+ gas  0x`));
    // Of a release that went through a hub, is listed, and answers both of its samples.
    expect(served.text).toMatch(/list the release +[0-9,]+ gas {2}0x/);
    expect(served.text.match(/✓ samples\//g)).toHaveLength(2);
    expect(served.text).toMatch(/fee +0\.3000 % before, 0\.[0-9]{4} % now/);
    expect(infer.text).toContain('leaf 4 of log');
    expect(live.code, live.text).toBe(0);
    expect(file.code, file.text).toBe(0);
    expect(JSON.parse(file.text)).toMatchObject({ verdict: 'accepted', code: null });
    expect(later.code, later.text).toBe(40);
    expect(later.text).toContain('Nobody dated the head');
  }, 180_000);

  it('keeps its keys to its user and leaves no process behind', async () => {
    expect((await stat(join(state, 'publisher.pem'))).mode & 0o077).toBe(0);
    expect((await stat(state)).mode & 0o077).toBe(0);
    expect(await readFile(join(state, 'policy.json'), 'utf8')).toContain('"level": "simulated"');
    const { text } = await proofmark(['infer', 'http://127.0.0.1:9', '--policy', join(state, 'policy.json')]);
    expect(text).toMatch(/^proofmark: host_unreachable: /m);
  }, 30_000);
});
