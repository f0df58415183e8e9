import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostEvent, LinkError } from '../../host/errors.ts';
import { type Journal, JournalError, openJournal } from '../../host/journal/index.ts';
import type { Patience } from '../../host/patience.ts';
import type { Release } from '../../host/releases.ts';
import { openWorkerLink, type WorkerLink } from '../../host/worker-link.ts';
import { concatBytes, equalBytes, u32 } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { encodeAttested, encodeEntries, linkKind } from '../../wire/message/link.ts';
import { encodeRequestHeader } from '../../wire/message/request.ts';
import { type Counters, counterNames, encodeEnd, encodeTelemetry } from '../../wire/message/telemetry.ts';
import { createFakeLog, random, testConfiguration } from '../support/fake-log.ts';
import { testRelease } from '../support/fake-release.ts';
import { challengeIn, type FakeWorker, type FakeWorkerOptions, startFakeWorker } from '../support/fake-worker.ts';

const configuration = testConfiguration();
const PATIENCE: Partial<Patience> = { reconnectMs: [5, 50] };

let directory: string;
let journal: Journal;
let worker: FakeWorker;
let link: WorkerLink | undefined;
let events: HostEvent[];
let counters: Counters[];
let ends: number[];

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'proofmark-link-'));
  journal = openJournal(join(directory, 'journal'), { maxBytes: 2 ** 28 });
  events = [];
  counters = [];
  ends = [];
});

afterEach(async () => {
  await link?.close();
  link = undefined;
  await worker.close();
  await journal.close();
  rmSync(directory, { recursive: true, force: true });
});

const socketPath = (): string => join(directory, 'worker.sock');

async function startWorker(options: FakeWorkerOptions = {}): Promise<void> {
  worker = await startFakeWorker(socketPath(), options);
}

interface Changes {
  readonly journal?: Journal;
  readonly patience?: Partial<Patience>;
  readonly releases?: readonly Release[];
}

function openLink(changes: Changes = {}): WorkerLink {
  link = openWorkerLink({
    path: socketPath(),
    configuration,
    releases: (present) =>
      (changes.releases ?? []).filter(({ modelId }) => !present.some((id) => equalBytes(id, modelId))),
    journal: changes.journal ?? journal,
    health: { counters: (latest) => counters.push(latest), ended: (exitStatus) => ends.push(exitStatus) },
    onEvent: (event) => events.push(event),
    patience: { ...PATIENCE, ...changes.patience },
  });
  return link;
}

function request(requestId: Uint8Array = random(32), body: Uint8Array = Uint8Array.of(1, 2, 3)): Uint8Array {
  const header = encodeRequestHeader({
    requestId,
    modelId: random(32),
    operation: 0n,
    format: 1n,
    jsonLength: BigInt(body.length),
    flags: 0n,
    salt: random(32),
    channel: new Uint8Array(32),
    unitPrice: 5n,
    maxFee: 5n,
    deadline: 0n,
    seed: new Uint8Array(32),
  });
  return concatBytes(header, body);
}

function codeOf(promise: Promise<unknown>): Promise<string> {
  return promise.then(
    () => 'answered',
    (error: LinkError) => error.code,
  );
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 500 && !condition(); i++) await new Promise((resolve) => setTimeout(resolve, 10));
  expect(condition()).toBe(true);
}

