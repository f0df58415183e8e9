import { afterEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { linkKind } from '../../../wire/message/link.ts';
import { encodeCharged } from '../../../wire/message/session.ts';
import { random } from '../../support/fake-log.ts';
import { type FakeWorker, startFakeWorker } from '../../support/fake-worker.ts';
import { until } from '../support/served.ts';
import { codeOf, namedRelease, requestFor, type Several, type SeveralOptions, several } from './several.ts';

let made: Several | undefined;

afterEach(async () => {
  await made?.stop();
  made = undefined;
});

async function start(count: number, options: SeveralOptions = {}): Promise<Several> {
  made = await several(count, options);
  return made;
}

const demo = namedRelease('demo');
const withDemo: SeveralOptions = { releases: () => [demo] };

function plainAt(worker: FakeWorker | undefined): number {
  return worker?.received.filter(({ kind }) => kind === linkKind.plain).length ?? 0;
}

/** Workers that keep what they are asked. */
function silence({ workers }: Several): void {
  for (const worker of workers) worker.misbehave = ({ kind }) => kind === linkKind.plain || kind === linkKind.sealed;
}

describe('who is asked', () => {
  it('spreads evenly over workers that have nothing to do', async () => {
    const { pool, workers } = await start(3, withDemo);
    const logs = new Set<string>();
    for (let i = 0; i < 9; i++) logs.add(toHex((await pool.plain(demo.modelId, requestFor(demo.modelId))).worker.log));
    expect(logs.size).toBe(3);
    expect(workers.map(plainAt)).toEqual([3, 3, 3]);
  });

  it('asks the one with the least under way', async () => {
    const one = await start(2, withDemo);
    silence(one);
    const [first, second] = one.workers as [FakeWorker, FakeWorker];
    const { log } = first.log;
    const held = [1, 2].map(() => codeOf(one.pool.plain(demo.modelId, requestFor(demo.modelId), { log })));
    await until(() => plainAt(first) === 2);
    held.push(...[1, 2].map(() => codeOf(one.pool.plain(demo.modelId, requestFor(demo.modelId)))));
    await until(() => plainAt(second) === 2);
    expect(one.pool.members.map(({ underWay }) => underWay)).toEqual([2, 2]);
    for (const worker of one.workers) worker.dropConnection();
    await Promise.all(held);
  });

  it('asks the worker of the log that is named, and no other', async () => {
    const { pool, workers } = await start(3, withDemo);
    const [, , third] = workers;
    const log = third?.log.log as Uint8Array;
    for (let i = 0; i < 4; i++) {
      const { worker } = await pool.plain(demo.modelId, requestFor(demo.modelId), { log });
      expect(worker.log).toEqual(log);
    }
    expect((await pool.attest(random(32), { log })).worker.log).toEqual(log);
    expect(workers.map(plainAt)).toEqual([0, 0, 4]);
    expect(await codeOf(pool.attest(random(32), { log: random(32) }))).toBe('worker_unknown');
    expect(await codeOf(pool.plain(demo.modelId, requestFor(demo.modelId), { log: random(32) }))).toBe(
      'worker_unknown',
    );
    expect([pool.byLog(log)?.log, pool.byLog(random(32))]).toEqual([log, undefined]);
  });

  it('says so when there is nobody', async () => {
    const { pool, workers } = await start(2, withDemo);
    await Promise.all(workers.map((worker) => worker.close()));
    await until(() => pool.members.every(({ state }) => state.kind === 'connecting'));
    expect(await codeOf(pool.plain(demo.modelId, requestFor(demo.modelId)))).toBe('worker_unreachable');
    expect(() => pool.any()).toThrow(expect.objectContaining({ code: 'worker_unreachable' }));
    await pool.close();
    expect(() => pool.any()).toThrow(expect.objectContaining({ code: 'link_closed' }));
  });
});

describe('a request is sent to one worker at most', () => {
  it('fails with the worker that was lost, and is not repeated at another', async () => {
    const one = await start(2, withDemo);
    silence(one);
    const asked = codeOf(one.pool.plain(demo.modelId, requestFor(demo.modelId)));
    await until(() => one.workers.some((worker) => plainAt(worker) === 1));
    for (const worker of one.workers) if (plainAt(worker) === 1) worker.dropConnection();
    expect(await asked).toBe('worker_lost');
    expect(one.workers.map(plainAt).reduce((sum, count) => sum + count)).toBe(1);
  });

  it('goes to another where the first was lost before anything was sent', async () => {
    const { pool, workers } = await start(2, withDemo);
    await workers[0]?.close();
    await until(() => pool.members[0]?.state.kind === 'connecting');
    for (let i = 0; i < 4; i++) await pool.plain(demo.modelId, requestFor(demo.modelId));
    expect(plainAt(workers[1])).toBe(4);
  });
});

describe('sessions', () => {
  it('belong to the worker that answered the handshake', async () => {
    const { pool, workers } = await start(3);
    for (const worker of workers) {
      const reply = await pool.handshake(random(48), { log: worker.log.log });
      const id = reply.slice(0, 16);
      expect(pool.ofSession(id).log).toEqual(worker.log.log);
      const before = worker.received.filter(({ kind }) => kind === linkKind.sealed).length;
      for (let i = 0; i < 3; i++) await pool.sealed(id, random(100));
      expect(worker.received.filter(({ kind }) => kind === linkKind.sealed).length).toBe(before + 3);
    }
    expect(await codeOf(pool.sealed(random(16), random(100)))).toBe('session_unknown');
    expect(await codeOf(pool.charged(random(16), encodeCharged(new Uint8Array(1), random(9))))).toBe('session_unknown');
  });

  it('are not taken over by a worker that chooses the id of another', async () => {
    const { pool, workers } = await start(2);
    const [honest, thief] = workers as [FakeWorker, FakeWorker];
    const reply = await pool.handshake(random(48), { log: honest.log.log });
    const id = reply.slice(0, 16);
    thief.misbehave = (frame) => {
      if (frame.kind !== linkKind.handshake) return false;
      thief.send({ id: frame.id, kind: linkKind.reply, payload: Uint8Array.from([...id, ...random(48)]) });
      return true;
    };
    expect(await codeOf(pool.handshake(random(48), { log: thief.log.log }))).toBe('worker_protocol');
    expect(pool.ofSession(id).log).toEqual(honest.log.log);
    await pool.sealed(id, random(100));
    expect(thief.received.some(({ kind }) => kind === linkKind.sealed)).toBe(false);
  });

  it('end with their worker, and are not somebody else’s then', async () => {
    const { pool, workers, path } = await start(2);
    const [first] = workers as [FakeWorker, FakeWorker];
    const id = (await pool.handshake(random(48), { log: first.log.log })).slice(0, 16);
    await first.close();
    await until(() => pool.members[0]?.state.kind === 'connecting');
    expect(await codeOf(pool.sealed(id, random(100)))).toBe('worker_unreachable');
    workers[0] = await startFakeWorker(path(0));
    await until(() => pool.members[0]?.state.kind === 'ready');
    expect(await codeOf(pool.sealed(id, random(100)))).toBe('session_unknown');
  });

  it('of a single worker need not be remembered: a host that was restarted goes on', async () => {
    const { pool } = await start(1);
    expect(await codeOf(pool.sealed(random(16), random(100)))).toBe('answered');
  });

  it('refuses a reply to a handshake that is none', async () => {
    const { pool, workers } = await start(1);
    const [worker] = workers as [FakeWorker];
    worker.misbehave = ({ kind, id }) => {
      if (kind !== linkKind.handshake) return false;
      worker.send({ id, kind: linkKind.reply, payload: random(20) });
      return true;
    };
    expect(await codeOf(pool.handshake(random(48)))).toBe('worker_protocol');
  });
});

describe('R11: bounded queues', () => {
  it('is busy at one worker beyond its places, and over all beyond all, at once', async () => {
    const one = await start(2, { ...withDemo, pendingPerWorker: 3, pending: 5 });
    silence(one);
    const ask = (log?: Uint8Array): Promise<string> =>
      codeOf(one.pool.plain(demo.modelId, requestFor(demo.modelId), log === undefined ? {} : { log }));
    const log = one.workers[0]?.log.log as Uint8Array;
    const held = [ask(log), ask(log), ask(log)];
    await until(() => plainAt(one.workers[0]) === 3);
    expect(await ask(log)).toBe('busy');
    held.push(ask(), ask());
    await until(() => plainAt(one.workers[1]) === 2);
    expect(await ask()).toBe('busy');
    expect(() => one.pool.assertRoom()).toThrow(expect.objectContaining({ code: 'busy' }));
    expect(one.pool.members.map(({ underWay }) => underWay)).toEqual([3, 2]);
    for (const worker of one.workers) worker.dropConnection();
    expect(new Set(await Promise.all(held))).toEqual(new Set(['worker_lost']));
    expect(one.pool.members.map(({ underWay }) => underWay)).toEqual([0, 0]);
    one.pool.assertRoom();
  });

  it('R8: gives the place back when whoever asked has left', async () => {
    const one = await start(1, { ...withDemo, pendingPerWorker: 1 });
    silence(one);
    const leaving = new AbortController();
    const asked = codeOf(one.pool.plain(demo.modelId, requestFor(demo.modelId), { signal: leaving.signal }));
    await until(() => plainAt(one.workers[0]) === 1);
    leaving.abort();
    expect(await asked).toBe('cancelled');
    expect(one.pool.members[0]?.underWay).toBe(0);
    await until(() => one.workers[0]?.received.some(({ kind }) => kind === linkKind.abandon) === true);
  });
});

describe('draining one worker', () => {
  it('sends nothing new there, lets finish what is under way, and resumes', async () => {
    const one = await start(2, withDemo);
    const { pool, workers, events } = one;
    const [first] = workers as [FakeWorker, FakeWorker];
    const id = (await pool.handshake(random(48), { log: first.log.log })).slice(0, 16);
    let held = 0;
    first.misbehave = ({ kind, id: frame }) => {
      if (kind === linkKind.sealed && held === 0) held = frame;
      return kind === linkKind.sealed && held === frame;
    };
    const underWay = pool.sealed(id, random(100));
    await until(() => held !== 0);
    pool.drain(0);
    expect(pool.members[0]?.state).toEqual({ kind: 'draining' });
    const before = first.received.length;
    for (let i = 0; i < 4; i++) await pool.plain(demo.modelId, requestFor(demo.modelId));
    expect(plainAt(workers[1])).toBe(4);
    expect(await codeOf(pool.handshake(random(48), { log: first.log.log }))).toBe('worker_unreachable');
    expect(await codeOf(pool.sealed(id, random(100)))).toBe('worker_unreachable');
    expect(first.received.slice(before).filter(({ kind }) => kind !== linkKind.acknowledge)).toEqual([]);
    first.send({ id: held, kind: linkKind.reply, payload: random(5) });
    expect(await underWay).toHaveLength(5);
    expect(pool.members[0]?.underWay).toBe(0);
    // Whoever holds a receipt of it may still ask who it is.
    expect((await pool.attest(random(32), { log: first.log.log })).worker.log).toEqual(first.log.log);
    pool.drain(1);
    expect(await codeOf(pool.plain(demo.modelId, requestFor(demo.modelId)))).toBe('worker_unreachable');
    expect((await pool.attest(random(32))).worker.log).toEqual(pool.any().log);
    pool.resume(0);
    await pool.plain(demo.modelId, requestFor(demo.modelId), { log: first.log.log });
    expect(events.map(({ event }) => event)).toEqual(expect.arrayContaining(['worker_draining', 'worker_resumed']));
  });
});
