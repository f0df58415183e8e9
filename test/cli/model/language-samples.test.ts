import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { status } from '../../../wire/message/receipt.ts';
import { type HttpHost, serveHost } from '../../client/http-host.ts';
import { START } from '../../client/machines.ts';
import { createWorld, type World } from '../../client/world.ts';
import { release, type TestRelease } from '../../enclave/worker/core/harness.ts';
import { command, type Folder, type Outcome, temporaryFolder } from '../../support/command.ts';

const TEXT = 'An enclave says "hello" – ✓.';
let folder: Folder;
let world: World;
let host: HttpHost;

beforeEach(() => {
  folder = temporaryFolder();
  // Evidence of a test has its own day; everything else of time goes on.
  vi.useFakeTimers({ now: START, toFake: ['Date'] });
});

afterEach(async () => {
  vi.useRealTimers();
  await host.close();
  folder.remove();
});

/** A model of words with samples: what it is asked, and what its publisher says it answers. */
function speaking(...samples: readonly (readonly [request: object, response: object])[]): TestRelease {
  const files = samples.flatMap((pair) => pair.map((value) => utf8(JSON.stringify(value))));
  return release([utf8('model'), ...files], {
    name: 'demo-chat',
    kind: 'text-generation',
    samples: samples.map((_, at) => ({ request: `file-${2 * at + 1}.bin`, response: `file-${2 * at + 2}.bin` })),
  });
}

async function run(one: TestRelease, ...args: readonly string[]): Promise<Outcome> {
  world = await createWorld({}, { models: [one] });
  host = await serveHost(world.host);
  folder.file('manifest.json', one.signed.manifest);
  folder.file('owner.hex', toHex(one.signed.owner));
  folder.file('signature.hex', toHex(one.signed.signature));
  for (const [at, bytes] of one.files.entries()) folder.file(`file-${at}.bin`, bytes);
  folder.file('policy.json', JSON.stringify({ ...world.rules, models: 'any' }));
  return again(...args);
}

function again(...args: readonly string[]): Promise<Outcome> {
  return command(
    'model',
    'test',
    folder.path('.'),
    '--policy',
    folder.path('policy.json'),
    '--host',
    host.url,
    ...args,
  );
}

const ask = { messages: [{ role: 'user', content: 'Say hello' }], temperature: 0 };
const said = (content: string): object => ({
  message: { role: 'assistant', content },
  finish_reason: 'stop',
});

describe('samples of a model of words', () => {
  it('are the same where every word is, with a receipt for each', async () => {
    const { code, out } = await run(speaking([ask, said(TEXT)], [{ ...ask, max_tokens: 100 }, said(TEXT)]));
    expect(out).toMatch(/✓ file-1\.bin {2}the same, bit for bit {2}leaf 0 of log/);
    expect(out).toMatch(/✓ file-3\.bin {2}the same, bit for bit {2}leaf 1 of log/);
    expect(code).toBe(0);
  });

  it('differ by one word, whatever the tolerance', async () => {
    const { code, out } = await run(speaking([ask, said('An enclave says nothing')]), '--tolerance', '1000');
    expect(code).toBe(30);
    expect(out).toContain('✗ file-1.bin  DIFFERS: content is ');
  });

  it('have no answer where the worker ends early, which is told with its code', async () => {
    const { code, out } = await run(speaking([ask, said(TEXT)], [ask, said(TEXT)]), '--json');
    expect(code).toBe(0);
    const [first] = out.split('\n').map((line) => (line === '' ? null : (JSON.parse(line) as unknown)));
    expect(first).toMatchObject({ verdict: 'same', receipt: { leaf: '0' } });
    world.script.failure = { at: 1, status: status.stopped, code: 'run_timeout' };
    const failed = await again('--json');
    expect(failed.code).toBe(1);
    expect(JSON.parse(failed.out.split('\n')[0] ?? '')).toMatchObject({ verdict: 'failed', code: 'answer_failed' });
  });

  it('are not asked for where one of them is none', async () => {
    const { code, out, err } = await run(speaking([[], said(TEXT)]));
    expect(code).toBe(1);
    expect(out).not.toContain('leaf');
    expect(err).toMatch(/^proofmark: the sample file-1\.bin: [^\n]+\n$/);
  });

  it('are the publisher’s only while their bytes are', async () => {
    const one = speaking([ask, said(TEXT)]);
    const changed = {
      ...one,
      files: [one.files[0], one.files[1], utf8(JSON.stringify(said('else')))] as typeof one.files,
    };
    const { code, err } = await run(changed);
    expect(code).toBe(1);
    expect(err).toContain('file-2.bin is not what the manifest says');
  });
});
