import { webSuite } from '../wire/crypto/web.ts';
import type { Fetch } from './attested-fetch/fetch.ts';
import type { Client } from './client.ts';
import { type ConnectOptions, connectWith } from './connect.ts';
import { fetchTransport } from './transport.ts';

export * from './exports.ts';

/**
 * The same client over WebCrypto and the platform's fetch, for browsers. A host at another origin has to allow that
 * origin (CORS), and to expose nothing: what is read of its answers is inside the seal.
 */
export function connect(url: string | readonly string[], options: ConnectOptions): Client {
  return connectWith({ suite: webSuite, transport: fetchTransport }, url, options);
}

/** For `new OpenAI({ baseURL, apiKey: 'unused', fetch: createAttestedFetch(url, { policy, models }) })` in a page. */
export function createAttestedFetch(url: string | readonly string[], options: ConnectOptions): Fetch {
  return connect(url, options).fetch;
}
