import { beforeEach, describe, expect, it } from 'vitest';
import {
  type FailoverEvent,
  type FailoverRules,
  type FailoverState,
  firstState,
  keptEvent,
  nextStep,
} from '../../client/failover.ts';
import { ClientError } from '../../client/index.ts';
import { gate } from '../enclave/worker/core/harness.ts';
import { createFleet } from './fleet.ts';
import { createWorld, KEPT, RECORD, refusalOf, type World } from './world.ts';

const rules: FailoverRules = { retry: undefined, attempts: 3, asks: 3 };
const lost = (changes: Partial<FailoverState> = {}): FailoverEvent => ({
  ...{ kind: 'lost', begun: false, paid: false },
  ...changes,
});

/** What the machine says to one event after the other. */
function run(events: readonly FailoverEvent[], changes: Partial<FailoverRules> = {}): readonly string[] {
  let state = firstState;
  return events.map((event) => {
    const [next, step] = nextStep(state, event, { ...rules, ...changes });
    state = next;
    return step.kind;
  });
}

const notKept: FailoverEvent = { kind: 'not-kept' };
const pending: FailoverEvent = { kind: 'pending' };
const notAsked: FailoverEvent = { kind: 'not-asked' };
const unsent: FailoverEvent = { kind: 'unsent' };
const elsewhere: FailoverEvent = { kind: 'elsewhere' };

describe('the way of one request', () => {
  it.each<[string, readonly FailoverEvent[], Partial<FailoverRules>, readonly string[]]>([
    ['lost: the kept answer is asked for before anything else', [lost()], {}, ['ask']],
    ['lost and not kept, free: asked again', [lost(), notKept], {}, ['ask', 'send']],
    ['lost and not kept, paid: over', [lost({ paid: true }), notKept], {}, ['ask', 'give-up']],
    ['paid, with repeats allowed', [lost({ paid: true }), notKept], { retry: 'unanswered' }, ['ask', 'send']],
    ['free, with repeats forbidden', [lost(), notKept], { retry: 'never' }, ['ask', 'give-up']],
    ['lost after its beginning: never asked again', [lost({ begun: true }), notKept], {}, ['ask', 'give-up']],
    [
      'under way: waited for, up to the bound, and not run a second time beside it',
      [lost(), pending, pending, pending],
      { retry: 'unanswered' },
      ['ask', 'wait', 'wait', 'give-up'],
    ],
    ['the host is away: one more try, then somebody else', [lost(), notAsked, notAsked], {}, ['ask', 'wait', 'send']],
    ['the host is away, paid: over', [lost({ paid: true }), notAsked, notAsked], {}, ['ask', 'wait', 'give-up']],
    ['away, then there', [lost(), notAsked, notKept], {}, ['ask', 'wait', 'send']],
    [
      'never sent: sent elsewhere, also where it is paid',
      [unsent, unsent, unsent],
      { retry: 'never' },
      ['send', 'send', 'give-up'],
    ],
    ['a worker without the model: the next one', [elsewhere, elsewhere, elsewhere], {}, ['send', 'send', 'give-up']],
    [
      'lost again and again: three times in all',
      [lost(), notKept, lost(), notKept, lost(), notKept],
      {},
      ['ask', 'send', 'ask', 'send', 'ask', 'give-up'],
    ],
    [
      'each attempt has its own bound of questions',
      [lost(), notAsked, notKept, lost(), notAsked, notKept],
      {},
      ['ask', 'wait', 'send', 'ask', 'wait', 'send'],
    ],
  ])('%s', (_, events, changes, expected) => {
    expect(run(events, changes)).toEqual(expected);
  });
});

describe('the word of a host on a kept answer', () => {
  it.each([
    ['host_error', 'response_pending', 'pending'],
    ['host_error', 'response_unknown', 'not-kept'],
    ['host_error', 'not_found', 'not-kept'],
    ['host_error', 'busy', 'not-asked'],
    ['host_unreachable', 'answer_cut', 'not-asked'],
    ['host_timeout', 'host_timeout', 'not-asked'],
    ['session_lost', 'session_unknown', 'not-kept'],
    ['protocol_violated', 'record_invalid', undefined],
    ['response_too_large', 'response_too_large', undefined],
  ] as const)('%s/%s is %s', (code, reason, kind) => {
    expect(keptEvent(code, reason)?.kind).toBe(kind);
  });
});

let world: World;
let other: World;
beforeEach(async () => {
  [world, other] = await Promise.all([createWorld(), createWorld()]);
});

const records = (at: World): number => at.calls.filter((call) => call === RECORD).length;

