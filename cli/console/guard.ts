import type { IncomingHttpHeaders } from 'node:http';
import type { RefusalCode } from './refusal.ts';

/**
 * Who may ask. Any site that a person visits can make the browser send requests to loopback: under a name of its own that
 * resolves to it (DNS rebinding: the browser then takes both for one origin), or across origins. The first shows in
 * `Host`, the second in `Origin` and `Sec-Fetch-Site`, none of which a page can set.
 */
export function guardRefusal(headers: IncomingHttpHeaders, authority: string): RefusalCode | undefined {
  if (headers.host !== authority) return 'not_this_address';
  const { origin } = headers;
  if (origin !== undefined && origin !== `http://${authority}`) return 'other_site';
  const site = headers['sec-fetch-site'];
  // Another port of this machine is the same site and another origin.
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return 'other_site';
  return undefined;
}
