import { createHash } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { describe, expect, it } from 'vitest';
import { HttpError } from '../../../host/http/errors.ts';
import { callerOf, createGuard, type GuardOptions, needOf } from '../../../host/http/guard.ts';
import { type ApiKey, findKey } from '../../../host/http/keys.ts';
import { createRateTable, createTokenBucket } from '../../../host/http/rate.ts';

interface Asked {
  readonly method?: string;
  readonly url?: string;
  readonly from?: string;
  readonly key?: string;
  readonly forwarded?: string | readonly string[];
}

function request({
  method = 'POST',
  url = '/v1/sessions',
  from = '192.0.2.1',
  key,
  forwarded,
}: Asked): IncomingMessage {
  return {
    method,
    url,
    socket: { remoteAddress: from },
    headers: {
      ...(key === undefined ? {} : { authorization: key }),
      ...(forwarded === undefined ? {} : { 'x-forwarded-for': forwarded }),
    },
  } as unknown as IncomingMessage;
}

function keyOf(secret: string, limits: Partial<ApiKey> = {}): ApiKey {
  const sha256 = Uint8Array.from(createHash('sha256').update(secret).digest());
  return { name: secret.slice(0, 3), sha256, perSecond: 'any', burst: 1, ...limits };
}

function guarded(options: Partial<GuardOptions> = {}): {
  ask(asked?: Asked): string;
  readonly refused: string[];
  now: number;
} {
  const refused: string[] = [];
  const clock = { now: 0 };
  const guard = createGuard({
    keys: () => undefined,
    addressRate: 'any',
    trustedProxies: 0,
    now: () => clock.now,
    onRefused: (why) => refused.push(why),
    ...options,
  });
  return Object.assign(clock, {
    refused,
    ask(asked: Asked = {}) {
      try {
        guard.admit(request(asked));
        return 'admitted';
      } catch (error) {
        if (error instanceof HttpError)
          return error.retryAfter === undefined ? error.code : `${error.code} ${error.retryAfter}`;
        throw error;
      }
    },
  });
}

describe('what needs a key', () => {
  it.each([
    ['POST', '/v1/sessions', 'key'],
    ['POST', '/v1/sessions/00/charged', 'key'],
    ['POST', '/v1/chat/completions', 'key'],
    ['POST', '/v2/models/demo/infer', 'key'],
    ['DELETE', '/v1/log/head', 'key'],
    ['GET', '/v1/responses/00', 'key'],
    ['GET', 'http://host/v1/responses/00?x', 'key'],
    ['GET', '/v1/evidence?challenge=00', 'address'],
    ['GET', '/v1/receipts/00', 'address'],
    ['HEAD', '/v1/log/head', 'address'],
    ['GET', '/v1/models', 'address'],
    ['GET', '/v1/workers', 'address'],
    ['GET', '/v2/health/live', 'nothing'],
    ['GET', '/v2/health/ready', 'nothing'],
    ['POST', '/v2/health/ready', 'key'],
  ])('%s %s: %s', (method, url, need) => {
    expect(needOf(method, url)).toBe(need);
  });
});

describe('keys', () => {
  const alice = keyOf('alice-secret');
  const bob = keyOf('bob-secret', { perSecond: 2, burst: 3 });

  it('are none by choice: then everybody is admitted, whatever they present', () => {
    const { ask } = guarded();
    expect([ask(), ask({ key: 'Bearer x' })]).toEqual(['admitted', 'admitted']);
  });

  it('are found by their hash, in one way of writing', () => {
    expect(findKey([alice, bob], 'Bearer bob-secret')).toBe(bob);
    expect(findKey([alice, bob], 'bearer alice-secret')).toBe(alice);
    for (const other of [
      undefined,
      '',
      'Bearer',
      'Bearer ',
      'Bearer alice-secre',
      'Bearer alice-secrets',
      'Bearer  alice-secret',
      'Basic alice-secret',
      'alice-secret',
      `Bearer ${Buffer.from(alice.sha256).toString('hex')}`,
      `Bearer ${'x'.repeat(513)}`,
      'Bearer alice-secret\n',
    ]) {
      expect(findKey([alice, bob], other)).toBeUndefined();
    }
  });

  it('are needed where work is asked for, and not where somebody verifies', () => {
    const { ask, refused } = guarded({ keys: () => [alice] });
    expect(ask()).toBe('key_required');
    expect(ask({ key: 'Bearer wrong' })).toBe('key_required');
    expect(ask({ key: 'Bearer alice-secret' })).toBe('admitted');
    expect(ask({ method: 'GET', url: '/v1/evidence' })).toBe('admitted');
    expect(refused).toEqual(['key', 'key']);
  });

  it('have a rate of their own, wherever they come from', () => {
    const guard = guarded({ keys: () => [alice, bob] });
    const ask = (from: string): string => guard.ask({ key: 'Bearer bob-secret', from });
    expect(['1.1.1.1', '2.2.2.2', '3.3.3.3', '4.4.4.4'].map(ask)).toEqual([
      ...['admitted', 'admitted', 'admitted'],
      'rate_limited 0.5',
    ]);
    expect(guard.ask({ key: 'Bearer alice-secret' })).toBe('admitted');
    guard.now += 500;
    expect([ask('1.1.1.1'), ask('1.1.1.1')]).toEqual(['admitted', 'rate_limited 0.5']);
    expect(guard.refused).toEqual(['rate_key', 'rate_key']);
  });

  it('that are read again count from the next request on', () => {
    let keys: readonly ApiKey[] = [alice];
    const { ask } = guarded({ keys: () => keys });
    keys = [bob];
    expect([ask({ key: 'Bearer alice-secret' }), ask({ key: 'Bearer bob-secret' })]).toEqual([
      'key_required',
      'admitted',
    ]);
  });
});

