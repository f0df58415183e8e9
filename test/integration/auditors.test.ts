import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Audit, auditLog, type Computing } from '../../cli/auditor/audit.ts';
import { type Comparison, compareFindings } from '../../cli/auditor/compare.ts';
import type { AuditorKey } from '../../cli/auditor/key.ts';
import { type FindingStore, openFindingStore } from '../../cli/auditor/store.ts';
import { writeDemoFiles } from '../../cli/stack/demo-files.ts';
import { choosePort } from '../../cli/stack/port.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { connect, discloseTo, nodeTransport } from '../../client/index.ts';
import type { HostTransport } from '../../client/transport.ts';
import { parseWorkerPolicy, type WorkerPolicy } from '../../verifier/index.ts';
import { toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import {
  type CommitRecord,
  encodeFindingRecord,
  type FindingRecord,
  readFinding,
} from '../../wire/message/finding-record.ts';
import { createTestKey, openTestAuditor, type TestAuditor } from '../support/auditors.ts';
import { commandAt } from '../support/command.ts';
import { LIE } from '../support/lying-worker.ts';
import { demoCall } from '../support/stack.ts';

vi.mock('../../enclave/worker/build/bundle.ts', async (original) => {
  const real = await original<typeof import('../../enclave/worker/build/bundle.ts')>();
  const { buildLying } = await import('../support/lying-worker.ts');
  const buildWorker: typeof real.buildWorker = (options) => buildLying(real.buildWorker, options, 'answers');
  return { ...real, buildWorker };
});

const names = ['anna', 'berta', 'clara', 'stranger'] as const;
type Name = (typeof names)[number];

let folder: string;
let stack: Stack;
let operator: string;
let host: HostTransport;
let keys: Record<Name, AuditorKey>;
let auditors: Record<Name, TestAuditor>;
const audits: Partial<Record<Name, Audit>> = {};

async function made<T>(make: (name: Name) => Promise<T>): Promise<Record<Name, T>> {
  const entries = await Promise.all(names.map(async (name) => [name, await make(name)] as const));
  return Object.fromEntries(entries) as Record<Name, T>;
}

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'pm-auditors-'));
  keys = await made((name) => createTestKey(join(folder, name)));
  const named = names.slice(0, 3).map((name) => ({ name, key: toHex(keys[name].auditor), url: null }));
  const auditorsFile = join(folder, 'auditors.json');
  await writeFile(auditorsFile, JSON.stringify({ version: 1, pauseAt: 2, hosts: 'any', auditors: named }));
  const release = (await writeDemoFiles(folder)).releaseDirectory;
  const port = await choosePort();
  operator = `http://127.0.0.1:${port}`;
  stack = await startStack({
    ...{ stateDirectory: folder, port: 0, tier: 'sim-process', platform: { tee: 'aws-nitro', role: null } },
    instead: {
      release,
      hostArguments: ['--auditors', auditorsFile, '--metrics', `127.0.0.1:${port}`],
      hostEnvironment: {},
    },
    onEvent: () => undefined,
  });
  host = nodeTransport({ url: stack.url, timeoutMs: 30_000 });
  const policy = await plainPolicy(stack);
  auditors = await made((name) => openTestAuditor({ directory: join(folder, name), policy, release, key: keys[name] }));
  for (const first of [0.5, 1.5, LIE]) await infer(first, 'yes');
  await infer(2.5, 'no');
}, 300_000);

afterAll(async () => {
  for (const auditor of Object.values(auditors)) await auditor.stop();
  await stack.supervisor.stop();
  await rm(folder, { recursive: true, force: true });
});

/** For callers without a session: their headers are the host's. */
async function plainPolicy({ policyFile }: Stack): Promise<WorkerPolicy> {
  const rules = JSON.parse(await readFile(policyFile, 'utf8')) as object;
  return parseWorkerPolicy({ ...rules, sealed: 'any', headers: 'any' });
}

