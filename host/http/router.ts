import type { IncomingMessage } from 'node:http';
import { HttpError } from './errors.ts';
import type { Exchange } from './exchange.ts';

/** Answers one request; what it throws becomes an error answer. */
export type Handler = (exchange: Exchange, parameters: readonly string[]) => Promise<void>;

/** A method, and a path in which `:` stands for one segment that is handed on. */
export interface Route {
  readonly method: 'GET' | 'POST';
  readonly pattern: string;
  readonly handler: Handler;
}

export interface Match {
  readonly pattern: string;
  readonly handler: Handler;
  readonly parameters: readonly string[];
}

/**
 * Requests with bodies do not pass through express, which costs more than all else that the host does for a small one
 * (130 us of CPU). A table of a dozen patterns needs no regular expressions.
 */
export function createRouter(routes: readonly Route[]): (request: IncomingMessage) => Match | undefined {
  const table = routes.map((route) => ({ ...route, wanted: route.pattern.split('/') }));
  return ({ method, url }) => {
    const segments = pathOf(url ?? '/').split('/');
    for (const route of table) {
      if (method !== route.method) continue;
      const parameters = match(route.wanted, segments);
      if (parameters !== undefined) return { pattern: route.pattern, handler: route.handler, parameters };
    }
    return undefined;
  };
}

function match(pattern: readonly string[], segments: readonly string[]): readonly string[] | undefined {
  if (pattern.length !== segments.length) return undefined;
  const parameters: string[] = [];
  for (let i = 0; i < pattern.length; i++) {
    const segment = segments[i] as string;
    if (pattern[i] === ':' && segment !== '') parameters.push(segment);
    else if (pattern[i] !== segment) return undefined;
  }
  return parameters;
}

/** The path of a request target in origin form; a proxy's absolute form is taken too (RFC 9112 section 3.2.2). */
export function pathOf(url: string): string {
  const target = url.startsWith('/') ? url : (/^https?:\/\/[^/?#]*(.*)$/i.exec(url)?.[1] ?? url);
  const end = target.search(/[?#]/);
  return end < 0 ? target : target.slice(0, end);
}

/** A path segment as its sender meant it. */
export function decodeSegment(segment: string): string {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch (cause) {
    throw new HttpError('request_invalid', { cause });
  }
}
