import type { IncomingMessage } from 'node:http';
import { limits } from '../../../wire/limits.ts';
import { callerOf } from '../../http/guard.ts';
import { createRateTable, type Rate } from '../../http/rate.ts';
import { HubError } from '../errors.ts';
import type { RouteKind } from './context.ts';

/** How often an address may ask for what. */
export interface HubRates {
  /** What costs a signature or a walk through all releases. */
  readonly dear: Rate;
  /** All else: a library asks for a dozen files at once, a publisher sends a thousand one by one. */
  readonly cheap: Rate;
}

export const hubRates: HubRates = {
  dear: { burst: 60, perSecond: 10 },
  cheap: { burst: 1_000, perSecond: 200 },
};

export interface HubGuard {
  /** Throws `rate_limited`, before anything of the request was read. */
  admit(request: IncomingMessage, kind: RouteKind): void;
}

export interface HubGuardOptions {
  readonly rates: HubRates | 'any';
  /** How many proxies of the operator's own stand before this hub. */
  readonly trustedProxies: number;
  readonly now: () => number;
}

export function createHubGuard({ rates, trustedProxies, now }: HubGuardOptions): HubGuard {
  const tables = {
    dear: createRateTable({ callers: limits.rateCallers, now }),
    cheap: createRateTable({ callers: limits.rateCallers, now }),
  };
  return {
    admit(request, kind) {
      if (rates === 'any') return;
      const price = kind === 'change' || kind === 'search' ? 'dear' : 'cheap';
      const wait = tables[price].take(callerOf(request, trustedProxies), rates[price]);
      if (wait !== undefined) throw new HubError('rate_limited', { retryAfter: wait });
    },
  };
}
