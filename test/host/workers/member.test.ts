import { afterEach, describe, expect, it } from 'vitest';
import { encodeAttested, encodeRefusal, linkKind } from '../../../wire/message/link.ts';
import { random } from '../../support/fake-log.ts';
import type { FakeWorker } from '../../support/fake-worker.ts';
import { until } from '../support/served.ts';
import { codeOf, namedRelease, requestFor, type Several, type SeveralOptions, several } from './several.ts';

let made: Several | undefined;

afterEach(async () => {
  await made?.stop();
  made = undefined;
});

async function start(options: SeveralOptions = {}): Promise<Several & { readonly worker: FakeWorker }> {
  made = await several(1, { releases: () => [demo], ...options });
  return { ...made, worker: made.workers[0] as FakeWorker };
}

const demo = namedRelease('demo');

function refuseAttestation(worker: FakeWorker): void {
  worker.misbehave = ({ kind, id }) => {
    if (kind !== linkKind.attest) return false;
    const payload = encodeRefusal({ code: 'attestation_failed', detail: '' });
    worker.send({ id, kind: linkKind.refusal, payload });
    return true;
  };
}

describe('re-attestation', () => {
  const often: SeveralOptions = { waits: { attestationMs: 30, attestationRetryMs: 10 } };

  it('happens at once and then again and again, and is dated', async () => {
    const { pool, worker } = await start(often);
    const attestations = (): number => worker.received.filter(({ kind }) => kind === linkKind.attest).length;
    await until(() => attestations() >= 3);
    const first = pool.members[0]?.attestedAt as number;
    await until(() => (pool.members[0]?.attestedAt as number) > first);
    const challenges = worker.received.filter(({ kind }) => kind === linkKind.attest).map(({ payload }) => payload);
    expect(new Set(challenges.map((challenge) => challenge.join())).size).toBe(challenges.length);
  });

  it('that fails takes the worker out until it works again', async () => {
    const { pool, worker, events } = await start(often);
    refuseAttestation(worker);
    await until(() => pool.members[0]?.state.kind === 'unusable');
    expect(pool.members[0]?.state).toEqual({ kind: 'unusable', fault: 'attestation_failed' });
    expect(await codeOf(pool.plain(demo.modelId, requestFor(demo.modelId)))).toBe('worker_unreachable');
    worker.misbehave = undefined;
    await until(() => pool.members[0]?.state.kind === 'ready');
    expect(await codeOf(pool.plain(demo.modelId, requestFor(demo.modelId)))).toBe('answered');
    expect(events).toContainEqual({ event: 'worker_suspended', worker: 0, why: 'attestation_failed' });
    expect(events).toContainEqual({ event: 'worker_restored', worker: 0, why: 'attestation_failed' });
  });

  it.each([
    ['is no document', () => random(200)],
    ['answers another challenge', (one: Uint8Array) => one],
  ])('fails with what %s', async (_, document) => {
    const { pool, worker } = await start({ waits: { attestationMs: 3_600_000 } });
    const old = (await pool.attest(random(32))).attested;
    worker.misbehave = ({ kind, id }) => {
      if (kind !== linkKind.attest) return false;
      const payload = encodeAttested({ ...old, document: document(old.document) });
      worker.send({ id, kind: linkKind.reply, payload });
      return true;
    };
    worker.dropConnection();
    await until(() => pool.members[0]?.state.kind === 'unusable');
    expect(pool.members[0]?.state).toMatchObject({ fault: 'attestation_failed' });
  });
});

describe('events', () => {
  it('say which worker they are about', async () => {
    made = await several(2, { releases: () => [demo] });
    const { events, workers } = made;
    const of = (event: string): unknown[] =>
      events.filter((one) => one.event === event).map((one) => 'worker' in one && one.worker);
    expect([of('link_up').sort(), of('release_loaded').sort()]).toEqual([
      [0, 1],
      [0, 1],
    ]);
    workers[1]?.dropConnection();
    await until(() => of('link_down').length === 1);
    expect(of('link_down')).toEqual([1]);
  });
});

describe('a worker that is lost again and again', () => {
  const strict: SeveralOptions = { waits: { losses: 3, lossWindowMs: 60_000, suspensionMs: [150, 1_000] } };

  async function lose({ pool, worker }: { pool: Several['pool']; worker: FakeWorker }): Promise<void> {
    const before = worker.connections;
    worker.dropConnection();
    await until(() => worker.connections > before && pool.members[0]?.worker !== undefined);
  }

  it('is left alone for a while, comes back, and is left alone sooner and longer then', async () => {
    const one = await start(strict);
    const suspensions = (): number => one.events.filter(({ event }) => event === 'worker_suspended').length;
    await lose(one);
    await lose(one);
    expect(suspensions()).toBe(0);
    await lose(one);
    expect(one.pool.members[0]?.state).toEqual({ kind: 'unusable', fault: 'keeps_failing' });
    expect(await codeOf(one.pool.plain(demo.modelId, requestFor(demo.modelId)))).toBe('worker_unreachable');
    await until(() => one.pool.members[0]?.state.kind === 'ready');
    expect(await codeOf(one.pool.plain(demo.modelId, requestFor(demo.modelId)))).toBe('answered');
    await lose(one);
    expect(suspensions()).toBe(2);
    await until(() => one.pool.members[0]?.state.kind === 'ready');
  });

  it('is not one that was lost a few times over a long time', async () => {
    const one = await start({ waits: { losses: 3, lossWindowMs: 1, suspensionMs: [1_000, 1_000] } });
    for (let i = 0; i < 4; i++) await lose(one);
    expect(one.events.map(({ event }) => event)).not.toContain('worker_suspended');
  });
});
