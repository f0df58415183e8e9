import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from 'express';
import { toHex } from '../wire/bytes.ts';
import { limits } from '../wire/limits.ts';
import type { PriceList } from '../wire/message/price-list.ts';
import type { EventSink } from './errors.ts';
import type { AssembleEvidence } from './evidence/assemble.ts';
import { sendError, setCommonHeaders } from './http/answer.ts';
import { createBudget } from './http/budget.ts';
import type { ConsoleRoute } from './http/console.ts';
import type { AppContext } from './http/context.ts';
import { HttpError } from './http/errors.ts';
import { openExchange } from './http/exchange.ts';
import type { Guard } from './http/guard.ts';
import { createKeptAnswers } from './http/kept.ts';
import { type AllowedOrigins, createOrigins } from './http/origins.ts';
import { createTokenBucket } from './http/rate.ts';
import { createReleaseNames } from './http/releases.ts';
import { createRouter, type Route } from './http/router.ts';
import { type Auditing, bringRoute, disclosedRoute, findingsRoute, receiptAtRoute } from './http/routes/auditors.ts';
import { type Documents, evidenceRoute, registrationRoute } from './http/routes/evidence.ts';
import { inferRoute } from './http/routes/infer.ts';
import { languageRoute } from './http/routes/language.ts';
import { levelsRoute } from './http/routes/levels.ts';
import { consistencyRoute, headRoute, headsRoute, placesRoute, receiptRoute } from './http/routes/log.ts';
import { listModels, modelMetadata, modelReady, retrieveModel, serverMetadata } from './http/routes/models.ts';
import { listReleases, releaseFileRoute, releaseStatusRoute, signedRelease } from './http/routes/releases.ts';
import { chargedRoute, keptRoute, openSessionRoute, sealedRoute } from './http/routes/session.ts';
import { settlementRoute } from './http/routes/settlement.ts';
import { checkpointRoute, tileRoute } from './http/routes/tiles.ts';
import type { Journal } from './journal/index.ts';
import type { StatisticsKeeper } from './metrics/statistics.ts';
import { nameRoute, type Traffic } from './metrics/traffic.ts';
import type { Admission } from './payments/admission.ts';
import type { Release } from './releases.ts';
import type { SettlementWord } from './settlement/word.ts';
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
  readonly guard: Guard;
  readonly origins: AllowedOrigins;
  /** Undefined where this host settles nothing. */
  readonly settlement: () => SettlementWord | undefined;
  readonly priceList: () => PriceList;
  readonly traffic: Pick<Traffic, 'begin' | 'refused'>;
  /** The page for people, where the operator serves it. */
  readonly console?: ConsoleRoute;
  /** What auditors may ask, where the operator names any. */
  readonly auditing?: Auditing;
  /** Figures for everybody, where the operator publishes them. */
  readonly statistics?: Pick<StatisticsKeeper, 'read'>;
}

const EVIDENCE_BURST = 16;

