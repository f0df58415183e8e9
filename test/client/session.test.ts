import { beforeEach, describe, expect, it } from 'vitest';
import { ClientError } from '../../client/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { gate } from '../enclave/worker/core/harness.ts';
import { createWorld, EVIDENCE, HANDSHAKE, RECORD, refusalOf, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

const count = (name: string): number => world.calls.filter((call) => call === name).length;

/** The host refuses what `name` asks, for as long as the answer is an error. */
function refuse(name: string, error: ClientError): void {
  const [method, path] = name.split(' ') as [string, string];
  if (method === 'GET')
    world.onGet = async (asked, reply) => orThrow(asked.startsWith(path.replace('*', '')), error, reply);
  else world.onPost = async (asked, pass) => orThrow(asked === path, error, await pass());
}

function orThrow(applies: boolean, error: ClientError, reply: Uint8Array): Uint8Array {
  if (applies) throw error;
  return reply;
}

function behave(): void {
  world.onGet = async (_, reply) => reply;
  world.onPost = (_, pass) => pass();
}

describe('one client', () => {
  it('opens one session for however many first calls', async () => {
    const client = world.client();
    const results = await Promise.all(Array.from({ length: 10 }, () => client.infer(world.call)));
    expect([count(EVIDENCE), count(HANDSHAKE), count(RECORD)]).toEqual([1, 1, 10]);
    expect(new Set(results.map(({ receipt }) => receipt.index)).size).toBe(10);
  });

  it('fails all first calls together, and the next one starts anew', async () => {
    const client = world.client();
    refuse(EVIDENCE, new ClientError('host_error', 'no', { reason: 'busy' }));
    const lost = await Promise.all([refusalOf(client.infer(world.call)), refusalOf(client.infer(world.call))]);
    expect(lost).toEqual(['host_error/busy', 'host_error/busy']);
    expect(count(EVIDENCE)).toBe(1);
    behave();
    expect(await refusalOf(client.infer(world.call))).toBe('accepted');
  });

  it.each([
    ['evidence', EVIDENCE],
    ['handshake', HANDSHAKE],
  ])('that could not open a session for want of its %s can later', async (_, name) => {
    const client = world.client();
    refuse(name, new ClientError('host_unreachable', 'away'));
    expect(await refusalOf(client.worker())).toBe('host_unreachable/host_unreachable');
    behave();
    expect(await refusalOf(client.worker())).toBe('accepted');
  });
});

describe('acceptance', () => {
  it('ends, and the next call proves the worker again with a challenge of its own', async () => {
    const client = world.client();
    const before = await client.worker();
    world.now = before.acceptedUntil;
    expect(await client.worker()).toBe(before);
    world.now += 1;
    const after = await client.worker();
    expect(after.acceptedUntil).toBeGreaterThan(before.acceptedUntil);
    expect(equalBytes(after.log, before.log)).toBe(true);
    expect([count(EVIDENCE), count(HANDSHAKE)]).toEqual([2, 2]);
  });

  it('that ended is renewed once for however many calls', async () => {
    const client = world.client();
    world.now = (await client.worker()).acceptedUntil + 1;
    await Promise.all(Array.from({ length: 10 }, () => client.infer(world.call)));
    expect([count(EVIDENCE), count(HANDSHAKE)]).toEqual([2, 2]);
  });
});

/** For what a lost call leaves behind; what becomes of it where repeats are allowed is in failover.test.ts. */
const never = { retry: 'never' } as const;

describe('a worker that restarted', () => {
  it('does not know the session: the call is lost, is not repeated, and the next one proves the new worker', async () => {
    const client = world.client({}, never);
    const before = await client.infer(world.call);
    await world.restart();
    expect(await refusalOf(client.infer(world.call))).toBe('session_lost/session_unknown');
    expect(count(RECORD)).toBe(2);
    const after = await client.infer(world.call);
    expect(toHex(after.worker.log)).not.toBe(toHex(before.worker.log));
    expect(after.receipt.index).toBe(0);
  });
});

describe('after a failed call', () => {
  beforeEach(() => {
    world.keeping = false;
  });

  const cases: readonly (readonly [string, ClientError, 'kept' | 'opened again'])[] = [
    ['a host that is busy', new ClientError('host_error', '', { reason: 'busy' }), 'kept'],
    ['a host that is away', new ClientError('host_unreachable', ''), 'kept'],
    ['a host that is late', new ClientError('host_timeout', ''), 'kept'],
    ['a worker that is gone', new ClientError('host_error', '', { reason: 'worker_lost' }), 'opened again'],
    ['a session that is gone', new ClientError('session_lost', '', { reason: 'session_unknown' }), 'opened again'],
  ];

  it.each(cases)('because of %s the session is as it should be', async (_, error, expected) => {
    const client = world.client({}, never);
    await client.infer(world.call);
    refuse(RECORD, error);
    expect(await refusalOf(client.infer(world.call))).toBe(`${error.code}/${error.reason}`);
    // Whether it was run is not known here, so it is not sent twice.
    expect(count(RECORD)).toBe(2);
    behave();
    await client.infer(world.call);
    expect(count(HANDSHAKE)).toBe(expected === 'kept' ? 1 : 2);
  });

  it('that came back late, the session that others opened meanwhile is kept', async () => {
    const client = world.client({}, never);
    await client.infer(world.call);
    const slow = gate();
    world.onPost = async (path, pass) => {
      if (`POST ${path}` === RECORD) await slow.passed;
      return pass();
    };
    const late = refusalOf(client.infer(world.call));
    await new Promise((resolve) => setTimeout(resolve, 5));
    refuse(RECORD, new ClientError('session_lost', '', { reason: 'session_unknown' }));
    expect(await refusalOf(client.infer(world.call))).toBe('session_lost/session_unknown');
    behave();
    await client.infer(world.call);
    expect(count(HANDSHAKE)).toBe(2);
    slow.break(new ClientError('session_lost', '', { reason: 'session_unknown' }));
    expect(await late).toBe('session_lost/session_unknown');
    await client.infer(world.call);
    expect(count(HANDSHAKE)).toBe(2);
  });
});