describe('bringing a worker up', () => {
  it('configures it, loads releases, and answers', async () => {
    await startWorker();
    const release = testRelease([random(5_000_000), new Uint8Array(0), random(10)]);
    const opened = openLink({ releases: [release] });
    const { log } = await opened.ready;
    expect(log).toEqual(worker.log.log);
    expect(worker.models).toEqual([release.modelId]);
    expect(opened.status.kind).toBe('ready');
    const challenge = random(32);
    expect(challengeIn((await opened.attest(challenge)).document)).toEqual(challenge);
    const hello = random(48);
    expect((await opened.handshake(hello)).slice(16)).toEqual(hello);
    const requestId = random(32);
    const answer = await opened.plain(request(requestId));
    expect(answer.body).toEqual(Uint8Array.of(1, 2, 3));
    await journal.caughtUp();
    expect(journal.places(requestId)).toEqual([{ log, index: 0 }]);
    const record = random(700);
    expect(await opened.sealed(random(16), record)).toEqual(record);
    await until(() => worker.acknowledged === 2);
  });

  it('waits for a worker that starts later, and finds it again after it was lost', async () => {
    await startWorker();
    await worker.close();
    const opened = openLink();
    expect(await codeOf(opened.plain(request()))).toBe('worker_unreachable');
    await startWorker();
    await opened.ready;
    worker.dropConnection();
    await until(() => worker.connections === 2 && opened.status.kind === 'ready');
    expect(await codeOf(opened.plain(request()))).toBe('answered');
    expect(worker.received.filter(({ kind }) => kind === linkKind.configure)).toHaveLength(1);
  });

  it('takes a new worker in the place of the old one, and loads releases again', async () => {
    await startWorker();
    const opened = openLink({ releases: [testRelease([random(9)])] });
    const first = (await opened.ready).log;
    await worker.close();
    await startWorker();
    await until(() => worker.models.length === 1 && opened.status.kind === 'ready');
    await opened.plain(request());
    await journal.caughtUp();
    expect(journal.size(first)).toBe(0);
    expect(journal.size(worker.log.log)).toBe(1);
  });

  it('journals again what was not acknowledged, before anything else', async () => {
    const log = createFakeLog(configuration);
    const entries = [log.grow([{}, {}]).entries, log.grow([{}]).entries];
    await startWorker({ configured: log });
    worker.misbehave = () => false;
    const opened = openLink();
    await opened.ready;
    for (const one of entries) worker.send({ id: 0, kind: linkKind.entries, payload: encodeEntries(one) });
    await until(() => worker.acknowledged === 3);
    expect(journal.size(log.log)).toBe(3);
  });

  it('refuses a worker of another configuration, and says so', async () => {
    await startWorker({ configured: createFakeLog(testConfiguration({ telemetry: 'counters' })) });
    const opened = openLink();
    await until(() => opened.status.kind === 'unusable');
    expect(opened.status).toEqual({ kind: 'unusable', fault: 'configuration_mismatch' });
    expect(await codeOf(opened.plain(request()))).toBe('worker_unreachable');
  });

  it('refuses a worker that was acknowledged what this journal does not have', async () => {
    await startWorker();
    const opened = openLink();
    await opened.ready;
    await opened.plain(request());
    await until(() => worker.acknowledged === 1);
    await opened.close();
    const empty = openJournal(join(directory, 'other'), { maxBytes: 2 ** 28 });
    const again = openLink({ journal: empty });
    await until(() => again.status.kind === 'unusable');
    expect(again.status).toEqual({ kind: 'unusable', fault: 'journal_disagrees' });
    await again.close();
    await empty.close();
  });

  it('goes on without a release that the worker refuses, or that cannot be read', async () => {
    await startWorker();
    const good = testRelease([random(5)]);
    const unreadable = {
      ...testRelease([random(6)]),
      // biome-ignore lint/correctness/useYield: a file that is gone yields nothing
      async *read(): AsyncGenerator<Uint8Array> {
        throw new TypeError('gone');
      },
    };
    await openLink({ releases: [unreadable, good] }).ready;
    expect(worker.models).toEqual([good.modelId]);
    expect(events).toContainEqual(expect.objectContaining({ event: 'release_refused', code: 'file_unreadable' }));
  });
});

