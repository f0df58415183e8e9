import type { IncomingMessage, ServerResponse } from 'node:http';
import { createCounter, createHistogram } from './instruments.ts';
import type { Family } from './text.ts';

/** What is counted of the traffic, and who else hears of each request once it has ended. */
export interface Traffic {
  /** From here to the end of its response. */
  begin(request: IncomingMessage, response: ServerResponse): void;
  /** Waiting for a model to be loaded, in milliseconds. */
  queued(milliseconds: number): void;
  /** From being sent to a worker to the last byte of its answer. */
  answered(worker: number, milliseconds: number): void;
  /** Somebody asked too often, or without a key. */
  refused(why: 'rate_address' | 'rate_key' | 'rate_evidence' | 'key'): void;
  readonly families: readonly Family[];
}

export interface EndedRequest {
  readonly method: string;
  /** The pattern of the route, never the path. */
  readonly route: string;
  readonly status: number;
  readonly outcome: Outcome;
  readonly milliseconds: number;
}

export const outcomes = ['ok', 'refused', 'failed', 'left'] as const;
/** Answered; the client's mistake; the host's, a worker's or nobody's; the client left before the end. */
export type Outcome = (typeof outcomes)[number];

const routes = new WeakMap<ServerResponse, string>();
const NO_ROUTE = 'none';
const METHODS: ReadonlySet<string> = new Set(['GET', 'HEAD', 'POST', 'OPTIONS', 'PUT', 'DELETE', 'PATCH']);

/** Says which route a response belongs to, by its pattern; what no route took stays without. */
export function nameRoute(response: ServerResponse, pattern: string): void {
  routes.set(response, pattern);
}

export function createTraffic(options: {
  readonly now: () => number;
  readonly onEnded?: (ended: EndedRequest) => void;
}): Traffic {
  const { now } = options;
  const requests = createCounter('proofmark_requests_total', 'Requests that have ended, by route and outcome.');
  const seconds = createHistogram(
    'proofmark_request_seconds',
    'From the headers of a request to the end of its answer.',
  );
  const queue = createHistogram(
    'proofmark_queue_seconds',
    'Waiting for a model to be loaded before a request is sent.',
  );
  const worker = createHistogram(
    'proofmark_worker_seconds',
    'From sending a request to a worker to the end of its answer.',
  );
  const refusals = createCounter(
    'proofmark_admission_refused_total',
    'Requests refused for their rate or for want of a key.',
  );

  return {
    begin(request, response) {
      const since = now();
      response.once('close', () => {
        const route = routes.get(response) ?? NO_ROUTE;
        const milliseconds = now() - since;
        const outcome = outcomeOf(response);
        requests.add({ route, outcome });
        seconds.observe({ route }, milliseconds / 1_000);
        const method = METHODS.has(request.method ?? '') ? (request.method as string) : 'other';
        options.onEnded?.({ method, route, status: response.statusCode, outcome, milliseconds });
      });
    },
    queued: (milliseconds) => queue.observe({}, milliseconds / 1_000),
    answered: (index, milliseconds) => worker.observe({ worker: String(index) }, milliseconds / 1_000),
    refused: (why) => refusals.add({ why }),
    get families() {
      return [requests, seconds, queue, worker, refusals].map(({ family }) => family);
    },
  };
}

function outcomeOf(response: ServerResponse): Outcome {
  if (!response.writableFinished) return 'left';
  if (response.statusCode >= 500) return 'failed';
  return response.statusCode >= 400 ? 'refused' : 'ok';
}