/** The answer is made, and lost on its way. */
function loseAnswers(at: World, times = Number.POSITIVE_INFINITY): void {
  let left = times;
  at.onPost = async (path, pass) => {
    const reply = await pass();
    if (`POST ${path}` !== RECORD || left <= 0) return reply;
    left -= 1;
    throw new ClientError('host_unreachable', 'the connection broke');
  };
}

describe('an answer that is lost on its way', () => {
  it('is fetched where it is kept, and the request was sent once', async () => {
    const client = world.client();
    loseAnswers(world);
    const { receipt } = await client.infer(world.call);
    expect(receipt.index).toBe(0);
    expect([records(world), world.headers.length]).toEqual([1, 1]);
    expect(world.calls).toContain(KEPT);
  });

  it('is waited for while it is under way', async () => {
    const slow = gate();
    world.pool.run = async (inputs) => {
      await slow.passed;
      return inputs.map((tensor) => ({ ...tensor, name: 'y' }));
    };
    world.onPost = async (path, pass) => {
      if (`POST ${path}` !== RECORD) return pass();
      pass().catch(() => {});
      throw new ClientError('host_timeout', 'too slow');
    };
    let waits = 0;
    const pause = async (): Promise<void> => {
      waits += 1;
      if (waits === 4) slow.open();
      await new Promise((resolve) => setTimeout(resolve, 2));
    };
    const { receipt } = await world.client({}, { pause }).infer(world.call);
    expect(receipt.status).toBe('ok');
    expect(waits).toBeGreaterThanOrEqual(4);
    expect(records(world)).toBe(1);
  });

  it('and not kept is asked for again, with another number', async () => {
    world.keeping = false;
    loseAnswers(world, 1);
    await world.client().infer(world.call);
    const [first, second] = world.headers;
    expect(world.headers).toHaveLength(2);
    expect(first?.requestId).not.toEqual(second?.requestId);
  });

  it('and not kept is not asked for again by whoever forbids it', async () => {
    world.keeping = false;
    loseAnswers(world, 1);
    expect(await refusalOf(world.client({}, { retry: 'never' }).infer(world.call))).toMatch(/^host_unreachable/);
    expect(await refusalOf(world.client().infer(world.call, { retry: 'never' }))).toBe('accepted');
    expect(world.headers).toHaveLength(2);
  });

  it('is somebody’s forgery where the kept one was changed', async () => {
    loseAnswers(world);
    world.onGet = async (path, reply) =>
      path.startsWith('/v1/responses/') ? reply.map((byte, at) => (at === 80 ? byte ^ 1 : byte)) : reply;
    expect(await refusalOf(world.client().infer(world.call))).toBe('protocol_violated/record_invalid');
    expect(world.headers).toHaveLength(1);
  });

  it('is given up after three attempts', async () => {
    world.keeping = false;
    loseAnswers(world);
    expect(await refusalOf(world.client().infer(world.call))).toMatch(/^host_unreachable\//);
    expect(world.headers).toHaveLength(3);
  });
});

describe('several hosts', () => {
  it('stand in for each other, and each worker is proven before it is asked', async () => {
    const client = world.client({}, { host: [world.host, other.host] });
    const before = await client.infer(world.call);
    expect(before.worker.log).toEqual(world.log);
    world.keeping = false;
    world.onPost = () => Promise.reject(new ClientError('host_unreachable', 'gone'));
    world.onGet = () => Promise.reject(new ClientError('host_unreachable', 'gone'));
    const after = await client.infer(world.call);
    expect(after.worker.log).toEqual(other.log);
    expect(records(other)).toBe(1);
  });

  it('are asked in their order, and one that is not accepted is passed over', async () => {
    world.onGet = async (path, reply) => (path.startsWith('/v1/evidence') ? other.host.get(path, 1e6) : reply);
    other.now = world.now;
    // Evidence of the other worker at the first host: accepted, but the handshake is not with that worker.
    const client = world.client({}, { host: [world.host, other.host] });
    expect((await client.infer(world.call)).worker.log).toEqual(other.log);
    expect(records(world)).toBe(0);
  });

  it('tell of the evidence that failed where nobody is left', async () => {
    world.onGet = (path, reply) =>
      path.startsWith('/v1/evidence')
        ? Promise.reject(new ClientError('host_unreachable', 'gone'))
        : Promise.resolve(reply);
    const client = world.client({ images: [] }, { host: [world.host, other.host] });
    expect(await refusalOf(client.infer(world.call))).toBe('evidence_refused/image_refused');
  });

  it('are at least one', async () => {
    expect(await refusalOf((async () => world.client({}, { host: [] as never }))())).toMatch(/^argument_invalid\//);
  });
});

describe('a worker that was caught', () => {
  it('is not asked again by this client, and another is', async () => {
    const client = world.client({}, { host: [world.host, other.host] });
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    expect(await refusalOf(client.infer(world.call))).toBe('receipt_refused/response_mismatch');
    world.onAnswer = (said) => said;
    expect((await client.infer(world.call)).worker.log).toEqual(other.log);
    expect(records(world)).toBe(1);
  });

  it('ends the client where there is no other: with what it was caught at', async () => {
    const client = world.client();
    world.onAnswer = (said) => ({ ...said, body: said.body.map((byte, at) => (at === 40 ? byte ^ 1 : byte)) });
    await refusalOf(client.infer(world.call));
    world.onAnswer = (said) => said;
    expect(await refusalOf(client.infer(world.call))).toBe('receipt_refused/response_mismatch');
    expect(records(world)).toBe(1);
  });
});

describe('several workers of one host', () => {
  it('are candidates by the host’s word, and proven by their own', async () => {
    const fleet = createFleet([world, other]);
    const client = world.client({}, { host: fleet });
    expect((await client.infer(world.call)).worker.log).toEqual(world.log);
    world.keeping = false;
    world.onPost = () => Promise.reject(new ClientError('host_error', '', { reason: 'worker_lost' }));
    expect((await client.infer(world.call)).worker.log).toEqual(other.log);
  });

  it('that lack the model say so in a receipt, and one that has it answers', async () => {
    const without = await createWorld({}, { models: [world.chat] });
    const client = world.client({}, { host: createFleet([without, other]) });
    const { worker } = await client.infer(world.call);
    expect(worker.log).toEqual(other.log);
    await client.infer(world.call);
    expect([records(without), records(other)]).toEqual([1, 2]);
  });

  it('that all lack it: the refusal is the worker’s own', async () => {
    const without = await createWorld({}, { models: [world.chat] });
    // Somebody must show the release, or there would be nothing to ask for.
    without.onGet = async (_, reply) => reply;
    const client = world.client({}, { host: createFleet([without], [world.demo]) });
    expect(await refusalOf(client.infer(world.call))).toBe('answer_refused/model_not_loaded');
    // It may have been loaded meanwhile: the next call asks again.
    const before = records(without);
    expect(await refusalOf(client.infer(world.call))).toBe('answer_refused/model_not_loaded');
    expect(records(without)).toBeGreaterThan(before);
  });

  it('are few by the host’s word or many: no more than sixteen are asked', async () => {
    const names = Array.from({ length: 200 }, (_, at) => ({
      log: at.toString(16).padStart(64, '0'),
      state: 'ready',
      models: [],
    }));
    world.onGet = async (path, reply) =>
      path === '/v1/workers' ? new TextEncoder().encode(JSON.stringify(names)) : reply;
    expect(await refusalOf(world.client({ images: [] }).worker())).toBe('evidence_refused/image_refused');
    expect(world.calls.filter((call) => call.startsWith('GET /v1/evidence'))).toHaveLength(16);
  });

  it.each([
    ['no list', '{}'],
    ['a list of other things', '[1,"a",null]'],
    ['a log that is none', '[{"log":"x","state":"ready","models":[]},{"log":"y","state":"ready","models":[]}]'],
  ])('are hints: %s is as good as none', async (_, text) => {
    world.onGet = async (path, reply) => (path === '/v1/workers' ? new TextEncoder().encode(text) : reply);
    expect(await refusalOf(world.client({ images: [] }).worker())).toBe('evidence_refused/image_refused');
  });
});

describe('before its end', () => {
  it('a session is replaced while it still serves', async () => {
    const client = world.client({}, { renewMarginMs: 60_000 });
    const first = await client.worker();
    world.now = first.acceptedUntil - 60_000;
    expect(await client.worker()).toBe(first);
    expect(world.calls.filter((call) => call.startsWith('GET /v1/evidence'))).toHaveLength(1);
    world.now += 1;
    expect(await client.worker()).toBe(first);
    await new Promise((resolve) => setTimeout(resolve, 50));
    const second = await client.worker();
    expect(second.acceptedUntil).toBeGreaterThan(first.acceptedUntil);
    expect(world.calls.filter((call) => call.startsWith('GET /v1/evidence'))).toHaveLength(2);
  });

  it('one that cannot be replaced serves to its end, and the host is not asked at every call', async () => {
    const client = world.client({}, { renewMarginMs: 60_000 });
    const first = await client.worker();
    world.now = first.acceptedUntil - 30_000;
    world.onGet = () => Promise.reject(new ClientError('host_unreachable', 'gone'));
    const before = world.calls.length;
    for (let i = 0; i < 5; i++) {
      expect(await client.worker()).toBe(first);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    expect(world.calls.length - before).toBe(1);
    world.now = first.acceptedUntil + 1;
    expect(await refusalOf(client.worker())).toBe('host_unreachable/host_unreachable');
  });
});