describe('R9: a worker that does not do what it should', () => {
  async function readyLink(changes: Changes = {}): Promise<WorkerLink> {
    await startWorker();
    const opened = openLink(changes);
    await opened.ready;
    return opened;
  }

  it('fails every pending request at once when it is lost, and serves the next', async () => {
    const opened = await readyLink();
    worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const pending = Array.from({ length: 20 }, () => codeOf(opened.plain(request())));
    await until(() => worker.received.filter(({ kind }) => kind === linkKind.plain).length === 20);
    const start = performance.now();
    worker.dropConnection();
    expect(new Set(await Promise.all(pending))).toEqual(new Set(['worker_lost']));
    expect(performance.now() - start).toBeLessThan(1_000);
    worker.misbehave = undefined;
    await until(() => opened.status.kind === 'ready');
    expect(await codeOf(opened.plain(request()))).toBe('answered');
  });

  it.each<[string, Uint8Array]>([
    ['a length of 4 GiB', Uint8Array.of(0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1, 0x81)],
    ['a length beyond the limit', Uint8Array.from([...u32(limits.frameBytes + 1), 0, 0, 0, 1, 0x81])],
    ['a length of zero', new Uint8Array(9)],
    ['an answer to no request', Uint8Array.of(0, 0, 0, 5, 0, 0, 9, 9, 0x81)],
    ['an unknown kind', Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 0, 0x55)],
    ['a second state', Uint8Array.of(0, 0, 0, 5, 0, 0, 0, 0, 0x83)],
    ['entries that are none', Uint8Array.of(0, 0, 0, 6, 0, 0, 0, 0, 0x84, 0xff)],
  ])('%s ends the connection, not the host', async (_, bytes) => {
    const opened = await readyLink();
    worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const pending = codeOf(opened.plain(request()));
    await until(() => worker.received.some(({ kind }) => kind === linkKind.plain));
    worker.sendBytes(bytes);
    expect(await pending).toBe('worker_protocol');
    worker.misbehave = undefined;
    await until(() => opened.status.kind === 'ready' && worker.connections === 2);
    expect(await codeOf(opened.plain(request()))).toBe('answered');
  });

  it('an attestation that is none is the worker’s fault, and ends nothing else', async () => {
    const opened = await readyLink();
    worker.misbehave = ({ kind, id }) => {
      if (kind !== linkKind.attest) return false;
      worker.send({ id, kind: linkKind.reply, payload: random(10) });
      return true;
    };
    expect(await codeOf(opened.attest(random(32)))).toBe('worker_protocol');
    expect(worker.connections).toBe(1);
  });

  it('an answer that comes twice ends the connection', async () => {
    const opened = await readyLink();
    worker.misbehave = ({ kind, id }) => {
      if (kind !== linkKind.attest) return false;
      const payload = encodeAttested({
        tee: 'aws-nitro',
        document: random(10),
        certificateTable: null,
        possession: random(64),
      });
      for (let i = 0; i < 2; i++) worker.send({ id, kind: linkKind.reply, payload });
      return true;
    };
    expect(await codeOf(opened.attest(random(32)))).toBe('answered');
    await until(() => worker.connections === 2);
    expect(events).toContainEqual({ event: 'link_down', code: 'worker_protocol' });
  });

  it('an answer that never comes is a timeout, and a late one is ignored', async () => {
    const opened = await readyLink({ patience: { attestMs: 50 } });
    let late = 0;
    worker.misbehave = ({ kind, id }) => {
      if (kind === linkKind.attest) late = id;
      return kind === linkKind.attest;
    };
    expect(await codeOf(opened.attest(random(32)))).toBe('worker_timeout');
    worker.send({ id: late, kind: linkKind.reply, payload: random(10) });
    expect(await codeOf(opened.plain(request()))).toBe('answered');
    expect(worker.connections).toBe(1);
  });

  it('a frame cut off in its middle loses the connection only', async () => {
    const opened = await readyLink();
    worker.misbehave = ({ kind, id }, socket) => {
      if (kind !== linkKind.attest) return false;
      socket.end(Uint8Array.from([...u32(100), ...u32(id), 0x81, 1, 2, 3]));
      return true;
    };
    expect(await codeOf(opened.attest(random(32)))).toBe('worker_lost');
  });

  it('a refusal carries its code', async () => {
    const opened = await readyLink();
    await expect(opened.plain(random(100))).rejects.toMatchObject({ code: 'worker_refused', refusal: 'malformed' });
  });

  it('a worker that sends no state is given up and tried again', async () => {
    await startWorker();
    const silent = worker;
    await silent.close();
    const { createServer } = await import('node:net');
    let connections = 0;
    const server = createServer(() => {
      connections += 1;
    });
    await new Promise<void>((resolve) => {
      server.listen(socketPath(), resolve);
    });
    openLink({ patience: { stateMs: 30 } });
    await until(() => connections >= 2);
    await link?.close();
    await new Promise((resolve) => server.close(resolve));
  });

  it('R8: a client that leaves frees its place', async () => {
    const opened = await readyLink();
    worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const leaving = new AbortController();
    const pending = codeOf(opened.plain(request(), { signal: leaving.signal }));
    leaving.abort();
    expect(await pending).toBe('cancelled');
    expect(await codeOf(opened.plain(request(), { signal: leaving.signal }))).toBe('cancelled');
  });

  it('R11: beyond its places it is busy at once', async () => {
    const opened = await readyLink();
    worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const pending = Array.from({ length: limits.hostPending }, () => codeOf(opened.plain(request())));
    const start = performance.now();
    expect(await codeOf(opened.plain(request()))).toBe('busy');
    expect(performance.now() - start).toBeLessThan(1_000);
    worker.dropConnection();
    await Promise.all(pending);
  });

  it('R10: a worker that stops reading does not fill the memory', async () => {
    const opened = await readyLink();
    worker.misbehave = (_, socket) => {
      socket.pause();
      return true;
    };
    const large = request(random(32), new Uint8Array(16_000_000));
    const codes: Promise<string>[] = [];
    for (let i = 0; i < 10; i++) {
      codes.push(codeOf(opened.plain(large)));
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
    worker.dropConnection();
    // One may have reached the worker before it stopped, and the system holds a few megabytes of another.
    const accepted = (await Promise.all(codes)).filter((code) => code !== 'busy');
    expect(accepted.length).toBeLessThan(7);
    expect(new Set(accepted)).toEqual(new Set(['worker_lost']));
  });
});

