import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { ClientError, memoryStatusStore, type StatusRules, type StatusStore, statusFile } from '../../client/index.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { limits } from '../../wire/limits.ts';
import { releaseStatus, releaseStatusMessage } from '../../wire/message/authorisations.ts';
import { encodeSignedStatus, type ReleaseStatusName, type SignedStatus } from '../../wire/message/hub.ts';
import { createPublisher, publisher, release, type TestRelease } from '../enclave/worker/core/harness.ts';
import { createWorld, RECORD, refusalOf, STATUS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

function signed(
  status: ReleaseStatusName,
  sequence: bigint,
  { modelId }: Pick<TestRelease, 'modelId'> = world.demo,
  by = publisher,
): SignedStatus {
  const signature = signP256(by.privateKey, releaseStatusMessage(modelId, releaseStatus[status], sequence));
  return { modelId, status, sequence, owner: by.owner, signature };
}

function show(status: SignedStatus): void {
  world.statuses.set(toHex(status.modelId), encodeSignedStatus(status));
}

const rule = (changes: Partial<StatusRules> = {}): { readonly statuses: StatusRules } => ({
  statuses: {
    source: 'host',
    refuse: 'yanked',
    absent: 'accept',
    maxAgeMs: 0,
    store: memoryStatusStore(),
    ...changes,
  },
});

const statusChecks = (checks: readonly { readonly id: string; readonly outcome: string }[]): string[] =>
  checks.filter(({ id }) => id.startsWith('T')).map(({ id, outcome }) => `${id} ${outcome}`);
const allOf = (outcome: string): string[] => ['T0', 'T1', 'T2', 'T3', 'T4', 'T5', 'T6'].map((id) => `${id} ${outcome}`);

describe('a client that says nothing about statuses', () => {
  it('asks the host, and says where it shows none', async () => {
    const { checks, notProven } = await world.client().infer(world.call);
    expect(world.calls.filter((call) => call === STATUS)).toHaveLength(1);
    expect(statusChecks(checks)).toEqual(allOf('not-asked'));
    expect(notProven).toContainEqual({
      id: 'status',
      reason: 'whether the owner has withdrawn the release: none is shown',
    });
  });

  it('proves what is shown, and says that a later one can be kept back', async () => {
    show(signed('deprecated', 3n));
    const { checks, notProven } = await world.client().infer(world.call);
    expect(statusChecks(checks)).toEqual(allOf('passed'));
    const open = notProven.filter(({ id }) => id === 'status');
    expect(open).toEqual([{ id: 'status', reason: expect.stringContaining('since status 3') as string }]);
  });

  it('does not use a release that its owner yanked, and sends it nothing', async () => {
    show(signed('yanked', 1n));
    const failure = await world
      .client()
      .infer(world.call)
      .catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(ClientError);
    expect(failure).toMatchObject({ code: 'release_withdrawn', reason: 'release_yanked', action: 'fix-call' });
    expect(world.calls).not.toContain(RECORD);
  });

  it('asks again after ten minutes', async () => {
    const client = world.client();
    await client.infer(world.call);
    show(signed('yanked', 1n));
    world.now += 599_000;
    await client.infer(world.call);
    world.now += 2_000;
    expect(await refusalOf(client.infer(world.call))).toBe('release_withdrawn/release_yanked');
  });
});

describe('a status', () => {
  it('is not asked for by whoever says so, and every answer says that', async () => {
    show(signed('yanked', 1n));
    const { checks, notProven } = await world.client({}, { statuses: 'not-asked' }).infer(world.call);
    expect(world.calls).not.toContain(STATUS);
    expect(statusChecks(checks)).toEqual(allOf('not-asked'));
    expect(notProven.find(({ id }) => id === 'status')?.reason).toContain('it was not asked for');
  });

  it('of a deprecated release is refused by whoever refuses those', async () => {
    show(signed('deprecated', 1n));
    const client = world.client({}, rule({ refuse: 'deprecated' }));
    expect(await refusalOf(client.infer(world.call))).toBe('release_withdrawn/release_deprecated');
  });

  it('that is kept back is missed by whoever demands one', async () => {
    const client = world.client({}, rule({ absent: 'refuse' }));
    const failure = await client.infer(world.call).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'status_missing', action: 'retry' });
    show(signed('active', 1n));
    await client.infer(world.call);
  });

  it.each<readonly [string, () => Uint8Array, string]>([
    ['in another spelling', () => utf8(` ${text(signed('active', 1n))}`), 'protocol_violated/json_malformed'],
    ['that is no status', () => utf8('{}'), 'protocol_violated/field_missing'],
    [
      'of another release',
      () => encodeSignedStatus(signed('active', 1n, world.chat)),
      'status_refused/status_mismatch',
    ],
    [
      'by somebody else',
      () => encodeSignedStatus(signed('active', 1n, world.demo, createPublisher())),
      'status_refused/status_mismatch',
    ],
    [
      'with another word than the signed one',
      () => encodeSignedStatus({ ...signed('yanked', 1n), status: 'active' }),
      'status_refused/status_signature',
    ],
  ])('%s is a reason to stop trusting', async (_, shown, expected) => {
    world.statuses.set(toHex(world.demo.modelId), shown());
    const failure = await refusalOf(world.client().infer(world.call));
    expect(failure).toBe(expected);
    expect(world.calls).not.toContain(RECORD);
  });

  it('that is longer than any is not read', async () => {
    world.onGet = async (path, reply) =>
      path.endsWith('/status') ? new Uint8Array(limits.signedStatusBytes + 1).fill(0x20) : reply;
    show(signed('active', 1n));
    expect(await refusalOf(world.client().infer(world.call))).toBe('protocol_violated/too_large');
  });

  it('from a source of the caller’s own counts like one from a host', async () => {
    const asked: string[] = [];
    const source = async (modelId: Uint8Array): Promise<Uint8Array | null> => {
      asked.push(toHex(modelId));
      return encodeSignedStatus(signed('yanked', 1n));
    };
    expect(await refusalOf(world.client({}, rule({ source })).infer(world.call))).toBe(
      'release_withdrawn/release_yanked',
    );
    expect(asked).toEqual([toHex(world.demo.modelId)]);
    expect(world.calls).not.toContain(STATUS);
    const broken = rule({ source: () => Promise.reject(new TypeError('no network')) });
    expect(await refusalOf(world.client({}, broken).infer(world.call))).toBe('status_missing/source_failed');
  });
});

