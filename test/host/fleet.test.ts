import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it } from 'vitest';
import { StartError } from '../../host/errors.ts';
import type { Reloaded } from '../../host/host.ts';
import type { ApiKey } from '../../host/http/keys.ts';
import type { EndedRequest } from '../../host/metrics/traffic.ts';
import { toHex } from '../../wire/bytes.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { linkKind } from '../../wire/message/link.ts';
import { random } from '../support/fake-log.ts';
import { testRelease } from '../support/fake-release.ts';
import { challengeIn, type FakeWorker } from '../support/fake-worker.ts';
import { type Fleet, serveFleet } from './support/fleet.ts';
import { until } from './support/served.ts';

let fleet: Fleet | undefined;

afterEach(async () => {
  await fleet?.stop();
  fleet = undefined;
});

async function start(count: number, changes: Parameters<typeof serveFleet>[1] = {}): Promise<Fleet> {
  fleet = await serveFleet(count, changes);
  return fleet;
}

function infer({ host }: Fleet, headers: Readonly<Record<string, string>> = {}, model = 'demo'): Promise<Response> {
  return fetch(`${host.url}/v2/models/${model}/infer`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: '{}',
  });
}

const plainAt = (worker: FakeWorker): number => worker.received.filter(({ kind }) => kind === linkKind.plain).length;

describe('a host of several workers', () => {
  it('spreads requests, says whose log each answer is in, and has every receipt', async () => {
    const one = await start(3);
    const answers: Response[] = [];
    for (let i = 0; i < 12; i++) answers.push(await infer(one));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 12 }, () => 200));
    expect(new Set(answers.map(({ headers }) => headers.get('proofmark-log'))).size).toBe(3);
    expect(one.workers.map(plainAt)).toEqual([4, 4, 4]);
    for (const { log } of one.workers) {
      const head = (await (await fetch(`${one.host.url}/v1/log/head?log=${toHex(log.log)}`)).json()) as {
        size: number;
      };
      expect(head.size).toBe(4);
    }
  });

  it('gives the evidence of the worker that is named, and opens sessions there', async () => {
    const one = await start(2);
    for (const { log } of one.workers) {
      const challenge = random(32);
      const query = `challenge=${toHex(challenge)}&log=${toHex(log.log)}`;
      const response = await fetch(`${one.host.url}/v1/evidence?${query}`);
      const evidence = decodeEvidence(new Uint8Array(await response.arrayBuffer()));
      expect(evidence).toMatchObject(log.ready);
      expect(challengeIn(evidence.document)).toEqual(challenge);
    }
    const missing = await fetch(`${one.host.url}/v1/evidence?challenge=${toHex(random(32))}&log=${toHex(random(32))}`);
    expect([missing.status, await missing.json()]).toMatchObject([404, { code: 'worker_unknown' }]);
    const octets = { 'content-type': 'application/octet-stream' };
    for (const { log, received } of one.workers) {
      const to = `${one.host.url}/v1/sessions`;
      const asked = { method: 'POST', headers: octets };
      const opened = await fetch(`${to}?log=${toHex(log.log)}`, { ...asked, body: random(48) });
      const id = toHex(new Uint8Array(await opened.arrayBuffer()).slice(0, 16));
      expect((await fetch(`${to}/${id}`, { ...asked, body: random(64) })).status).toBe(200);
      expect(received.filter(({ kind }) => kind === linkKind.sealed)).toHaveLength(1);
    }
  });

  it('is ready while one of them is', async () => {
    const one = await start(2);
    await one.workers[0]?.close();
    await until(() => one.events.some(({ event }) => event === 'link_down'));
    const ready = await fetch(`${one.host.url}/v2/health/ready`);
    expect(await ready.json()).toMatchObject({ ready: true, workers: [{ state: 'connecting' }, { state: 'ready' }] });
    expect((await infer(one)).status).toBe(200);
  });

  it('R11: is full at once, before a body has come, and says when to come back', async () => {
    const one = await start(2, { pending: 2 });
    for (const worker of one.workers) worker.misbehave = ({ kind }) => kind === linkKind.plain;
    const leaving = new AbortController();
    const held = Array.from({ length: 2 }, () =>
      fetch(`${one.host.url}/v2/models/demo/infer`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: '{}',
        signal: leaving.signal,
      }),
    );
    await until(() => one.workers.map(plainAt).join() === '1,1');
    const response = await fetch(`${one.host.url}/v2/models/demo/infer`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      // The rest of it never comes: an answer that waited for it would not come either.
      body: new ReadableStream({ start: (controller) => controller.enqueue(new Uint8Array(1)) }),
      duplex: 'half',
    } as RequestInit);
    expect(response.status).toBe(503);
    expect(response.headers.get('retry-after')).toBe('1');
    expect(await response.json()).toMatchObject({ code: 'busy' });
    leaving.abort();
    await Promise.allSettled(held);
  });

  it('R15: drains all of them when it is told to stop', async () => {
    const one = await start(2);
    const held = new Map<FakeWorker, number>();
    for (const worker of one.workers) {
      worker.misbehave = ({ kind, id }) => {
        if (kind === linkKind.plain) held.set(worker, id);
        return false;
      };
    }
    const answers = [infer(one), infer(one)];
    await until(() => held.size === 2);
    await Promise.all([one.host.close(), ...answers]);
    for (const answer of answers) expect((await answer).status).toBe(200);
    expect(one.events.at(-1)).toEqual({ event: 'stopped' });
  });
});