describe('A7: the order of journal and answer', () => {
  /** A journal whose writes wait until the test lets them go. */
  function heldJournal(): { readonly journal: Journal; release(): void; fail(error: JournalError): void } {
    let open: Promise<void>;
    let settle: { resolve: () => void; reject: (error: Error) => void };
    const hold = (): void => {
      open = new Promise((resolve, reject) => {
        settle = { resolve, reject };
      });
      open.catch(() => undefined);
    };
    hold();
    return {
      journal: {
        ...journal,
        append(log, entries) {
          const gate = open;
          const done = gate.then(() => journal.append(log, entries).durable);
          const written = done.then(() => undefined);
          done.catch(() => undefined);
          written.catch(() => undefined);
          return { written, durable: done };
        },
      },
      release: () => settle.resolve(),
      fail: (error) => {
        settle.reject(error);
        hold();
        settle.resolve();
      },
    };
  }

  it('an answer leaves only when its receipt is written, and is acknowledged only then', async () => {
    await startWorker();
    const held = heldJournal();
    const opened = openLink({ journal: held.journal });
    await opened.ready;
    let answered = 0;
    const answers = [opened.plain(request()), opened.sealed(random(16), random(64)), opened.plain(request())];
    for (const answer of answers) void answer.then(() => (answered += 1));
    await until(() => worker.log.size === 3);
    // What needs no receipt is not held up.
    await opened.attest(random(32));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(answered).toBe(0);
    expect(worker.acknowledged).toBe(0);
    held.release();
    await Promise.all(answers);
    expect(journal.size(worker.log.log)).toBe(3);
    await until(() => worker.acknowledged === 3);
  });

  it('without space no answer leaves, nothing new is accepted, and all is written once there is room', async () => {
    await startWorker();
    const held = heldJournal();
    const opened = openLink({ journal: held.journal, patience: { reconnectMs: [100, 100] } });
    await opened.ready;
    const answer = codeOf(opened.plain(request()));
    await until(() => worker.log.size === 1);
    held.fail(new JournalError('journal_full', 'no space'));
    expect(await answer).toBe('journal_unavailable');
    await until(() => opened.status.kind === 'journal_failed');
    expect(await codeOf(opened.plain(request()))).toBe('journal_unavailable');
    expect(worker.acknowledged).toBe(0);
    await until(() => opened.status.kind === 'ready');
    expect(await codeOf(opened.plain(request()))).toBe('answered');
    expect(journal.size(worker.log.log)).toBe(2);
    await until(() => worker.acknowledged === 2);
    expect(events).toContainEqual({ event: 'journal_failed', code: 'journal_full' });
  });

  it('a worker that says two things about one index is not served again', async () => {
    await startWorker();
    const opened = openLink();
    await opened.ready;
    await opened.plain(request());
    const { entries } = worker.log.grow([{}]);
    const lie = { ...entries, ...worker.log.signHead(2, random(32)) };
    worker.send({ id: 0, kind: linkKind.entries, payload: encodeEntries(lie) });
    await until(() => opened.status.kind === 'unusable');
    await until(() => worker.connections >= 3);
    expect(opened.status).toEqual({ kind: 'unusable', fault: 'journal_disagrees' });
    expect(journal.conflicts(worker.log.log)).toHaveLength(1);
    expect(await codeOf(opened.plain(request()))).toBe('worker_unreachable');
  });
});

describe('what a worker says about itself', () => {
  it('is handed on, counter by counter', async () => {
    await startWorker();
    await openLink().ready;
    const values = Object.fromEntries(counterNames.map((name, place) => [name, place])) as unknown as Counters;
    worker.send({ id: 0, kind: linkKind.telemetry, payload: encodeTelemetry(values) });
    await until(() => counters.length > 0);
    expect(counters).toEqual([values]);
  });

  it('ends the connection when it is no telemetry', async () => {
    await startWorker();
    await openLink().ready;
    worker.send({ id: 0, kind: linkKind.telemetry, payload: Uint8Array.of(1, 2, 3) });
    await until(() => events.some((event) => event.event === 'link_down' && event.code === 'worker_protocol'));
    expect(counters).toEqual([]);
  });

  it('ends with the launcher’s word, also to a host that never saw the worker', async () => {
    await startWorker();
    await openLink().ready;
    worker.send({ id: 0, kind: linkKind.ended, payload: encodeEnd(137) });
    await until(() => events.some((event) => event.event === 'link_down' && event.code === 'worker_lost'));
    expect(ends).toEqual([137]);
  });
});
