import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { run } from '../../cli/run.ts';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { parseWorkerPolicy, verifyArchive } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { decodeArchive } from '../../wire/message/archive.ts';
import { decodeCheckpoint } from '../../wire/message/checkpoint.ts';
import { committedRelease, readIn } from '../models/drafts.ts';
import type { Outcome } from '../support/command.ts';
import { writeLanguageRelease } from '../support/language-release.ts';

const QUESTION = 'What is 457 + 268?';
let folder: string;
let stack: Stack;
let model: string;
let policyFile: string;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-chat-'));
  const { manifest } = await committedRelease('tiny-chat');
  const files = new Map(manifest.files.map(({ path }) => [path, readIn('tiny-chat', path)]));
  const release = await writeLanguageRelease(folder, { name: 'tiny-chat', entry: manifest.entry, files });
  model = toHex(release.modelId);
  const { releaseDirectory } = await writeDemoFiles(folder);
  stack = await startStack({
    stateDirectory: folder,
    port: 0,
    tier: 'sim-process',
    platform: { tee: 'aws-nitro', role: null },
    instead: { release: releaseDirectory, hostArguments: ['--release', release.directory], hostEnvironment: {} },
    onEvent: () => {},
  });
  const rules = JSON.parse(await readFile(stack.policyFile, 'utf8')) as object;
  policyFile = join(folder, 'chat-policy.json');
  await writeFile(policyFile, JSON.stringify({ ...rules, models: [model], runtimes: 'any' }));
}, 240_000);

afterAll(async () => {
  await stack.supervisor.stop();
  await rm(folder, { recursive: true, force: true });
});

/** One command line, now: the worker's evidence is fresh. */
async function command(name: string, ...args: readonly string[]): Promise<Outcome> {
  let [out, err] = ['', ''];
  const code = await run({
    args: [name, stack.url, ...args, '--policy', policyFile],
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

/** The program itself, with questions on its standard input. */
function program(input: string, ...args: readonly string[]): Promise<string> {
  const root = fileURLToPath(new URL('../..', import.meta.url));
  const line = ['--import', 'tsx', 'cli/main.ts', 'chat', stack.url, '--policy', policyFile, ...args];
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, line, { cwd: root }, (error, stdout, stderr) =>
      error === null ? resolve(stdout) : reject(new Error(stderr, { cause: error })),
    );
    child.stdin?.end(input);
  });
}

describe('a chat with a real worker', () => {
  it('answers under a receipt, which is found again by its id', async () => {
    const archiveFile = join(folder, 'answer.proofmark');
    const asked = await command('chat', QUESTION, '--temperature', '0', '--json', '--save', archiveFile);
    expect(asked).toMatchObject({ code: 0, err: '' });
    const answer = JSON.parse(asked.out) as {
      readonly content: string;
      readonly receipt: { readonly requestId: string; readonly log: string; readonly leaf: string };
    };
    expect(answer.content).toMatch(/: 725$/);
    expect(answer).toMatchObject({ verdict: 'accepted', model, usage: { prompt_tokens: expect.any(Number) } });

    const policy = parseWorkerPolicy(JSON.parse(await readFile(policyFile, 'utf8')));
    const purpose = { kind: 'live', now: Date.now() } as const;
    const archive = decodeArchive(Uint8Array.from(await readFile(archiveFile)));
    const ruling = await verifyArchive(archive, { policy, purpose, suite: nodeSuite, cache: 'none' });
    expect(ruling.verdict).toBe('accepted');

    const { requestId, log, leaf } = answer.receipt;
    const found = await command('receipts', requestId, '--json');
    expect(found).toMatchObject({ code: 0, err: '' });
    expect(JSON.parse(found.out)).toMatchObject({
      verdict: 'origin-only',
      receipt: { requestId, log, leaf, modelId: model, responseHash: expect.any(String) },
    });

    const head = await command('receipts', '--head', '--log', log, '--checkpoint');
    expect(head.code).toBe(0);
    expect(decodeCheckpoint(head.out).head.length).toBeGreaterThan(0);
  }, 120_000);

  it('is a text that is marked until it is verified', async () => {
    const { code, out } = await command('chat', ...QUESTION.split(' '), '--temperature', '0', '--model', model);
    expect(code).toBe(0);
    expect(out).toMatch(/provisional until its end is verified:\n│ .*: 725\n✓ verified: leaf \d+ of log /);
  }, 120_000);

  it('takes its questions from a pipe, and numbers their archives', async () => {
    const save = join(folder, 'piped.proofmark');
    const out = await program(`${QUESTION}\n\nWhat is 12 + 30?\n`, '--temperature', '0', '--save', save);
    expect(out.match(/✓ verified: leaf/g)).toHaveLength(2);
    for (const number of [1, 2]) await readFile(join(folder, `piped-${number}.proofmark`));
  }, 120_000);

  it('knows no receipt of a request that was never sent', async () => {
    const { code, out, err } = await command('receipts', '00'.repeat(32));
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('receipt_unknown');
  }, 60_000);

  it('is not had with a model of tensors', async () => {
    const rules = JSON.parse(await readFile(policyFile, 'utf8')) as object;
    const list = (await (await fetch(`${stack.url}/v1/releases`)).json()) as readonly {
      readonly modelId: string;
    }[];
    const tensors = list.find(({ modelId }) => modelId !== model)?.modelId ?? '';
    await writeFile(policyFile, JSON.stringify({ ...rules, models: [model, tensors] }));
    try {
      const { code, err } = await command('chat', QUESTION, '--model', tensors);
      expect(code).toBe(2);
      expect(err).toContain('is asked for tensors');
      expect((await command('chat', QUESTION)).err).toContain('--model HEX is required');
    } finally {
      await writeFile(policyFile, JSON.stringify(rules));
    }
  }, 60_000);
});
