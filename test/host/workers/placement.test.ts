import { afterEach, describe, expect, it } from 'vitest';
import type { Release } from '../../../host/releases.ts';
import { equalBytes, toHex } from '../../../wire/bytes.ts';
import { encodeRefusal, linkKind, type WorkerRefusalCode } from '../../../wire/message/link.ts';
import { encodeCharged } from '../../../wire/message/session.ts';
import { random } from '../../support/fake-log.ts';
import { type FakeWorker, startFakeWorker } from '../../support/fake-worker.ts';
import { until } from '../support/served.ts';
import { codeOf, namedRelease, requestFor, type Several, type SeveralOptions, several, slots } from './several.ts';

let made: Several | undefined;

afterEach(async () => {
  await made?.stop();
  made = undefined;
});

async function start(count: number, options: SeveralOptions = {}): Promise<Several> {
  made = await several(count, options);
  return made;
}

const [a, b, c, d] = ['a', 'b', 'c', 'd'].map((name) => namedRelease(name)) as [Release, Release, Release, Release];
const all = [a, b, c, d];

function namesAt(worker: FakeWorker | undefined, releases: readonly Release[] = all): string {
  return releases
    .filter(({ modelId }) => worker?.models.some((id) => equalBytes(id, modelId)) === true)
    .map(({ manifest }) => `${manifest.name}${manifest.version === '1.0.0' ? '' : `@${manifest.version}`}`)
    .join();
}

function count(worker: FakeWorker | undefined, kind: number): number {
  return worker?.received.filter((frame) => frame.kind === kind).length ?? 0;
}

function ask({ pool }: Several, { modelId }: Release): Promise<string> {
  return codeOf(pool.plain(modelId, requestFor(modelId)));
}

/** Requests for that model are kept until they are let go. */
function hold(worker: FakeWorker, { modelId }: Release): { readonly held: number; letGo(): void } {
  const ids: number[] = [];
  const kept: (() => void)[] = [];
  worker.misbehave = (frame) => {
    if (frame.kind !== linkKind.plain || !equalBytes(frame.payload.subarray(32, 64), modelId)) return false;
    ids.push(frame.id);
    kept.push(() => {
      const payload = encodeRefusal({ code: 'internal', detail: '' });
      worker.send({ id: frame.id, kind: linkKind.refusal, payload });
    });
    return true;
  };
  return {
    get held() {
      return ids.length;
    },
    letGo() {
      worker.misbehave = undefined;
      for (const reply of kept.splice(0)) reply();
    },
  };
}

function refuse(worker: FakeWorker, code: WorkerRefusalCode, kind: number = linkKind.release): void {
  worker.misbehave = (frame) => {
    if (frame.kind !== kind) return false;
    worker.send({ id: frame.id, kind: linkKind.refusal, payload: encodeRefusal({ code, detail: '' }) });
    return true;
  };
}

describe('at the start', () => {
  it('everything is loaded everywhere as far as there is room', async () => {
    const { workers } = await start(2, { releases: () => all, configured: slots(4) });
    expect(workers.map((worker) => namesAt(worker))).toEqual(['a,b,c,d', 'a,b,c,d']);
  });

  it('workers together have what one has no room for', async () => {
    const { workers } = await start(2, { releases: () => all, configured: slots(2) });
    expect(workers.map((worker) => namesAt(worker))).toEqual(['a,b', 'c,d']);
  });

  it('what is pinned is loaded first, there, and nowhere else', async () => {
    const { workers } = await start(2, {
      releases: () => all,
      configured: slots(2),
      pins: [
        { model: 'd', workers: [0] },
        { model: `c@1.0.0`, workers: [0, 1] },
        { model: toHex(b.modelId), workers: [1] },
      ],
    });
    expect(workers.map((worker) => namesAt(worker))).toEqual(['c,d', 'b,c']);
  });

  it('a worker that is configured for some models is offered those only', async () => {
    const { workers } = await start(1, {
      releases: () => all,
      configured: { ...slots(4), models: [b.modelId, d.modelId] },
    });
    expect(namesAt(workers[0])).toBe('b,d');
  });
});

