import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Client, type HostTransport, nodeTransport } from '../../client/index.ts';
import { type Opening, openSession } from '../../client/session.ts';
import { createChainCache, parseWorkerPolicy } from '../../verifier/index.ts';
import { concatBytes, readU32, toHex, u32, utf8 } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { encodeEvidence } from '../../wire/message/evidence.ts';
import { encodeRequestHeader, flag } from '../../wire/message/request.ts';
import { encodeRecordFrame, RECORDS_TYPE } from '../../wire/message/session.ts';
import { encodeInferRequest } from '../../wire/message/tensor.ts';
import { x } from '../enclave/worker/core/harness.ts';
import { type HttpHost, serveHost } from './http-host.ts';
import { type Middle, type Passing, serveProxy, type Tampered } from './proxy.ts';
import { createWorld, refusalOf, type World } from './world.ts';

const ask = { model: 'demo-chat', messages: [{ role: 'user', content: 'Say hello' }] } as const;
const never = { retry: 'never' } as const;

let world: World;
let host: HttpHost;
let proxy: Middle;
beforeEach(async () => {
  world = await createWorld();
  world.keeping = false;
  host = await serveHost(world.host);
  proxy = await serveProxy(host.url);
});
afterEach(async () => {
  await proxy.close();
  await host.close();
});

function client(): Client {
  return world.client({}, { host: nodeTransport({ url: proxy.url, timeoutMs: 5_000 }), ...never });
}

async function read(from: Client): Promise<void> {
  for await (const _ of from.streamChat(ask)) {
    // Only the end counts.
  }
}

const isRecord = ({ path }: Passing): boolean => /^\/v1\/sessions\/[0-9a-f]{32}/.test(path);

/** Changes the answers to sealed requests. */
function onRecords(change: (passing: Passing) => Tampered | Promise<Tampered>): void {
  proxy.onReply = (passing) => (isRecord(passing) ? change(passing) : passing);
}

function flip(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));
}

function recordsIn(bytes: Uint8Array): Uint8Array[] {
  const records: Uint8Array[] = [];
  for (let at = 0; at < bytes.length; at += 4 + readU32(bytes, at)) {
    records.push(bytes.slice(at + 4, at + 4 + readU32(bytes, at)));
  }
  return records;
}

const framed = (records: readonly Uint8Array[]): Uint8Array => concatBytes(...records.map(encodeRecordFrame));

