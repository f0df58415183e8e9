import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { limits } from '../../../wire/limits.ts';
import { createBudget } from '../../http/budget.ts';
import { openExchange } from '../../http/exchange.ts';
import type { Sees } from '../catalogue.ts';
import { HubError } from '../errors.ts';
import { libraryRoutes } from '../huggingface/routes.ts';
import { findReader, type People } from '../publishers.ts';
import { createSerial } from '../serial.ts';
import { commonHeaders, type ErrorStyle, type Headers, preflightHeaders, readHeaders, sendError } from './answer.ts';
import type { HubContext, HubRoute, RouteKind } from './context.ts';
import { queryOf, segmentsOf } from './exchange.ts';
import type { HubGuard } from './guard.ts';
import { createHubRouter } from './router.ts';
import { overviewRoute, releaseFileRoute, releaseRoute, searchRoute, versionsRoute } from './routes-read.ts';
import { appendRoute, challengeRoute, commitRoute, offsetRoute, openRoute, statusRoute } from './routes-upload.ts';

export interface HubAppOptions extends HubContext {
  readonly guard: HubGuard;
  readonly isDraining: () => boolean;
  readonly onRequest: (kind: RouteKind | 'none', status: number) => void;
}

/** What pages may ask of a hub: all that only reads. */
const readingKinds: ReadonlySet<RouteKind> = new Set(['read', 'search', 'file']);

export function createHubApp(options: HubAppOptions): RequestListener {
  const budget = createBudget(limits.hubBodyBytes);
  const router = createHubRouter([...nativeRoutes(options), ...libraryRoutes(options)]);
  const { onEvent, guard, onRequest } = options;

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let style: ErrorStyle = 'native';
    let headers: Headers = {};
    let kind: RouteKind | 'none' = 'none';
    response.once('close', () => onRequest(kind, response.statusCode));
    try {
      style = styleOf(request);
      const segments = segmentsOf(request);
      const method = request.method ?? 'GET';
      if (method === 'OPTIONS' && answerPreflight(router, request, response, segments)) return;
      if (options.isDraining()) throw new HubError('shutting_down');
      const found = router.find(method, segments);
      kind = found?.route.kind ?? 'none';
      if (found === undefined || readingKinds.has(found.route.kind)) headers = readHeaders(request);
      guard.admit(request, found?.route.kind ?? 'read');
      if (found === undefined) throw refusalOf(router.methods(segments), response);
      const sees = seenBy(options.people(), request.headers.authorization);
      const exchange = openExchange(request, response, budget);
      const query = queryOf(request);
      const { handler } = found.route;
      await handler({ exchange, request, response, parameters: found.parameters, query, sees, headers });
    } catch (error) {
      sendError(request, response, error, { style, headers, onEvent });
    }
  }

  return (request, response) => void answer(request, response);
}

function nativeRoutes(context: HubContext): readonly HubRoute[] {
  // Of two statuses that come at once, the second is held against the first.
  const serial = createSerial();
  const route = (
    kind: RouteKind,
    method: HubRoute['method'],
    pattern: string,
    handler: HubRoute['handler'],
  ): HubRoute => ({
    kind,
    method,
    pattern,
    handler,
  });
  return [
    route('read', 'GET', '/', overviewRoute(context)),
    route('change', 'POST', '/v1/hub/challenges', challengeRoute(context)),
    route('change', 'POST', '/v1/hub/uploads', openRoute(context)),
    route('transfer', 'HEAD', '/v1/hub/uploads/:/:', offsetRoute(context)),
    route('transfer', 'PATCH', '/v1/hub/uploads/:/:', appendRoute(context)),
    route('transfer', 'POST', '/v1/hub/uploads/:/commit', commitRoute(context)),
    route('change', 'PUT', '/v1/hub/releases/:/status', statusRoute(context, serial)),
    route('read', 'GET', '/v1/hub/releases/:', releaseRoute(context)),
    route('file', 'GET', '/v1/hub/releases/:/files/*', releaseFileRoute(context)),
    route('read', 'GET', '/v1/hub/models/:/:', versionsRoute(context)),
    route('search', 'GET', '/v1/hub/search', searchRoute(context)),
  ];
}

function styleOf({ url = '/' }: IncomingMessage): ErrorStyle {
  return url.startsWith('/v1/') || url === '/' ? 'native' : 'library';
}

function seenBy({ readers }: People, authorization: string | undefined): Sees {
  const reader = findReader(readers, authorization);
  return ({ namespace, visibility }) =>
    visibility === 'public' ||
    (reader !== undefined && (reader.namespaces === 'any' || reader.namespaces.includes(namespace)));
}

type Router = ReturnType<typeof createHubRouter>;

function answerPreflight(
  router: Router,
  request: IncomingMessage,
  response: ServerResponse,
  segments: readonly string[],
): boolean {
  const wanted = request.headers['access-control-request-method'];
  if (typeof wanted !== 'string') return false;
  const found = router.find(wanted, segments);
  const isWelcome = found === undefined || readingKinds.has(found.route.kind);
  response.writeHead(204, { ...commonHeaders, ...(isWelcome ? preflightHeaders : {}) }).end();
  return true;
}

function refusalOf(methods: readonly string[], response: ServerResponse): HubError {
  if (methods.length === 0) return new HubError('not_found');
  response.setHeader('Allow', methods.join(', '));
  return new HubError('method_not_allowed');
}