describe('R12: rates of addresses', () => {
  const rate = { perSecond: 1, burst: 2 };

  it('are of the other end of the connection, whatever a header says', () => {
    const { ask } = guarded({ addressRate: rate });
    const codes = Array.from({ length: 4 }, (_, number) => ask({ forwarded: `10.0.0.${number}` }));
    expect(codes).toEqual(['admitted', 'admitted', 'rate_limited 1', 'rate_limited 1']);
    expect(ask({ from: '192.0.2.2', forwarded: '192.0.2.1' })).toBe('admitted');
  });

  it('hold for guesses at keys, and for reading; never for health', () => {
    const { ask, refused } = guarded({ addressRate: rate, keys: () => [keyOf('right-key')] });
    expect([1, 2, 3].map((guess) => ask({ key: `Bearer ${guess}` }))).toEqual([
      ...['key_required', 'key_required', 'rate_limited 1'],
    ]);
    expect(ask({ method: 'GET', url: '/v1/evidence' })).toBe('rate_limited 1');
    expect(ask({ key: 'Bearer right-key' })).toBe('admitted');
    for (let i = 0; i < 20; i++) expect(ask({ method: 'GET', url: '/v2/health/live' })).toBe('admitted');
    expect(refused).toEqual(['key', 'key', 'rate_address', 'rate_address']);
  });

  it.each<[string, number, string | readonly string[] | undefined, string]>([
    ['nobody is believed', 0, '10.0.0.1', '192.0.2.1'],
    ['one proxy names the last', 1, '10.0.0.1, 10.0.0.2', '10.0.0.2'],
    ['two proxies name the last but one', 2, '6.6.6.6, 10.0.0.1 ,10.0.0.2', '10.0.0.1'],
    ['several headers are one list', 1, ['10.0.0.1', '10.0.0.3'], '10.0.0.3'],
    ['fewer entries than proxies', 3, '10.0.0.1', '192.0.2.1'],
    ['no header', 1, undefined, '192.0.2.1'],
    ['no address', 1, '10.0.0.1, <script>', '192.0.2.1'],
    ['an empty entry', 1, '10.0.0.1,', '192.0.2.1'],
  ])('behind proxies: %s', (_, proxies, forwarded, caller) => {
    expect(callerOf(request(forwarded === undefined ? {} : { forwarded }), proxies)).toBe(caller);
  });

  it.each([
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2::/64'],
    ['2001:DB8:0001:2::9', '2001:db8:1:2::/64'],
    ['2001:db8::1', '2001:db8:0:0::/64'],
    ['fe80::1%eth0', 'fe80:0:0:0::/64'],
    ['::1', '0:0:0:0::/64'],
  ])('an address is %s: its network is %s', (from, caller) => {
    expect(callerOf(request({ from }), 0)).toBe(caller);
  });
});

describe('buckets', () => {
  it('say how long it is until there is one again', () => {
    let now = 0;
    const bucket = createTokenBucket({ burst: 1, perSecond: 4, now: () => now });
    expect([bucket.wait, bucket.take(), bucket.wait]).toEqual([0, true, 0.25]);
    now += 100;
    expect(bucket.wait).toBeCloseTo(0.15);
  });

  it('are bounded: the one that was used longest ago makes room', () => {
    const table = createRateTable({ callers: 2, now: () => 0 });
    const rate = { burst: 1, perSecond: 1 };
    expect([table.take('a', rate), table.take('b', rate), table.take('a', rate)]).toEqual([undefined, undefined, 1]);
    table.take('c', rate);
    expect(table.size).toBe(2);
    expect([table.take('a', rate), table.take('b', rate)]).toEqual([1, undefined]);
    for (let i = 0; i < 1_000; i++) table.take(String(i), rate);
    expect(table.size).toBe(2);
  });

  it('begin anew where the rate is another', () => {
    const table = createRateTable({ callers: 2, now: () => 0 });
    table.take('a', { burst: 1, perSecond: 1 });
    expect(table.take('a', { burst: 2, perSecond: 1 })).toBeUndefined();
  });
});