/** What each meddling with an answer in one piece is called. */
const unary: readonly (readonly [string, () => void, string | RegExp])[] = [
  ['is dropped', () => onRecords(() => null), /^host_unreachable\//],
  ['is cut off', () => onRecords((p) => ({ ...p, bytes: p.bytes.slice(0, 100), cut: 9 })), /^host_unreachable\//],
  ['is shortened', () => onRecords((p) => ({ ...p, bytes: p.bytes.slice(0, -1) })), 'protocol_violated/record_invalid'],
  [
    'is lengthened',
    () => onRecords((p) => ({ ...p, bytes: concatBytes(p.bytes, u32(0)) })),
    'protocol_violated/record_invalid',
  ],
  ['is empty', () => onRecords((p) => ({ ...p, bytes: new Uint8Array(0) })), 'protocol_violated/record_invalid'],
  [
    'is unsealed: plain JSON in its place',
    () => onRecords((p) => ({ ...p, type: 'application/json', bytes: utf8('{"outputs":[]}') })),
    'protocol_violated/record_invalid',
  ],
  [
    'is without end',
    () => onRecords((p) => ({ ...p, bytes: new Uint8Array(17_000_000) })),
    'response_too_large/response_too_large',
  ],
  ['is an error of the host', () => onRecords((p) => ({ ...p, status: 500, bytes: utf8('{}') })), 'host_error/unknown'],
  [
    'is a redirect',
    () => onRecords((p) => ({ ...p, status: 307, bytes: new Uint8Array(0) })),
    'host_unreachable/host_unreachable',
  ],
];

describe('an answer in one piece that', () => {
  it.each(unary)('%s is caught', async (_, meddle, expected) => {
    meddle();
    expect(await refusalOf(client().infer(world.call))).toMatch(expected);
  });

  it('was given before is caught', async () => {
    let old: Uint8Array | undefined;
    onRecords((p) => {
      old ??= p.bytes;
      return { ...p, bytes: old };
    });
    const at = client();
    await at.infer(world.call);
    expect(await refusalOf(at.infer(world.call))).toBe('protocol_violated/record_invalid');
  });

  it('changed places with another is caught, both', async () => {
    const waiting: ((bytes: Uint8Array) => void)[] = [];
    const seen: Uint8Array[] = [];
    onRecords(async (p) => {
      const mine = seen.push(p.bytes) - 1;
      const bytes = await new Promise<Uint8Array>((resolve) => {
        waiting[mine] = resolve;
        if (seen.length === 2) for (const [index, hand] of waiting.entries()) hand(seen[1 - index] as Uint8Array);
      });
      return { ...p, bytes };
    });
    const at = client();
    await at.worker();
    const both = await Promise.all([refusalOf(at.infer(world.call)), refusalOf(at.infer(world.call))]);
    expect(both).toEqual(['protocol_violated/record_invalid', 'protocol_violated/record_invalid']);
  });

  it('is to a request that was sent twice was run once', async () => {
    const sent: Uint8Array[] = [];
    proxy.onRequest = (path, body) => {
      if (/^\/v1\/sessions\/[0-9a-f]{32}$/.test(path)) sent.push(body);
      return body;
    };
    let path = '';
    proxy.onReply = (passing) => {
      if (isRecord(passing)) path = passing.path;
      return passing;
    };
    await client().infer(world.call);
    const replay = await fetch(`${host.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/octet-stream' },
      body: Uint8Array.from(sent[0] as Uint8Array),
    });
    expect(replay.ok).toBe(false);
    expect(world.headers).toHaveLength(1);
  });
});

type Shuffle = (records: Uint8Array[]) => readonly Uint8Array[];
const order = 'protocol_violated/record_invalid';

/** What each meddling with a stream is called: six records, of which the last is the end. */
const streamed: readonly (readonly [string, Shuffle, string])[] = [
  ...[0, 1, 2, 3, 4].map((at) => [`lost piece ${at}`, (r: Uint8Array[]) => r.toSpliced(at, 1), order] as const),
  ['lost its end', (r) => r.slice(0, -1), 'host_unreachable/answer_cut'],
  ['stops after its first piece', (r) => r.slice(0, 1), 'host_unreachable/answer_cut'],
  ['is empty', () => [], 'host_unreachable/answer_cut'],
  ['has a piece twice', (r) => [r[0] as Uint8Array, ...r], order],
  ['has its end twice', (r) => [...r, r.at(-1) as Uint8Array], order],
  ['has its pieces exchanged', ([a, b, ...r]) => [b as Uint8Array, a as Uint8Array, ...r], order],
  ['begins with its end', (r) => [r.at(-1) as Uint8Array, ...r.slice(0, -1)], order],
  ['is only its end', (r) => r.slice(-1), order],
  ['has something behind its end', (r) => [...r, new Uint8Array(300)], order],
  ['has an empty record', (r) => [new Uint8Array(0), ...r], order],
];

describe('a stream that', () => {
  it.each(streamed)('%s is caught', async (_, shuffle, expected) => {
    onRecords((p) => ({ ...p, bytes: framed(shuffle(recordsIn(p.bytes))) }));
    expect(await refusalOf(read(client()))).toBe(expected);
  });

  it.each<[string, (passing: Passing) => Tampered, string | RegExp]>([
    ['is dropped', () => null, /^host_unreachable\//],
    ['is cut off in a record', (p) => ({ ...p, bytes: p.bytes.slice(0, -10) }), 'host_unreachable/answer_cut'],
    ['breaks with its connection', (p) => ({ ...p, bytes: p.bytes.slice(0, 400), cut: 100 }), /^host_unreachable\//],
    [
      'is made one record: not a stream any more',
      (p) => ({ ...p, type: 'application/octet-stream', bytes: recordsIn(p.bytes).at(-1) as Uint8Array }),
      order,
    ],
    [
      'is unsealed: events in its place',
      (p) => ({ ...p, type: 'text/event-stream', bytes: utf8(`data: {"choices":[]}\n\n${' '.repeat(400)}`) }),
      order,
    ],
    [
      'is said to be frames and is events',
      (p) => ({ ...p, type: RECORDS_TYPE, bytes: utf8('data: {"choices":[]}\n\n') }),
      'protocol_violated/too_large',
    ],
  ])('%s is caught', async (_, change, expected) => {
    onRecords(change);
    expect(await refusalOf(read(client()))).toMatch(expected);
  });

  it('is spliced with another is caught', async () => {
    const before: Uint8Array[][] = [];
    onRecords((p) => {
      before.push(recordsIn(p.bytes));
      const [first, second] = before;
      return second === undefined ? p : { ...p, bytes: framed([...second.slice(0, 2), ...(first ?? []).slice(2)]) };
    });
    const at = client();
    await read(at);
    expect(await refusalOf(read(at))).toBe(order);
  });
});

describe('evidence', () => {
  it.each<[string, (passing: Passing, other: World) => Tampered, string | RegExp]>([
    [
      'of another worker, for the handshake of this one, which its worker refuses,',
      (p, other) =>
        p.path.startsWith('/v1/evidence') ? { ...p, bytes: encodeEvidence(evidenceOf(other, p.path)) } : p,
      /^host_error\//,
    ],
    [
      'for another challenge',
      (p, other) =>
        p.path.startsWith('/v1/evidence')
          ? { ...p, bytes: encodeEvidence(evidenceOf(other, `challenge=${'00'.repeat(32)}`)) }
          : p,
      'evidence_refused/challenge_mismatch',
    ],
    [
      'in a handshake of his own',
      (p) => (p.path.startsWith('/v1/sessions?') ? { ...p, bytes: p.bytes.map((b, at) => (at < 16 ? b : 9)) } : p),
      /^protocol_violated\/handshake_invalid/,
    ],
    [
      'with a session that is somebody else’s',
      (p) => (p.path.startsWith('/v1/sessions?') ? { ...p, bytes: flip(p.bytes, 3) } : p),
      'session_lost/session_unknown',
    ],
    [
      'of a release that is another',
      (p, other) => (p.path.startsWith('/v1/releases/') ? { ...p, bytes: releaseOf(other.chat) } : p),
      'release_refused/release_mismatch',
    ],
  ])('%s is caught', async (_, change, expected) => {
    const other = await createWorld();
    proxy.onReply = (passing) => change(passing, other);
    expect(await refusalOf(client().infer(world.call))).toMatch(expected);
  });
});

function evidenceOf(other: World, path: string): Parameters<typeof encodeEvidence>[0] {
  const challenge = /challenge=([0-9a-f]{64})/.exec(path)?.[1] as string;
  return other.evidence(Uint8Array.from(Buffer.from(challenge, 'hex')));
}

function releaseOf({ signed }: World['chat']): Uint8Array {
  const text = Object.entries(signed).map(([name, bytes]) => [name, Buffer.from(bytes).toString('base64url')]);
  return utf8(JSON.stringify(Object.fromEntries(text)));
}

/** A session whose host answers whatever is put in its place, so that every byte can be tried without a new proof. */
async function tapped(streamed: boolean): Promise<{
  readonly reply: Uint8Array;
  readonly sent: { readonly path: string; readonly body: Uint8Array };
  read(bytes: Uint8Array): Promise<string>;
}> {
  let answer: Uint8Array = new Uint8Array(0);
  let sent: { readonly path: string; readonly body: Uint8Array } = { path: '', body: new Uint8Array(0) };
  async function* one(): AsyncGenerator<Uint8Array> {
    yield answer;
  }
  const tap: HostTransport = {
    get: (path, maxBytes) =>
      path.startsWith('/v1/responses') ? Promise.resolve(answer) : world.host.get(path, maxBytes),
    async post(path, body, maxBytes, options) {
      sent = { path, body: Uint8Array.from(body) };
      answer = Uint8Array.from(await world.host.post(path, body, maxBytes, options));
      return answer;
    },
    async stream(path, body, options) {
      if (body === null) return { framed: true, chunks: one() };
      sent = { path, body: Uint8Array.from(body) };
      const chunks: Uint8Array[] = [];
      for await (const chunk of (await world.host.stream(path, body, options)).chunks) chunks.push(chunk);
      answer = concatBytes(...chunks);
      return { framed: true, chunks: one() };
    },
  };
  const policy = parseWorkerPolicy(world.rules);
  const cache = createChainCache({ maxEntries: 8 });
  const session = await openSession({
    host: tap,
    log: undefined,
    modelId: undefined,
    policy,
    suite: nodeSuite,
    now: () => world.now,
    cache,
  });
  const tensors = encodeInferRequest({ id: null, inputs: [x], outputs: 'all' }, 'binary');
  const text = utf8(JSON.stringify({ ...ask, stream: true }));
  const body = streamed ? text : tensors.body;
  const header = encodeRequestHeader({
    requestId: nodeSuite.randomBytes(32),
    modelId: (streamed ? world.chat : world.demo).modelId,
    operation: streamed ? 1n : 0n,
    format: streamed ? 1n : 0n,
    jsonLength: BigInt(streamed ? text.length : tensors.jsonLength),
    flags: flag.sealed | (streamed ? flag.streamed : 0n),
    salt: nodeSuite.randomBytes(32),
    channel: new Uint8Array(32),
    unitPrice: 5n,
    maxFee: 5_000n,
    deadline: 0n,
    seed: new Uint8Array(32),
  });
  const call = await session.seal({ header, body, charged: false, streamed });
  await drain(call.send());
  return {
    reply: answer,
    sent,
    read: (bytes) => {
      answer = Uint8Array.from(bytes);
      return refusalOf(drain(call.kept()));
    },
  };
}

async function drain(opening: Opening): Promise<void> {
  for (let next = await opening.next(); next.done !== true; next = await opening.next()) {
    // Only the end counts.
  }
}

describe('every byte', () => {
  it.each([
    ['an answer in one piece', false],
    ['a stream', true],
  ])('of %s is under the seal', async (_, isStream) => {
    const { reply, read: readAgain } = await tapped(isStream);
    expect(await readAgain(reply)).toBe('accepted');
    const caught = new Map<string, number>();
    for (let at = 0; at < reply.length; at++) {
      const code = await readAgain(flip(reply, at));
      caught.set(code, (caught.get(code) ?? 0) + 1);
    }
    // A changed length leaves a record that is cut, or longer than any.
    const named = new Set([
      'protocol_violated/record_invalid',
      'protocol_violated/too_large',
      'host_unreachable/answer_cut',
    ]);
    expect([...caught.keys()].filter((code) => !named.has(code))).toEqual([]);
    expect(caught.get('protocol_violated/record_invalid')).toBeGreaterThan(reply.length / 2);
  });

  it('of a request is under the seal: the worker opens the one that was sealed, and no other', async () => {
    const { sent } = await tapped(false);
    const before = world.headers.length;
    for (let at = 0; at < sent.body.length; at++) {
      expect(await refusalOf(world.host.post(sent.path, flip(sent.body, at), 1e6))).toMatch(
        /^host_error\/record_refused/,
      );
    }
    expect(world.headers).toHaveLength(before);
  });

  it('of the handshake counts', async () => {
    let at = 0;
    proxy.onReply = (p) => (p.path.startsWith('/v1/sessions?') ? { ...p, bytes: flip(p.bytes, at) } : p);
    for (at = 16; at < 64; at++) {
      expect(await refusalOf(client().worker())).toMatch(/^protocol_violated\/handshake_invalid/);
    }
  });

  it('of the evidence counts: every seventieth is tried here, each of them where evidence is verified', async () => {
    let at = 0;
    let length = 1;
    proxy.onReply = (p) => {
      if (!p.path.startsWith('/v1/evidence')) return p;
      length = p.bytes.length;
      return { ...p, bytes: flip(p.bytes, at) };
    };
    for (at = 1; at < length; at += 70) {
      expect(await refusalOf(client().worker())).toMatch(/^(protocol_violated|evidence_refused)\//);
    }
    expect(toHex(world.log)).toHaveLength(64);
  });
});