describe('loading on demand', () => {
  it('loads at the first request, in the place of what was asked for longest ago', async () => {
    const one = await start(1, { releases: () => all, configured: slots(2) });
    const [worker] = one.workers;
    expect(await ask(one, a)).toBe('answered');
    expect(one.pool.serves(c.modelId)).toBe('later');
    expect(await ask(one, c)).toBe('answered');
    expect(namesAt(worker)).toBe('a,c');
    expect(one.pool.serves(c.modelId)).toBe('now');
    expect(await ask(one, a)).toBe('answered');
    expect(await ask(one, b)).toBe('answered');
    expect(namesAt(worker)).toBe('a,b');
    expect(one.events.filter(({ event }) => event === 'release_unloaded')).toHaveLength(2);
  });

  it('loads once for all who ask meanwhile', async () => {
    const one = await start(1, { releases: () => all, configured: slots(2) });
    const before = count(one.workers[0], linkKind.release);
    expect(new Set(await Promise.all(Array.from({ length: 20 }, () => ask(one, d))))).toEqual(new Set(['answered']));
    expect(count(one.workers[0], linkKind.release)).toBe(before + 1);
  });

  it('never unloads what has requests under way: it waits, and nothing new goes to what is to leave', async () => {
    const one = await start(1, { releases: () => all, configured: slots(1) });
    const [worker] = one.workers as [FakeWorker];
    const running = hold(worker, a);
    const first = ask(one, a);
    await until(() => running.held === 1);
    const waiting = ask(one, b);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const behind = ask(one, a);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect([count(worker, linkKind.unload), running.held, namesAt(worker)]).toEqual([0, 1, 'a']);
    running.letGo();
    expect(await first).toBe('worker_refused');
    expect(await waiting).toBe('answered');
    // Whoever came later gets its model back in turn.
    expect(await behind).toBe('answered');
    expect(namesAt(worker)).toBe('a');
  });

  it('serves two models in turns where there is room for one', async () => {
    const one = await start(1, { releases: () => all, configured: slots(1) });
    const codes = await Promise.all(
      Array.from({ length: 40 }, async (_, number) => {
        await new Promise((resolve) => setTimeout(resolve, number));
        return ask(one, number % 2 === 0 ? a : b);
      }),
    );
    expect(new Set(codes)).toEqual(new Set(['answered']));
  });

  it('waits no longer than it was told to, and is busy then', async () => {
    const one = await start(1, { releases: () => all, configured: slots(1), loadPatience: 100 });
    const [worker] = one.workers as [FakeWorker];
    const running = hold(worker, a);
    const first = ask(one, a);
    await until(() => running.held === 1);
    expect(await ask(one, b)).toBe('busy');
    running.letGo();
    await first;
  });

  it('lets whoever leaves go, and loads all the same', async () => {
    const one = await start(1, { releases: () => all, configured: slots(1) });
    const [worker] = one.workers as [FakeWorker];
    const running = hold(worker, a);
    const first = ask(one, a);
    await until(() => running.held === 1);
    const leaving = new AbortController();
    const asked = codeOf(one.pool.plain(b.modelId, requestFor(b.modelId), { signal: leaving.signal }));
    leaving.abort();
    expect(await asked).toBe('cancelled');
    running.letGo();
    await first;
    await until(() => namesAt(worker) === 'b');
  });

  it('counts those who wait: beyond all places the answer is busy', async () => {
    const one = await start(1, { releases: () => all, configured: slots(1), pending: 3 });
    const [worker] = one.workers as [FakeWorker];
    const running = hold(worker, a);
    const asked = [ask(one, a), ask(one, b), ask(one, b)];
    await until(() => running.held === 1);
    expect(await ask(one, c)).toBe('busy');
    running.letGo();
    await Promise.all(asked);
  });

  it('keeps what is pinned, and says so where nothing else could leave', async () => {
    const one = await start(1, { releases: () => all, configured: slots(2), pins: [{ model: 'a', workers: [0] }] });
    const [worker] = one.workers;
    for (const release of [b, c, d, b]) expect(await ask(one, release)).toBe('answered');
    expect(namesAt(worker)).toBe('a,b');
  });

  it('is not here while the workers that it is pinned to are not', async () => {
    const one = await start(2, { releases: () => all, configured: slots(2), pins: [{ model: 'a', workers: [0] }] });
    await one.workers[0]?.close();
    await until(() => one.pool.members[0]?.state.kind === 'connecting');
    expect(await ask(one, a)).toBe('worker_unreachable');
    expect(await ask(one, b)).toBe('answered');
  });

  it('does not offer again what a worker refused, until the worker is another', async () => {
    const one = await start(1, { releases: () => all, configured: slots(1) });
    const [worker] = one.workers as [FakeWorker];
    refuse(worker, 'model_refused');
    // The worker itself answers for what it does not have.
    expect(await ask(one, b)).toBe('answered');
    const offered = count(worker, linkKind.release);
    for (let i = 0; i < 5; i++) expect(await ask(one, b)).toBe('answered');
    expect(count(worker, linkKind.release)).toBe(offered);
    await worker.close();
    await until(() => one.pool.members[0]?.state.kind === 'connecting');
    one.workers[0] = await startFakeWorker(one.path(0));
    await until(() => one.pool.members[0]?.state.kind === 'ready');
    expect(await ask(one, b)).toBe('answered');
    expect(namesAt(one.workers[0])).toBe('b');
  });

  it.each<WorkerRefusalCode>(['too_many_models', 'busy'])('tries again after %s, which passes', async (code) => {
    const one = await start(1, { releases: () => all, configured: slots(1) });
    const [worker] = one.workers as [FakeWorker];
    refuse(worker, code);
    expect(await ask(one, b)).toBe('busy');
    worker.misbehave = undefined;
    expect(await ask(one, b)).toBe('answered');
    expect(namesAt(worker)).toBe('b');
  });

  it('goes to another worker where the first is lost while it loads', async () => {
    const one = await start(2, { releases: () => [a, b, c], configured: slots(1) });
    for (const worker of one.workers) {
      worker.misbehave = (frame, socket) => {
        if (frame.kind !== linkKind.release) return false;
        for (const other of one.workers) other.misbehave = undefined;
        socket.destroy();
        return true;
      };
    }
    expect(await ask(one, c)).toBe('answered');
  });

  it('brings the model of a session to the worker that is named, and back when it has left', async () => {
    const one = await start(2, { releases: () => all, configured: slots(1) });
    const [first] = one.workers as [FakeWorker];
    const { log } = first.log;
    const opened = await one.pool.handshake(random(48), { log, modelId: d.modelId });
    expect(namesAt(first)).toBe('d');
    await one.pool.plain(c.modelId, requestFor(c.modelId), { log });
    expect(namesAt(first)).toBe('c');
    await one.pool.sealed(opened.slice(0, 16), random(10));
    expect(namesAt(first)).toBe('d');
    const shown = Uint8Array.from([0, ...a.modelId, ...random(32)]);
    await codeOf(one.pool.charged(opened.slice(0, 16), encodeCharged(shown, random(9))));
    expect(namesAt(first)).toBe('a');
  });
});

