import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createApprover } from '../../cli/auditor/approve.ts';
import { createAuditorKey } from '../../cli/auditor/key.ts';
import { serveAuditor } from '../../cli/auditor/server.ts';
import { openFindingStore } from '../../cli/auditor/store.ts';
import { exitCode } from '../../cli/exit-codes.ts';
import { type DemoRelease, openDemoRelease, shippedDraft } from '../../cli/stack/demo-release.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { openRelease } from '../../host/releases.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { command } from '../support/command.ts';

/** A call that names its level, with a real worker, auditors that compute, and a prover: nothing here stands in for another. */
const DEADLINE_MS = 60_000;
let root: string;
let stack: Stack;
let release: DemoRelease;
let auditors: readonly { readonly key: Uint8Array; readonly word: string; close(): Promise<void> }[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'pm-il-'));
  await mkdir(path('state'));
  release = await openDemoRelease(path('state'), shippedDraft('volatility-1h-int8'));
  stack = await startStack({
    ...{ stateDirectory: path('state'), port: 0, tier: 'sim-process', release },
    ...{ platform: { tee: 'aws-nitro', role: null }, onEvent: () => {} },
  });
  auditors = await Promise.all(['first', 'second'].map(openAuditor));
  await writeFile(path('levels.json'), levelsPolicy({}));
  await writeFile(path('input.json'), JSON.stringify({ inputs: [INPUT] }));
}, 120_000);

afterAll(async () => {
  for (const auditor of auditors) await auditor.close();
  await stack.supervisor.stop();
  await release.hub.close();
  await rm(root, { recursive: true, force: true });
}, 30_000);

function path(name: string): string {
  return join(root, name);
}

const INPUT = {
  name: 'magnitudes',
  shape: [1, 16],
  datatype: 'UINT8',
  data: [12, 7, 0, 31, 5, 9, 14, 22, 3, 8, 17, 41, 6, 2, 11, 19],
};

function levelsPolicy(change: object): string {
  return JSON.stringify({
    ...{ format: 'proofmark levels policy v1', name: 'a test', setups: 'dev-too', recomputations: 'this-machine' },
    auditors: { keys: auditors.map(({ key }) => toHex(key)), threshold: 2 },
    ...change,
  });
}

async function openAuditor(name: string): Promise<(typeof auditors)[number]> {
  const directory = path(name);
  await mkdir(directory, { mode: 0o700 });
  const key = await createAuditorKey(path(`${name}.json`), 1);
  const own = openRelease(release.releaseDirectory);
  const releases = { find: async () => own, close: async () => undefined };
  const policy = parseWorkerPolicy(JSON.parse(readFileSync(stack.policyFile, 'utf8')));
  const approver = createApprover({ key, policy, releases, directory, now: Date.now, deadlineMs: DEADLINE_MS });
  const store = openFindingStore(directory);
  const listen = { host: '127.0.0.1', port: 0 };
  const server = await serveAuditor({
    ...{ key, approver, store, listen },
    deadlineMs: DEADLINE_MS,
    onAnswered: () => undefined,
  });
  return { key: key.auditor, word: `${server.url}=${toHex(key.auditor)}`, close: () => server.close() };
}

function asked(level: string, ...more: readonly string[]): ReturnType<typeof command> {
  return command(
    ...['infer', stack.url, '--policy', stack.policyFile, '--input', path('input.json')],
    ...['--level', level, '--levels-policy', path('levels.json'), '--save', path(`${level}.proofmark`)],
    ...more,
  );
}

function audited(level: string, ...shown: readonly string[]): ReturnType<typeof command> {
  return command(
    ...['audit', path(`${level}.proofmark`), '--policy', stack.policyFile],
    ...['--levels-policy', path('levels.json'), '--level', level, '--at', new Date().toISOString()],
    ...shown,
  );
}

describe('proofmark infer --level', () => {
  it('proved: proves the answer, prints it, and leaves what a stranger checks it by', {
    timeout: 120_000,
  }, async () => {
    const outcome = await asked('proved', '--release', release.releaseDirectory);
    expect(outcome.code, outcome.err).toBe(exitCode.accepted);
    expect(outcome.out).toContain('1802');
    expect(outcome.out).toMatch(/\nLevel\n {2}proved: reached\n/);
    const [proof, key] = [path('proved.proof'), path('proved.circuit.key')];
    const audit = await audited('proved', '--proof', proof, '--circuit-key', key);
    expect(audit.code, audit.out).toBe(exitCode.accepted);
    expect((await audited('proved')).code).toBe(exitCode.refused);
    // A setup of one party, which somebody with another policy does not take.
    await writeFile(path('strict.json'), levelsPolicy({ setups: 'ceremony' }));
    const strict = await asked(
      'proved',
      ...['--release', release.releaseDirectory, '--levels-policy', path('strict.json')],
    );
    expect(strict.err).toContain('level_unavailable');
    expect(strict.out).toBe('');
  });

  it('recomputed: computes it again here', { timeout: 60_000 }, async () => {
    const outcome = await asked('recomputed', '--release', release.releaseDirectory);
    expect(outcome.code, outcome.err).toBe(exitCode.accepted);
    expect(outcome.out).toMatch(/\nLevel\n {2}recomputed: reached\n/);
  });

  it('replayed: asks auditors who compute it', { timeout: 120_000 }, async () => {
    const words = auditors.flatMap(({ word }) => ['--auditor', word]);
    const outcome = await asked('replayed', ...words);
    expect(outcome.code, outcome.err).toBe(exitCode.accepted);
    expect(outcome.out).toMatch(/\nLevel\n {2}replayed: reached\n/);
    const approvals = [1, 2].map((place) => path(`replayed.approval-${place}.json`));
    expect(approvals.every((file) => existsSync(file))).toBe(true);
    const audit = await audited('replayed', ...approvals.flatMap((file) => ['--finding', file]));
    expect(audit.code, audit.out).toBe(exitCode.accepted);
    const [one = ''] = approvals;
    expect((await audited('replayed', '--finding', one)).code).toBe(exitCode.refused);
  });

  it('sends nothing where the level cannot be reached', { timeout: 60_000 }, async () => {
    const [one] = auditors.map(({ word }) => word) as [string, string];
    for (const [level, more] of [
      ['replayed', []],
      ['replayed', ['--auditor', one]],
      ['proved', []],
      ['recomputed', []],
    ] as const) {
      const outcome = await asked(level, ...more);
      expect(outcome.err).toContain('level_unavailable');
      expect(outcome.code).toBe(exitCode.failed);
      expect(outcome.out).toBe('');
    }
    expect((await asked('best')).code).toBe(exitCode.usage);
    expect((await asked('replayed', '--auditor', 'http://127.0.0.1:1')).code).toBe(exitCode.usage);
    const other = await asked('recomputed', '--release', join(path('state'), 'nowhere'));
    expect(other.code).toBe(exitCode.failed);
  });
});
