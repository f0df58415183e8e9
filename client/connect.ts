import type { Suite } from '../wire/crypto/suite.ts';
import { type Client, createClient } from './client.ts';
import { ClientError } from './errors.ts';
import type { HostTransport, TransportOptions } from './transport.ts';
import type { ClientOptions } from './types.ts';

export interface ConnectOptions extends Omit<ClientOptions, 'host' | 'suite' | 'now' | 'pause'> {
  /** For an answer that comes whole: until its end. For a stream: until its next piece. */
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 30_000;

/** What differs between Node and browsers. */
export interface Platform {
  readonly suite: Suite;
  readonly transport: (options: TransportOptions) => HostTransport;
}

export function connectWith(platform: Platform, urls: string | readonly string[], options: ConnectOptions): Client {
  const { timeoutMs = TIMEOUT_MS, ...rest } = options;
  const hosts = (typeof urls === 'string' ? [urls] : urls).map((url) => platform.transport({ url, timeoutMs }));
  const [first, ...others] = hosts;
  if (first === undefined) throw new ClientError('argument_invalid', 'name at least one host');
  return createClient({
    ...rest,
    host: [first, ...others],
    suite: platform.suite,
    now: () => Date.now(),
  });
}
