import type { IncomingMessage } from 'node:http';
import { isIP, isIPv6 } from 'node:net';
import { limits } from '../../wire/limits.ts';
import { HttpError } from './errors.ts';
import { type ApiKey, findKey } from './keys.ts';
import { createRateTable, type Rate } from './rate.ts';
import { pathOf } from './router.ts';

/** Who may ask for what, and how often. */
export interface Guard {
  /** Throws `key_required` or `rate_limited`; before anything of the request was read. */
  admit(request: IncomingMessage): void;
}

export interface GuardOptions {
  /** Asked for each request, since the file may be read again; undefined where this host knows no keys. */
  readonly keys: () => readonly ApiKey[] | undefined;
  /** For callers without a key. */
  readonly addressRate: Rate | 'any';
  /** How many proxies of the operator's own stand before this host. */
  readonly trustedProxies: number;
  readonly now: () => number;
  readonly onRefused: (why: 'rate_address' | 'rate_key' | 'key') => void;
}

/**
 * What a request needs. Whatever makes a worker work, or may, is a POST and needs a key where this host has any, and so does
 * an answer that was kept. All else is what a verifier reads: evidence, logs, receipts, releases, models and workers. Who
 * was given a receipt must be able to check it without asking the host's leave, so none of that needs a key (a receipt is
 * found only by whoever knows its requestId); it has the rate of its address. Health is free even of that: whoever asks
 * often is a load balancer, and an answer costs less than a refusal.
 */
export function needOf(method: string | undefined, url: string | undefined): 'key' | 'address' | 'nothing' {
  const path = pathOf(url ?? '/');
  // A finding counts by who signed it, which is no caller of the operator's.
  if (path === '/v1/findings') return 'address';
  if (method !== 'GET' && method !== 'HEAD') return 'key';
  if (path.startsWith('/v1/responses/')) return 'key';
  return path.startsWith('/v2/health/') ? 'nothing' : 'address';
}

export function createGuard(options: GuardOptions): Guard {
  const { addressRate, now, onRefused } = options;
  const addresses = createRateTable({ callers: limits.rateCallers, now });
  const callers = createRateTable({ callers: limits.apiKeys, now });

  function admitAddress(request: IncomingMessage): void {
    if (addressRate === 'any') return;
    const wait = addresses.take(callerOf(request, options.trustedProxies), addressRate);
    if (wait === undefined) return;
    onRefused('rate_address');
    throw new HttpError('rate_limited', { retryAfter: wait });
  }

  return {
    admit(request) {
      const need = needOf(request.method, request.url);
      if (need === 'nothing') return;
      const keys = options.keys();
      const key = keys === undefined ? undefined : findKey(keys, request.headers.authorization);
      if (key === undefined) {
        // Guesses at keys have the rate of their address as well.
        admitAddress(request);
        if (need === 'address' || keys === undefined) return;
        onRefused('key');
        throw new HttpError('key_required');
      }
      if (key.perSecond === 'any') return;
      const wait = callers.take(key.name, { perSecond: key.perSecond, burst: key.burst });
      if (wait === undefined) return;
      onRefused('rate_key');
      throw new HttpError('rate_limited', { retryAfter: wait });
    },
  };
}

/**
 * Whose rate it is (attack case R12): the address at the other end of the connection. Where proxies of the operator's own
 * stand before this host, each adds one address to the end of the list, and only as many of those are believed as there
 * are proxies; what stands before them was written by the caller.
 */
export function callerOf(request: IncomingMessage, trustedProxies: number): string {
  const peer = request.socket.remoteAddress ?? '';
  if (trustedProxies === 0) return networkOf(peer);
  const header = request.headers['x-forwarded-for'];
  const list = (typeof header === 'string' ? header : (header ?? []).join(',')).split(',').map((entry) => entry.trim());
  const named = list.at(-trustedProxies);
  return networkOf(named !== undefined && isIP(named) !== 0 ? named : peer);
}

/** Whoever has one IPv6 address has 2^64 of them. */
function networkOf(address: string): string {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined) return mapped;
  if (!isIPv6(address)) return address;
  const [head = '', tail] = (address.split('%', 1)[0] ?? '').toLowerCase().split('::');
  const before = head === '' ? [] : head.split(':');
  const after = tail === undefined || tail === '' ? [] : tail.split(':');
  const middle = tail === undefined ? [] : Array.from({ length: 8 - before.length - after.length }, () => '0');
  const groups = [...before, ...middle, ...after].slice(0, 4);
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`;
}