describe('callers', () => {
  const keyOf = (name: string, limits: Partial<ApiKey> = {}): ApiKey => ({
    name,
    sha256: Uint8Array.from(createHash('sha256').update(`${name}-key`).digest()),
    perSecond: 'any',
    burst: 1,
    ...limits,
  });

  it('are everybody by default, which the host says at its start', async () => {
    const one = await start(1);
    expect(one.events).toContainEqual({ event: 'api_keys', keys: 'none' });
    expect((await infer(one)).status).toBe(200);
  });

  it('need a key where there are any, for work and for nothing else', async () => {
    const one = await start(1, { apiKeys: [keyOf('alice')] });
    expect(one.events).toContainEqual({ event: 'api_keys', keys: 1 });
    for (const headers of [{}, { authorization: 'Bearer wrong' }]) {
      const refused = await infer(one, headers);
      expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'Bearer']);
      expect(await refused.json()).toMatchObject({ code: 'key_required' });
    }
    expect((await infer(one, { authorization: 'Bearer alice-key' })).status).toBe(200);
    for (const path of ['/v1/log/head', '/v1/releases', '/v1/workers', `/v1/evidence?challenge=${toHex(random(32))}`]) {
      expect((await fetch(one.host.url + path)).status).toBe(200);
    }
    expect((await fetch(`${one.host.url}/v1/responses/${toHex(random(32))}`)).status).toBe(401);
    expect(one.workers.map(plainAt)).toEqual([1]);
  });

  it('that ask too often hear when to come back', async () => {
    const one = await start(1, { apiKeys: [keyOf('alice', { perSecond: 1, burst: 2 })] });
    const codes: (number | string | null)[] = [];
    for (let i = 0; i < 3; i++) {
      const { status, headers } = await infer(one, { authorization: 'Bearer alice-key' });
      codes.push(status, headers.get('retry-after'));
    }
    expect(codes.slice(0, 4)).toEqual([200, null, 200, null]);
    expect([429, 200]).toContain(codes[4]);
    await one.stop();
    const slow = await start(1, { addressRate: { perSecond: 1, burst: 1 } });
    await infer(slow);
    const refused = await infer(slow, { 'x-forwarded-for': '10.0.0.1' });
    expect([refused.status, refused.headers.get('retry-after')]).toEqual([429, '1']);
  });
});

describe('reading again while it runs', () => {
  it('takes up releases and keys, and drops no request', async () => {
    const newer = testRelease([random(50)], { name: 'newer' });
    let content: Reloaded = { releases: [testRelease([random(100)])], apiKeys: 'none', auditors: 'none' };
    const one = await start(2, { releases: content.releases, reload: () => content });
    let running = true;
    const steady = (async () => {
      const statuses = new Set<number>();
      while (running) statuses.add((await infer(one)).status);
      return statuses;
    })();
    expect((await infer(one, {}, 'newer')).status).toBe(404);
    content = { ...content, releases: [...content.releases, newer] };
    await one.host.reload();
    expect((await infer(one, {}, 'newer')).status).toBe(200);
    expect(one.workers.map(({ models }) => models.length)).toEqual([2, 2]);
    running = false;
    expect(await steady).toEqual(new Set([200]));
    content = { ...content, apiKeys: [] };
    await one.host.reload();
    expect((await infer(one)).status).toBe(401);
    expect(one.events).toContainEqual({ event: 'reloaded', releases: 2, keys: 0 });
  });

  it('keeps what it has where that cannot be read', async () => {
    const one = await start(1, {
      reload: () => {
        throw new StartError('release_invalid', '/somewhere');
      },
    });
    await one.host.reload();
    expect(one.events).toContainEqual({ event: 'reload_failed', code: 'release_invalid' });
    expect((await infer(one)).status).toBe(200);
  });
});

describe('R13, R14: what is told of requests', () => {
  it('is their route, status and time, and no word of theirs', async () => {
    const told: EndedRequest[] = [];
    const one = await start(1, { onRequest: (ended) => told.push(ended) });
    const marker = 'marker-5f1b';
    const headers = { authorization: `Bearer ${marker}`, 'x-forwarded-for': marker, cookie: marker };
    await infer(one, headers);
    await infer(one, headers, `${marker}%0a{"event":"forged"}`);
    await fetch(`${one.host.url}/${marker}?${marker}=${marker}`, { headers });
    await fetch(`${one.host.url}/v1/receipts/${toHex(random(32))}`, { headers });
    await until(() => told.length === 4);
    expect(told.map(({ method, route, status, outcome }) => [method, route, status, outcome])).toEqual([
      ['POST', '/v2/models/:/infer', 200, 'ok'],
      ['POST', '/v2/models/:/infer', 404, 'refused'],
      ['GET', 'none', 404, 'refused'],
      ['GET', '/v1/receipts/:requestId', 404, 'refused'],
    ]);
    expect(JSON.stringify([told, one.events])).not.toMatch(/marker|forged/);
    for (const { milliseconds } of told) expect(milliseconds).toBeGreaterThan(0);
  });
});