describe('of two statuses', () => {
  it('the later one holds, whatever a host shows afterwards', async () => {
    const client = world.client({}, rule());
    show(signed('yanked', 2n));
    expect(await refusalOf(client.infer(world.call))).toBe('release_withdrawn/release_yanked');
    show(signed('active', 1n));
    expect(await refusalOf(client.infer(world.call))).toBe('release_withdrawn/release_yanked');
    world.statuses.clear();
    expect(await refusalOf(client.infer(world.call))).toBe('release_withdrawn/release_yanked');
    show(signed('active', 3n));
    await client.infer(world.call);
  });

  it('an older one does no harm where the later one is known, and is said', async () => {
    const client = world.client({}, rule());
    show(signed('active', 2n));
    await client.infer(world.call);
    show(signed('active', 1n));
    const { checks, notProven } = await client.infer(world.call);
    expect(statusChecks(checks)).toEqual(allOf('passed'));
    expect(notProven.map(({ reason }) => reason)).toContainEqual(expect.stringContaining('an older one is shown now'));
  });

  it('an older one is none for whoever demands one', async () => {
    const client = world.client({}, rule({ absent: 'refuse' }));
    show(signed('active', 2n));
    await client.infer(world.call);
    show(signed('active', 1n));
    expect(await refusalOf(client.infer(world.call))).toBe('status_missing/status_replayed');
  });

  it('under one number neither is believed: the owner says different things to different people', async () => {
    const client = world.client({}, rule());
    show(signed('active', 2n));
    await client.infer(world.call);
    show(signed('deprecated', 2n));
    const failure = await client.infer(world.call).catch((error: unknown) => error);
    expect(failure).toMatchObject({ code: 'status_refused', reason: 'status_equivocation', action: 'stop-trusting' });
  });
});