/** Requests with bodies go to a router of our own; express has the rest, where a hundred microseconds do not matter. */
export function createApp(options: AppOptions): RequestListener {
  const { workers, journal, releases, onEvent, now } = options;
  const budget = createBudget(limits.hostBodyBytes);
  const context: AppContext = {
    workers,
    journal,
    releases,
    names: createReleaseNames(releases),
    kept: createKeptAnswers({
      budget,
      maxBytes: limits.keptBytes,
      maxAnswers: limits.keptAnswers,
      keepMs: limits.keptMilliseconds,
      now,
    }),
    assemble: options.assemble,
    onEvent,
    admission: options.admission,
    unpaid: options.unpaid ?? 'serve',
  };
  const routes: readonly Route[] = [
    { method: 'POST', pattern: '/v2/models/:/infer', handler: inferRoute(context) },
    { method: 'POST', pattern: '/v2/models/:/versions/:/infer', handler: inferRoute(context) },
    { method: 'POST', pattern: '/v1/sessions/:', handler: sealedRoute(context) },
    { method: 'POST', pattern: '/v1/sessions/:/charged', handler: chargedRoute(context) },
    { method: 'POST', pattern: '/v1/sessions', handler: openSessionRoute(context) },
    { method: 'POST', pattern: '/v1/chat/completions', handler: languageRoute(context, 'chat') },
    { method: 'POST', pattern: '/v1/completions', handler: languageRoute(context, 'completion') },
    { method: 'GET', pattern: '/v1/responses/:', handler: keptRoute(context) },
    ...routesOfAuditors(options.auditing),
  ];
  const find = createRouter(routes);
  const bucket = createTokenBucket({ burst: EVIDENCE_BURST, perSecond: options.evidencePerSecond, now });
  const documents: Documents = {
    take() {
      const taken = bucket.take();
      if (!taken) options.traffic.refused('rate_evidence');
      return taken;
    },
  };
  const origins = createOrigins(options.origins);
  const { statistics, settlement, auditing, priceList } = options;
  const shell = createShell(context, { documents, routes, onEvent, statistics, settlement, auditing, priceList });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    options.traffic.begin(request, response);
    try {
      // Neither a key nor a rate is asked of a preflight: browsers send none, and an answer costs less than a refusal.
      if (origins.welcome(request, response) === 'answered') return;
      if (options.isDraining()) throw new HttpError('shutting_down');
      if ((await options.console?.(request, response)) === true) return;
      const match = find(request);
      if (match !== undefined) nameRoute(response, match.pattern);
      options.guard.admit(request);
      if (match === undefined) {
        shell(request, response);
        return;
      }
      await match.handler(openExchange(request, response, budget), match.parameters);
    } catch (error) {
      sendError(request, response, error, onEvent);
    }
  }

  return (request, response) => void answer(request, response);
}

/** Where the operator names auditors. */
function routesOfAuditors(auditing: Auditing | undefined): readonly Route[] {
  if (auditing === undefined) return [];
  return [
    { method: 'POST', pattern: '/v1/findings', handler: findingsRoute(auditing) },
    { method: 'POST', pattern: '/v1/disclosed', handler: bringRoute(auditing) },
  ];
}

interface ShellParts {
  readonly documents: Documents;
  readonly routes: readonly Route[];
  readonly onEvent: EventSink;
  readonly statistics: AppOptions['statistics'];
  readonly settlement: AppOptions['settlement'];
  readonly auditing: AppOptions['auditing'];
  readonly priceList: AppOptions['priceList'];
}