describe('releases that change while the host runs', () => {
  it('loads what is new, lets go what is gone once nobody uses it, and drops no request', async () => {
    const newer = namedRelease('a', '2.0.0');
    let releases: readonly Release[] = [a, b];
    const one = await start(2, { releases: () => releases, configured: slots(3) });
    const [worker] = one.workers as [FakeWorker, FakeWorker];
    const running = hold(worker, a);
    const underWay = codeOf(one.pool.plain(a.modelId, requestFor(a.modelId), { log: worker.log.log }));
    await until(() => running.held === 1);
    const steady = (async () => {
      const codes: string[] = [];
      for (let i = 0; i < 50; i++) codes.push(await ask(one, b));
      return codes;
    })();
    releases = [b, newer];
    const changed = one.pool.releasesChanged();
    const known = [...all, newer];
    await until(() => namesAt(one.workers[1], known) === 'b,a@2.0.0');
    expect(namesAt(worker, known)).toContain('a');
    running.letGo();
    expect(await underWay).toBe('worker_refused');
    await changed;
    expect(one.workers.map((each) => namesAt(each, known))).toEqual(['b,a@2.0.0', 'b,a@2.0.0']);
    expect(new Set(await steady)).toEqual(new Set(['answered']));
    expect(await ask(one, newer)).toBe('answered');
  });
});