describe('a name that stands for whatever its publisher signed', () => {
  const older = release([utf8('model')], { name: 'demo', version: '1.1.0' });
  const newer = release([utf8('model')], { name: 'demo', version: '1.2.0' });
  const models = { demo: { publisher: publisher.owner, name: 'demo', minVersion: '1.1.0' } };
  const infer = '/v2/models/demo/infer';
  const body = JSON.stringify({ inputs: [{ name: 'x', datatype: 'FP32', shape: [1, 2], data: [1, 2] }] });

  async function used(fetcher: typeof fetch): Promise<string> {
    const response = await fetcher(`https://api.example${infer}`, { method: 'POST', body });
    return response.ok ? ((await response.json()) as { model_version: string }).model_version : `${response.status}`;
  }

  it('passes over what was withdrawn, also while it is in use', async () => {
    world = await createWorld({}, { models: [older, newer] });
    const policy = { models: [older, newer].map(({ modelId }) => toHex(modelId)) };
    const client = world.client(policy, { models, ...rule() });
    const fetcher = client.fetch as typeof fetch;
    expect(await used(fetcher)).toBe('1.2.0');
    show(signed('yanked', 1n, newer));
    expect(await used(fetcher)).toBe('410');
    expect(await used(fetcher)).toBe('1.1.0');
    show(signed('yanked', 1n, older));
    expect(await used(fetcher)).toBe('410');
    expect(await used(fetcher)).toBe('410');
  });
});

describe('what was seen', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pm-statuses-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  let files = 0;
  const path = (): string => join(folder, `${files++}.jsonl`);

  it('survives the client in a file, so that an older one overrules nothing', async () => {
    const file = path();
    show(signed('yanked', 2n));
    const first = world.client({}, rule({ store: statusFile(file) }));
    expect(await refusalOf(first.infer(world.call))).toBe('release_withdrawn/release_yanked');
    show(signed('active', 1n));
    const second = world.client({}, rule({ store: statusFile(file) }));
    expect(await refusalOf(second.infer(world.call))).toBe('release_withdrawn/release_yanked');
    expect(await refusalOf(world.client({}, rule({ store: statusFile(path()) })).infer(world.call))).toBe('accepted');
  });

  it('is kept for each release once, and nothing of a draft is ever in its place', async () => {
    const file = path();
    const store = statusFile(file);
    expect(await store.load()).toEqual([]);
    const others = [signed('active', 1n), signed('active', 1n, world.chat), signed('yanked', 2n)] as const;
    await Promise.all(others.map((status) => store.save(status)));
    writeFileSync(`${file}.draft`, readFileSync(file).subarray(0, 10));
    expect(await statusFile(file).load()).toEqual([others[2], others[1]]);
    await store.save(signed('active', 3n));
    expect(readdirSync(folder).filter((name) => name.endsWith('.draft'))).toEqual([]);
  });

  it.each([
    ['half a line', () => text(signed('active', 1n)).slice(0, 40)],
    ['a line without its end', () => text(signed('active', 1n))],
    ['something else', () => 'nothing\n'],
    ['more than it may have', () => '\n'.repeat(limits.configurationModels * limits.signedStatusBytes + 1)],
  ])('of %s is no empty file: no call is made', async (_, content) => {
    const file = path();
    writeFileSync(file, content());
    const client = world.client({}, rule({ store: statusFile(file) }));
    expect(await refusalOf(client.infer(world.call))).toBe('store_failed/store_failed');
    expect(world.calls).not.toContain(RECORD);
  });

  it('has to be kept before anything is done about it', async () => {
    const store: StatusStore = { load: async () => [], save: () => Promise.reject(new TypeError('disk full')) };
    show(signed('active', 1n));
    expect(await refusalOf(world.client({}, rule({ store })).infer(world.call))).toBe('store_failed/store_failed');
  });
});

describe('a rule', () => {
  it.each<readonly [string, object]>([
    ['source', { source: 'hub' }],
    ['refuse', { refuse: 'active' }],
    ['refuse', { refuse: undefined }],
    ['absent', { absent: undefined }],
    ['maxAgeMs', { maxAgeMs: -1 }],
    ['maxAgeMs', { maxAgeMs: Number.NaN }],
    ['store', { store: {} }],
  ])('without a word for %s is refused before anything is sent', (_, changes) => {
    expect(() => world.client({}, rule(changes as Partial<StatusRules>))).toThrow('argument_invalid');
  });
});

function text(status: SignedStatus): string {
  return new TextDecoder().decode(encodeSignedStatus(status));
}
