import type { IncomingMessage } from 'node:http';
import { type BodyRules, readBody } from '../../http/body.ts';
import type { Exchange } from '../../http/exchange.ts';
import { decodeSegment, pathOf } from '../../http/router.ts';
import { HubError } from '../errors.ts';

const JSON_TYPES = ['application/json'];

/** A whole body, within a time of its own: a file's transfer may take hours, so that the server sets none. */
export async function readWithin(exchange: Exchange, rules: BodyRules, milliseconds: number): Promise<Buffer> {
  let late: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    late = setTimeout(() => reject(new HubError('request_timeout')), milliseconds);
  });
  try {
    return await Promise.race([readBody(exchange, rules), timeout]);
  } finally {
    clearTimeout(late);
  }
}

export async function readJson(exchange: Exchange, maxBytes: number, milliseconds: number): Promise<Uint8Array> {
  return Uint8Array.from(await readWithin(exchange, { types: JSON_TYPES, maxBytes }, milliseconds));
}

/** Segments of a path, each decoded once: what decodes to a slash or a dot segment is a name that nothing has. */
export function segmentsOf(request: IncomingMessage): readonly string[] {
  return pathOf(request.url ?? '/')
    .slice(1)
    .split('/')
    .map(decodeSegment);
}

export function queryOf(request: IncomingMessage): URLSearchParams {
  const url = request.url ?? '/';
  const start = url.indexOf('?');
  return new URLSearchParams(start < 0 ? '' : url.slice(start + 1));
}
