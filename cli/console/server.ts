import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ConsoleAssets } from '../../host/console/assets.ts';
import { createConsole } from '../../host/console/serve.ts';
import { CommandError } from '../exit-codes.ts';
import { createChainProxy } from './chain-proxy.ts';
import { guardRefusal } from './guard.ts';
import { createHostProxy } from './host-proxy.ts';
import { consoleLimits } from './limits.ts';
import { hubPaths } from './paths.ts';
import { refuse } from './refusal.ts';

export interface ConsoleServerOptions {
  readonly assets: ConsoleAssets;
  /** The host that is looked at: http or https, without a slash at its end. */
  readonly host: string;
  /** The bytes of the policy that the user named. */
  readonly policy: Uint8Array | undefined;
  /** A chain's node, for questions that only read. */
  readonly chain: string | undefined;
  /** A hub, as the host's address is written. */
  readonly hub?: string | undefined;
  /** 0 lets the system choose. */
  readonly port: number;
  readonly idleMilliseconds?: number;
}

export interface ConsoleServer {
  readonly url: string;
  readonly digest: string;
  close(): Promise<void>;
}

const LOOPBACK = '127.0.0.1';

/** The console of this package for one person at this machine: it listens on loopback and answers its own page only. */
export async function startConsoleServer(options: ConsoleServerOptions): Promise<ConsoleServer> {
  const { assets, host, policy, chain, hub, idleMilliseconds = consoleLimits.idleMilliseconds } = options;
  const serve = createConsole({
    assets,
    settings: {
      servedBy: 'package',
      base: '/host',
      chain: chain !== undefined,
      ...(hub === undefined ? {} : { hub: true }),
      target: shownUrl(host),
    },
    policy,
  });
  const askHost = createHostProxy(host, idleMilliseconds);
  const askChain = chain === undefined ? undefined : createChainProxy(chain, idleMilliseconds);

  const askHub = hub === undefined ? undefined : createHostProxy(hub, idleMilliseconds, hubPaths);

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const refused = guardRefusal(request.headers, authority);
    if (refused !== undefined) return refuse(response, refused);
    const target = request.url ?? '';
    if (target.startsWith('/host/')) return askHost(target.slice('/host'.length), request, response);
    if (target.startsWith('/hub/') && askHub !== undefined) {
      return askHub(target.slice('/hub'.length), request, response);
    }
    if (target === '/chain' && askChain !== undefined) return askChain(target, request, response);
    if (target.startsWith('/') && serve(target.slice(1), request, response)) return;
    refuse(response, 'not_found');
  }

  const server = createServer((request, response) => {
    answer(request, response).catch(() => refuse(response, 'upstream_unreachable'));
  });
  server.maxConnections = consoleLimits.connections;
  const authority = `${LOOPBACK}:${await listen(server, options.port)}`;
  return {
    url: `http://${authority}/`,
    digest: assets.digest,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** Without the name and password that it may hold: the page shows it. */
function shownUrl(host: string): string {
  const url = new URL(host);
  url.username = '';
  url.password = '';
  return url.href.replace(/\/+$/, '');
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      reject(new CommandError(`cannot listen at ${LOOPBACK}:${port}: ${cause.code ?? cause.message}`, { cause })),
    );
    server.listen(port, LOOPBACK, () => resolve((server.address() as AddressInfo).port));
  });
}