function createShell(context: AppContext, parts: ShellParts): Express {
  const { documents, routes, onEvent, statistics, settlement, auditing } = parts;
  const { workers } = context;
  const app = express();
  app.disable('x-powered-by');
  app.set('env', 'production');
  app.set('etag', false);
  app.set('trust proxy', false);
  app.set('query parser', false);
  app.set('case sensitive routing', true);
  app.set('strict routing', true);

  app.use((_request, response, next) => {
    setCommonHeaders(response);
    next();
  });

  offer(app, '/', (_request, response) => void response.json(overview(context, statistics)));
  offer(app, '/v2', serverMetadata);
  offer(app, '/v2/health/live', (_request, response) => void response.json({ live: true }));
  offer(app, '/v2/health/ready', (_request, response) => {
    const ready = workers.members.some(({ state }) => state.kind === 'ready');
    response.status(ready ? 200 : 503).json({ ready, workers: workers.members.map(describeMember) });
  });
  for (const model of ['/v2/models/:model', '/v2/models/:model/versions/:version']) {
    offer(app, model, modelMetadata(context));
    offer(app, `${model}/ready`, modelReady(context));
  }
  offer(app, '/v1/models', listModels(context));
  offer(app, '/v1/models/:model', retrieveModel(context));
  offer(app, '/v1/evidence', evidenceRoute(context, documents));
  offer(app, '/v1/registration', registrationRoute(context, documents));
  offer(app, '/v1/workers', (_request, response) => {
    const models = (ids: readonly Uint8Array[]): readonly string[] => ids.map(toHex);
    response.json(workers.members.map((member) => ({ ...describeMember(member), models: models(member.models) })));
  });
  // An answer may be with its client before the disk has its receipt: whoever asks for that waits for it.
  app.use(['/v1/receipts', '/v1/log'], async (_request, _response, next) => {
    await context.journal.caughtUp();
    next();
  });
  offer(app, '/v1/receipts/:requestId', receiptRoute(context));
  offer(app, '/v1/receipts/:requestId/places', placesRoute(context));
  if (auditing !== undefined) {
    offer(app, '/v1/receipts/by-index/:log/:index', receiptAtRoute(auditing));
    offer(app, '/v1/disclosed/:log/:index', disclosedRoute(auditing));
  }
  offer(app, '/v1/log/head', headRoute(context));
  offer(app, '/v1/log/heads', headsRoute(context));
  offer(app, '/v1/log/consistency', consistencyRoute(context));
  offer(app, '/v1/log/checkpoint', checkpointRoute(context));
  offer(app, '/v1/log/tile/*path', tileRoute(context));
  offer(app, '/v1/settlement', settlementRoute(settlement));
  offer(app, '/v1/levels', levelsRoute(parts.priceList));
  offer(app, '/v1/releases', listReleases(context));
  offer(app, '/v1/releases/:modelId', signedRelease(context));
  offer(app, '/v1/releases/:modelId/status', releaseStatusRoute(context));
  offer(app, '/v1/releases/:modelId/files/*path', releaseFileRoute(context));
  if (statistics !== undefined) {
    offer(app, '/v1/statistics', (_request, response) => void response.json(statistics.read()));
  }
  // What comes this far on their paths has another method.
  for (const { pattern, method } of routes) {
    let count = 0;
    refuseOthers(
      app,
      pattern.replaceAll(':', () => `:segment${++count}`),
      method,
    );
  }

  app.use(() => {
    throw new HttpError('not_found');
  });
  const refuse: ErrorRequestHandler = (error: unknown, request, response, _next) =>
    sendError(request, response, error, onEvent);
  app.use(refuse);
  return app;
}

function offer(app: Express, path: string, handler: RequestHandler): void {
  app.all(path, (_request, response, next) => {
    nameRoute(response, path);
    next();
  });
  app.route(path).get(handler);
  refuseOthers(app, path, 'GET, HEAD');
}

function refuseOthers(app: Express, path: string, allow: string): void {
  app.all(path, (_request, response) => {
    response.setHeader('Allow', allow);
    throw new HttpError('method_not_allowed');
  });
}

function overview(
  { workers, releases }: AppContext,
  statistics: AppOptions['statistics'],
): Readonly<Record<string, unknown>> {
  return {
    service: 'proofmark host',
    trust: 'none needed: ask for evidence with your own challenge and verify it yourself',
    workers: workers.members.map(describeMember),
    models: releases().map(({ modelId, manifest }) => ({ name: manifest.name, modelId: toHex(modelId) })),
    paths: {
      evidence: '/v1/evidence?challenge={64 hex digits}',
      registration: '/v1/registration?challenge={64 hex digits}',
      sessions: '/v1/sessions',
      infer: '/v2/models/{model}/infer',
      chat: '/v1/chat/completions',
      completions: '/v1/completions',
      receipt: '/v1/receipts/{requestId}',
      response: '/v1/responses/{requestId}',
      head: '/v1/log/head',
      heads: '/v1/log/heads?after={size}',
      consistency: '/v1/log/consistency?first={size}&second={size}',
      checkpoint: '/v1/log/checkpoint',
      tiles: '/v1/log/tile/{level}/{index}[.p/{width}]',
      releases: '/v1/releases',
      status: '/v1/releases/{modelId}/status',
      files: '/v1/releases/{modelId}/files/{path}',
      levels: '/v1/levels',
      workers: '/v1/workers',
      ...(statistics === undefined ? {} : { statistics: '/v1/statistics' }),
      ready: '/v2/health/ready',
    },
  };
}