async function infer(first: number, disclose: 'yes' | 'no'): Promise<number> {
  const data = Array.from({ length: 128 }, () => first);
  const body = JSON.stringify({ inputs: [{ name: 'input', datatype: 'FP32', shape: [1, 128], data }] });
  const response = await fetch(`${stack.url}/v2/models/${toHex(stack.files.modelId)}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'proofmark-disclose': disclose },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

async function audited(name: Name, compute?: Computing, peers: readonly Name[] = []): Promise<Audit> {
  const { key, store, releases } = auditors[name];
  const audit = await auditLog({
    asker: { host, policy: await plainPolicy(stack), suite: nodeSuite, now: Date.now },
    ...{ key, store, releases, hostName: new URL(stack.url).host, log: undefined, look: { samples: 64 } },
    peers: peers.map((peer) => ({
      key: keys[peer].auditor,
      host: nodeTransport({ url: auditors[peer].server.url, timeoutMs: 10_000 }),
    })),
    ...{ waitMs: 60_000, onSample: () => undefined },
    ...(compute === undefined ? {} : { compute }),
  });
  audits[name] = audit;
  return audit;
}

/** Signs what the worker signed, and makes up what lies between. */
const lazy: Computing = async ({ response }, _releases, leaf) => ({
  verdict: 'same',
  detail: '',
  answer: sha256(response?.body as Uint8Array),
  intermediates: sha256(leaf),
});

const findingsOf = (name: Name): readonly FindingRecord[] => audits[name]?.findings ?? [];
const verdictsOf = (name: Name): readonly string[] =>
  [...(audits[name]?.leaves ?? [])].sort((a, b) => a.index - b.index).map(({ verdict }) => verdict);

async function tell(record: FindingRecord): Promise<string> {
  const body = encodeFindingRecord(record);
  const response = await fetch(`${stack.url}/v1/findings`, {
    ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
    body: Uint8Array.from(body),
  });
  return `${response.status} ${await response.text()}`;
}

const wrongOf = (name: Name): FindingRecord =>
  findingsOf(name).find((record) => readFinding(record).finding.verdict === 2n) as FindingRecord;

async function workers(): Promise<readonly Record<string, unknown>[]> {
  return (await (await fetch(`${stack.url}/v1/workers`)).json()) as readonly Record<string, unknown>[];
}

describe('auditors of one worker', () => {
  it('find every answer again, but the one that was wrong', async () => {
    await Promise.all([
      audited('anna', undefined, ['berta', 'clara']),
      audited('berta', undefined, ['anna', 'clara']),
      audited('clara', lazy, ['anna', 'berta']),
    ]);
    expect(verdictsOf('anna')).toEqual(['same', 'same', 'other', 'undisclosed']);
    expect(verdictsOf('berta')).toEqual(verdictsOf('anna'));
    expect(verdictsOf('clara')).toEqual(['same', 'same', 'same', 'undisclosed']);
    for (const { waited, held } of findingsOf('anna')) expect([waited, held.length]).toEqual(['all', 2]);
  }, 240_000);

  it('agree with one another, catch the receipt, and expose by name who signed it unseen', async () => {
    const comparison: Comparison = await compareFindings(names.flatMap(findingsOf));
    expect(comparison.refused).toEqual([]);
    expect(comparison.unshown).toEqual([]);
    expect(comparison.leaves.map(({ wrong }) => wrong).filter(Boolean)).toHaveLength(1);
    const clara = toHex(keys.clara.auditor);
    expect(new Set(comparison.exposed.map(({ auditor }) => auditor))).toEqual(new Set([clara]));
    expect(comparison.exposed.map(({ code }) => code).sort()).toEqual([
      ...Array.from({ length: 3 }, () => 'intermediates_differ'),
      'verdict_differs',
    ]);
    const honest = await compareFindings([...findingsOf('anna'), ...findingsOf('berta')]);
    expect(honest.exposed).toEqual([]);
    expect(honest.leaves.every(({ standing }) => standing === 'agreed')).toBe(true);
  });

  it('publish commits and findings', async () => {
    const { server } = auditors.anna;
    const log = toHex(audits.anna?.head.log as Uint8Array);
    const page = await (await fetch(`${server.url}/v1/findings?log=${log}`)).json();
    expect((page as { findings: unknown[] }).findings).toHaveLength(3);
    const commits = await (await fetch(`${server.url}/v1/commits?log=${log}`)).json();
    expect((commits as { commits: unknown[] }).commits).toHaveLength(3);
    expect(await (await fetch(`${server.url}/v1/auditor`)).json()).toMatchObject({ auditor: toHex(keys.anna.auditor) });
  });

  it('see what was sealed once its requester brings it', async () => {
    const client = connect(stack.url, { policy: stack.policy });
    const sealed = await client.infer(demoCall(stack, 1, 5.5), { disclose: 'auditors' });
    const index = Number(sealed.receipt.index);
    const store = openFindingStore(join(folder, 'sealed'));
    const look = async (): Promise<unknown> => (await lookedAt([index], store)).leaves[0];
    expect(await look()).toMatchObject({
      index,
      verdict: 'undisclosed',
      detail: expect.stringContaining('not brought'),
    });
    await discloseTo(host, sealed.archive());
    expect(await look()).toMatchObject({ index, verdict: 'same' });
  }, 60_000);

  it('are one command each, for whoever runs one', async () => {
    const policyFile = join(folder, 'plain-policy.json');
    const rules = JSON.parse(await readFile(stack.policyFile, 'utf8')) as object;
    await writeFile(policyFile, JSON.stringify({ ...rules, sealed: 'any', headers: 'any' }));
    const state = join(folder, 'by-command');
    const about = ['--key', `${join(folder, 'anna')}.key.json`, '--state', state, '--policy', policyFile];
    const which = ['--host', stack.url, '--release', stack.files.releaseDirectory];
    const one = await commandAt(Date.now(), 'auditor', 'audit', ...about, ...which, '--index', '0', '--json');
    expect(JSON.parse(one.out)).toMatchObject({ drawn: null, told: 'told', leaves: [{ index: 0, verdict: 'same' }] });
    expect(one.code).toBe(0);
    const all = await commandAt(Date.now(), 'auditor', 'audit', ...about, ...which, '--sample', '9', '--wait', '0');
    expect([all.code, all.out]).toEqual([20, expect.stringContaining('9 drawn by link 1')]);
    expect(all.out).toMatch(/ 0 {2}known .*\n/);
    const kept = join(state, 'findings', toHex(audits.anna?.head.log as Uint8Array));
    const files = (await readdir(kept)).map((name) => join(kept, name));
    const compared = await commandAt(Date.now(), 'auditor', 'compare', ...files, '--json');
    expect([compared.code, files.length]).toEqual([20, 4]);
    expect(JSON.parse(compared.out)).toMatchObject({ exposed: [], refused: [] });
  }, 120_000);

  it('serve in a process of their own until they are told to stop', async () => {
    const about = ['--key', `${join(folder, 'berta')}.key.json`, '--state', join(folder, 'berta')];
    const rest = ['--policy', stack.policyFile, '--release', stack.files.releaseDirectory, '--listen', '127.0.0.1:0'];
    const child = spawn(process.execPath, ['--import', 'tsx', 'cli/main.ts', 'auditor', 'serve', ...about, ...rest]);
    const ended = once(child, 'exit');
    const [line] = (await once(child.stdout, 'data')) as [Buffer];
    const { ready, url } = JSON.parse(line.toString()) as { readonly ready: boolean; readonly url: string };
    const shown = await (await fetch(`${url}/v1/auditor`)).json();
    child.kill('SIGTERM');
    expect([ready, shown, (await ended)[0]]).toEqual([
      true,
      expect.objectContaining({ auditor: toHex(keys.berta.auditor), links: 64 }),
      0,
    ]);
  }, 60_000);

  it('take a worker out of service once enough of those that are named agree, and nothing else', async () => {
    await expect(audited('stranger')).rejects.toMatchObject({ reason: 'auditor_required' });
    expect(await tell(wrongOf('anna'))).toBe('200 {"news":false}');
    expect(await tell(wrongOf('anna'))).toBe('200 {"news":false}');
    expect(await workers()).toMatchObject([{ state: 'ready' }]);
    const forged = { ...wrongOf('berta'), signature: wrongOf('anna').signature };
    expect(await tell(forged)).toMatch(/^403 .*auditor_required/);
    expect(await infer(3.5, 'no')).toBe(200);
    expect(await tell(wrongOf('berta'))).toBe('200 {"news":true}');
    expect(await workers()).toMatchObject([{ state: 'unusable', fault: 'auditors_disagree' }]);
    expect(await infer(3.5, 'no')).toBe(503);
    const head = await host.get('/v1/log/head', limits.bundleBytes);
    expect(JSON.parse(new TextDecoder().decode(head))).toMatchObject({ size: 6 });
    const figures = await (await fetch(`${operator}/metrics`)).text();
    expect(figures).toContain('proofmark_findings_total{verdict="other"} 2');
  });

  it('pause it no more for that once its operator has looked', async () => {
    const resumed = await fetch(`${operator}/workers/0/resume`, { method: 'POST' });
    expect(resumed.status).toBe(200);
    expect(await infer(4.5, 'no')).toBe(200);
    expect(await tell(wrongOf('berta'))).toBe('200 {"news":false}');
    expect(await workers()).toMatchObject([{ state: 'ready' }]);
  });

  it('show at the next audit what one that was ended had committed to', async () => {
    const store = openFindingStore(join(folder, 'ended'));
    const killed = { ...store, saveFinding: () => Promise.reject(new RangeError('killed')) };
    await expect(lookedAt([0], killed)).rejects.toThrow('killed');
    const log = audits.anna?.head.log as Uint8Array;
    const [commit] = await store.commits(log, -1);
    expect(await store.findings(log, -1)).toEqual([]);
    const next = await lookedAt([0], store);
    expect(next.leaves).toMatchObject([{ verdict: 'known' }]);
    expect(next.findings.map((record) => record.commit.digest)).toEqual([commit?.digest]);
    expect((await compareFindings([...next.findings, commit as CommitRecord])).exposed).toEqual([]);
    expect(await store.sealed(log)).toEqual([]);
  }, 60_000);

  it('fail a host that shows other bytes than the receipt is about, or none', async () => {
    const kept = join(folder, 'host', 'disclosed', toHex(audits.anna?.head.log as Uint8Array));
    await cp(join(kept, '0'), join(kept, '1'));
    await rm(join(kept, '0'));
    const { leaves, findings } = await lookedAt([0, 1], openFindingStore(join(folder, 'failed')));
    expect(leaves).toMatchObject([
      { verdict: 'missing', detail: 'disclosed_unknown' },
      { verdict: 'missing', detail: expect.stringContaining('the request is not the one') },
    ]);
    for (const record of findings) expect(await tell(record)).toBe('200 {"news":false}');
    expect(await workers()).toMatchObject([{ state: 'ready' }]);
  }, 60_000);
});

async function lookedAt(indexes: readonly number[], store: FindingStore): Promise<Audit> {
  const { key, releases } = auditors.anna;
  return auditLog({
    asker: { host, policy: await plainPolicy(stack), suite: nodeSuite, now: Date.now },
    ...{ key, releases, store, peers: [], waitMs: 0, look: { indexes }, onSample: () => undefined },
    ...{ hostName: new URL(stack.url).host, log: undefined },
  });
}
