import express, { type ErrorRequestHandler, type Express, type RequestHandler, type Response } from 'express';
import { toBase64url, toHex } from '../wire/bytes.ts';
import { limits } from '../wire/limits.ts';
import type { EventSink } from './errors.ts';
import type { AssembleEvidence } from './evidence/assemble.ts';
import { createBudget } from './http/body.ts';
import type { AppContext } from './http/context.ts';
import { errorBody, explanations, HttpError, hostErrorCode, retryAfter } from './http/errors.ts';
import { createTokenBucket } from './http/rate.ts';
import { evidenceRoute } from './http/routes/evidence.ts';
import { inferRoute } from './http/routes/infer.ts';
import { consistencyRoute, headRoute, headsRoute, receiptRoute } from './http/routes/log.ts';
import { chargedRoute, openSessionRoute, sealedRoute } from './http/routes/session.ts';
import type { Journal } from './journal/index.ts';
import type { Admission } from './payments/admission.ts';
import type { Release } from './releases.ts';
import type { WorkerPool } from './workers/pool.ts';
import { describeMember } from './workers/state.ts';

export interface AppOptions {
  readonly workers: Omit<WorkerPool, 'close'>;
  readonly journal: Journal;
  readonly releases: () => readonly Release[];
  readonly onEvent: EventSink;
  readonly assemble: AssembleEvidence;
  readonly admission?: Admission;
  readonly unpaid?: 'serve' | 'refuse';
  /** Attestation documents per second: each costs the worker a signature. */
  readonly evidencePerSecond: number;
  readonly now: () => number;
  readonly isDraining: () => boolean;
}

const EVIDENCE_BURST = 16;

export function createApp(options: AppOptions): Express {
  const { workers, journal, releases } = options;
  const context: AppContext = {
    workers,
    journal,
    releases,
    budget: createBudget(limits.hostBodyBytes),
    assemble: options.assemble,
    admission: options.admission,
    unpaid: options.unpaid ?? 'serve',
  };
  const documents = createTokenBucket({
    burst: EVIDENCE_BURST,
    perSecond: options.evidencePerSecond,
    now: options.now,
  });

  const app = express();
  app.disable('x-powered-by');
  app.set('env', 'production');
  app.set('etag', false);
  app.set('trust proxy', false);
  app.set('query parser', 'simple');
  app.set('case sensitive routing', true);
  app.set('strict routing', true);

  app.use((_request, response, next) => {
    response.setHeader('Cache-Control', 'no-store');
    response.setHeader('X-Content-Type-Options', 'nosniff');
    response.setHeader('Content-Security-Policy', "default-src 'none'; frame-ancestors 'none'");
    if (options.isDraining()) response.setHeader('Connection', 'close');
    next(options.isDraining() ? new HttpError('shutting_down') : undefined);
  });

  route(app, '/', { get: (_request, response) => void response.json(overview(context)) });
  route(app, '/v2/health/live', { get: (_request, response) => void response.json({ live: true }) });
  route(app, '/v2/health/ready', {
    get: (_request, response) => {
      const ready = workers.members.some(({ state }) => state.kind === 'ready');
      response.status(ready ? 200 : 503).json({ ready, workers: workers.members.map(describeMember) });
    },
  });
  route(app, '/v1/evidence', { get: evidenceRoute(context, documents) });
  route(app, '/v1/sessions', { post: openSessionRoute(context) });
  route(app, '/v1/sessions/:id', { post: sealedRoute(context) });
  route(app, '/v1/sessions/:id/charged', { post: chargedRoute(context) });
  route(app, '/v2/models/:model/infer', { post: inferRoute(context) });
  route(app, '/v1/receipts/:requestId', { get: receiptRoute(context) });
  route(app, '/v1/log/head', { get: headRoute(context) });
  route(app, '/v1/log/heads', { get: headsRoute(context) });
  route(app, '/v1/log/consistency', { get: consistencyRoute(context) });
  route(app, '/v1/releases', {
    get: (_request, response) =>
      void response.json(
        releases().map(({ modelId, manifest: { name, version } }) => ({ modelId: toHex(modelId), name, version })),
      ),
  });
  route(app, '/v1/releases/:modelId', {
    get: (request, response) => {
      const found = releases().find(({ modelId }) => toHex(modelId) === request.params['modelId']);
      if (found === undefined) throw new HttpError('model_unknown');
      const { manifest, owner, signature } = found.signed;
      response.json({
        manifest: toBase64url(manifest),
        owner: toBase64url(owner),
        signature: toBase64url(signature),
      });
    },
  });

  app.use(() => {
    throw new HttpError('not_found');
  });
  app.use(refuse(options.onEvent));
  return app;
}

interface Handlers {
  readonly get?: RequestHandler;
  readonly post?: RequestHandler;
}

function route(app: Express, path: string, { get, post }: Handlers): void {
  const here = app.route(path);
  if (get !== undefined) here.get(get);
  if (post !== undefined) here.post(post);
  here.all((_request, response) => {
    response.setHeader('Allow', get === undefined ? 'POST' : 'GET, HEAD');
    throw new HttpError('method_not_allowed');
  });
}

/** The one place where errors become answers: a code and its fixed text, whatever was thrown. */
function refuse(onEvent: EventSink): ErrorRequestHandler {
  return (error: unknown, request, response: Response, _next) => {
    const code = hostErrorCode(error);
    if (explanations[code].status >= 500) onEvent({ event: 'request_failed', code });
    if (response.headersSent || response.destroyed) {
      response.destroy();
      return;
    }
    const wait = retryAfter(code);
    if (wait !== undefined) response.setHeader('Retry-After', wait);
    // What is still to come of a refused body is not read.
    if (!request.complete) response.setHeader('Connection', 'close');
    response.status(explanations[code].status).type('application/json').send(errorBody(code));
  };
}

function overview({ workers, releases }: AppContext): Readonly<Record<string, unknown>> {
  return {
    service: 'proofmark host',
    trust: 'none needed: ask for evidence with your own challenge and verify it yourself',
    workers: workers.members.map(describeMember),
    models: releases().map(({ modelId, manifest }) => ({ name: manifest.name, modelId: toHex(modelId) })),
    paths: {
      evidence: '/v1/evidence?challenge={64 hex digits}',
      sessions: '/v1/sessions',
      infer: '/v2/models/{model}/infer',
      receipt: '/v1/receipts/{requestId}',
      head: '/v1/log/head',
      heads: '/v1/log/heads?after={size}',
      consistency: '/v1/log/consistency?first={size}&second={size}',
      releases: '/v1/releases',
      ready: '/v2/health/ready',
    },
  };
}
