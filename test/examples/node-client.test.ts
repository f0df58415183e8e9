import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DEMO_PRICE } from '../../cli/stack/demo-files.ts';
import { type OnChain, openOnChain } from '../../cli/stack/on-chain.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { startLocalChain } from '../../contracts/deploy/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { openSoakStack, type SoakStack } from '../soak/stack.ts';
import { program } from './program.ts';

const FOLDER = 'examples/node-client';
const run = (name: string, ...args: readonly string[]): ReturnType<typeof program> =>
  program(join(FOLDER, name), ...args);

describe('the example of a client in Node', () => {
  let soak: SoakStack;
  let policyFile: string;
  beforeAll(async () => {
    soak = await openSoakStack();
    const rules = JSON.parse(readFileSync(soak.stack.policyFile, 'utf8')) as object;
    policyFile = join(soak.folder, 'chat-policy.json');
    writeFileSync(policyFile, JSON.stringify({ ...rules, models: [toHex(soak.languageId)] }));
  }, 300_000);
  afterAll(() => soak.remove(), 30_000);

  it('is all run by this test', () => {
    const programs = readdirSync(FOLDER).filter((name) => name.endsWith('.ts'));
    const shared = ['inputs.ts', 'settings.ts', 'tell.ts'];
    const ran = ['archive.ts', 'evidence.ts', 'infer.ts', 'openai-chat.ts', 'pay.ts', 'watch.ts'];
    expect(programs.sort()).toEqual([...ran, ...shared].sort());
    const readme = readFileSync(join(FOLDER, 'README.md'), 'utf8');
    for (const name of programs) expect(readme, name).toContain(`(${name})`);
  });

  it('names the versions of packages that this repository is tested with', () => {
    const read = (path: string): { readonly [part: string]: { readonly [name: string]: string } } =>
      JSON.parse(readFileSync(path, 'utf8'));
    const [own, root] = [read(join(FOLDER, 'package.json')), read('package.json')];
    for (const [name, version] of Object.entries({ ...own['dependencies'], ...own['devDependencies'] })) {
      if (name === 'proofmark') expect(version).toBe(`^${root['version']}`);
      else expect({ ...root['devDependencies'] }[name], name).toBe(version);
    }
  });

  it('streams a chat through the openai package', async () => {
    const { code, out, err } = await run('openai-chat.ts', soak.stack.url, policyFile, 'what does the tide bring');
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('the stream ended, so all of it was proven');
  }, 120_000);

  it('infers, and says what was proven and what not', async () => {
    const { code, out, err } = await run('infer.ts', soak.stack.url, soak.stack.policyFile);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toMatch(/^logits \[1, 10\] = /);
    expect(out).toContain('proven (simulated, by aws-nitro)');
    expect(out).toMatch(/^not proven:\n[\s\S]*A2: that hardware was involved: the root is self-made/m);
  }, 120_000);

  it('verifies evidence by hand, and has no facts of evidence that fails', async () => {
    const good = await run('evidence.ts', soak.stack.url, soak.stack.policyFile);
    expect({ code: good.code, err: good.err }).toEqual({ code: 0, err: '' });
    expect(good.out).toMatch(/^passed +N21 /m);
    expect(good.out).toMatch(/log [0-9a-f]{64}, accepted until/);
    const rules = JSON.parse(readFileSync(policyFile, 'utf8')) as object;
    const other = join(soak.folder, 'other-policy.json');
    writeFileSync(other, JSON.stringify({ ...rules, images: [] }));
    const bad = await run('evidence.ts', soak.stack.url, other);
    expect(bad.code).toBe(1);
    expect(bad.out).toMatch(/^failed +N18.image /m);
    expect(bad.out).not.toContain('accepted until');
  }, 120_000);

  it('keeps an answer as a file, and catches one changed bit of it', async () => {
    const folder = join(soak.folder, 'answers');
    const { code, out, err } = await run('archive.ts', soak.stack.url, soak.stack.policyFile, folder);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain('.proofmark: accepted');
    expect(out).toContain('with one bit changed: untrusted, payload_mismatch');
    expect(readdirSync(folder)).toHaveLength(1);
  }, 120_000);

  it('watches the log grow', async () => {
    const { code, out, err } = await run('watch.ts', soak.stack.url, soak.stack.policyFile);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out.match(/^leaf \d+ under a head/gm)).toHaveLength(3);
    expect(out).toContain('all heads are of one history');
  }, 120_000);

  it('says what is missing where it is started without a policy', async () => {
    const { code, err } = await run('infer.ts', soak.stack.url);
    expect(code).toBe(1);
    expect(err).toContain('give the address of a host, and a policy file');
  }, 120_000);
});

describe('the example of a client that pays', () => {
  let state: string;
  let onChain: OnChain;
  let stack: Stack;
  beforeAll(async () => {
    state = await mkdtemp(join(tmpdir(), 'pm-pay-'));
    const platform = { tee: 'aws-nitro', role: null } as const;
    onChain = await openOnChain(state, platform, (roots) => startLocalChain({ roots }));
    stack = await startStack({
      stateDirectory: state,
      port: 0,
      tier: 'sim-process',
      platform,
      onChain,
      onEvent: () => {},
    });
  }, 600_000);
  afterAll(async () => {
    await stack?.supervisor.stop();
    await onChain?.local.stop();
    await rm(state, { recursive: true, force: true });
  }, 120_000);

  it('pays from a channel, and stops at its own cap', async () => {
    const { local } = onChain;
    await local.fund(local.payer, 10n * DEMO_PRICE);
    const { code, out, err } = await run('pay.ts', stack.url, stack.policyFile, local.url, local.payer, state);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    expect(out).toContain(`call 1: fee ${DEMO_PRICE}, the channel owes ${DEMO_PRICE}`);
    expect(out).toContain(`call 2: fee ${DEMO_PRICE}, the channel owes ${2n * DEMO_PRICE}`);
    expect(out).toContain('call 3: outstanding_limit');
    expect(out).toContain(`verified ${2n * DEMO_PRICE}, outstanding 0`);
  }, 120_000);
});
