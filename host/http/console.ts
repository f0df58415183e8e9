import type { IncomingMessage, ServerResponse } from 'node:http';
import { openAssets } from '../console/assets.ts';
import { createConsole, type ServeConsole } from '../console/serve.ts';
import { nameRoute } from '../metrics/traffic.ts';
import { HttpError } from './errors.ts';
import { pathOf } from './router.ts';

/** Resolves to whether the request was one for the console. */
export type ConsoleRoute = (request: IncomingMessage, response: ServerResponse) => Promise<boolean>;

const FOLDER = '/console/';
const ROUTE = '/console/*';

/**
 * The console under `/console/`. It is opened when somebody asks for it first, and needs no key: it is the same for all,
 * and what it asks then is asked by the rules for everybody.
 */
export function createConsoleRoute(open: () => Promise<ServeConsole> = openConsole): ConsoleRoute {
  let opened: Promise<ServeConsole> | undefined;
  return async (request, response) => {
    const path = pathOf(request.url ?? '/');
    const isRead = request.method === 'GET' || request.method === 'HEAD';
    if (isRead && (path === '/console' || (path === '/' && wantsPage(request)))) {
      nameRoute(response, ROUTE);
      // Relative, for hosts that a proxy serves under another path.
      response.writeHead(302, { Location: 'console/', 'Cache-Control': 'no-store', Vary: 'Accept' }).end();
      return true;
    }
    if (!path.startsWith(FOLDER)) return false;
    nameRoute(response, ROUTE);
    opened ??= open();
    const serve = await opened;
    if (!serve(path.slice(FOLDER.length), request, response)) throw new HttpError('not_found');
    return true;
  };
}

/** Programs get the JSON of `/`, and people the page. */
function wantsPage({ headers }: IncomingMessage): boolean {
  return (headers.accept ?? '').split(',').some((type) => type.trim().startsWith('text/html'));
}

async function openConsole(): Promise<ServeConsole> {
  const assets = await openAssets();
  return createConsole({
    assets,
    settings: { servedBy: 'host', base: '', chain: false, target: '' },
    policy: undefined,
  });
}
