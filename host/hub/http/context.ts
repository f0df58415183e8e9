import type { IncomingMessage } from 'node:http';
import type { Exchange } from '../../http/exchange.ts';
import type { Sees } from '../catalogue.ts';
import type { HubEventSink } from '../events.ts';
import type { People } from '../publishers.ts';
import type { Store } from '../store/store.ts';
import type { Challenges } from '../uploads/challenges.ts';
import type { Uploads } from '../uploads/uploads.ts';
import type { Headers } from './answer.ts';
import type { FileServer } from './files.ts';

/** What the routes work with. */
export interface HubContext {
  readonly store: Store;
  readonly uploads: Uploads;
  readonly challenges: Challenges;
  readonly files: FileServer;
  /** As the file says it now. */
  readonly people: () => People;
  /** As clients write it: absolute links start with it. */
  readonly origin: string;
  /** SHA-256 of the origin: what uploads are signed for. */
  readonly hub: Uint8Array;
  readonly onEvent: HubEventSink;
  /** For bodies that are no files. */
  readonly bodyMs: number;
  /** For `hubSlowestBytes` of a file. */
  readonly paceMs: number;
}

/** One request on its way through a route. */
export interface Call {
  readonly exchange: Exchange;
  readonly request: IncomingMessage;
  readonly response: Exchange['response'];
  /** What stood for `:` and `*` in the route's pattern. */
  readonly parameters: readonly string[];
  readonly query: URLSearchParams;
  /** What this caller may know of. */
  readonly sees: Sees;
  /** For answers that pages may read. */
  readonly headers: Headers;
}

export type HubHandler = (call: Call) => Promise<void>;

/** Reading is for pages too and costs little; asking starts something, and costs a signature or a search. */
export type RouteKind = 'read' | 'search' | 'file' | 'transfer' | 'change';

export interface HubRoute {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'HEAD';
  /** `:` is one segment, a last `*` is all that follows. */
  readonly pattern: string;
  readonly kind: RouteKind;
  readonly handler: HubHandler;
}
