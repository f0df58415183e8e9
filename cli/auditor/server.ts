import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { readBody } from '../../host/http/body.ts';
import { createBudget } from '../../host/http/budget.ts';
import { HttpError } from '../../host/http/errors.ts';
import { openExchange } from '../../host/http/exchange.ts';
import { hexParameter, queryValue, sizeParameter } from '../../host/http/parameters.ts';
import { pathOf } from '../../host/http/router.ts';
import { createHttpServer, serverTimes } from '../../host/http/server.ts';
import type { ListenAddress } from '../../host/metrics/operator.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { encodeCommitsPage, encodeFindingsPage } from '../../wire/message/finding-record.ts';
import { CommandError } from '../exit-codes.ts';
import type { Approver } from './approve.ts';
import { ApprovalRefusal, type ApprovalRefusalCode, refusals } from './errors.ts';
import type { AuditorKey } from './key.ts';
import { decodeApprovalStatement } from './query.ts';
import type { FindingStore } from './store.ts';

export interface AuditorServerOptions {
  readonly key: AuditorKey;
  readonly approver: Approver;
  readonly store: FindingStore;
  readonly listen: ListenAddress;
  /** How long an approval may take: a connection is quiet for as long. */
  readonly deadlineMs: number;
  /** Told of each question: a path's name and a code from closed lists, and nothing that came with it. */
  readonly onAnswered: (what: 'approvals' | 'findings' | 'commits' | 'auditor' | 'other', code: string) => void;
}

export interface AuditorServer {
  readonly url: string;
  close(): Promise<void>;
}

type What = Parameters<AuditorServerOptions['onAnswered']>[0];

/** Two of the largest files at once: one is computed, another comes in. */
const BODY_BYTES = 2 * limits.archiveBytes;
const GRACE_MS = 5_000;

export async function serveAuditor(options: AuditorServerOptions): Promise<AuditorServer> {
  const { approver, store } = options;
  const budget = createBudget(BODY_BYTES);

  async function approve(request: IncomingMessage, response: ServerResponse): Promise<Uint8Array> {
    if (request.method !== 'POST') throw new ApprovalRefusal('method_not_allowed');
    const statement = decodeApprovalStatement(request);
    const exchange = openExchange(request, response, budget);
    const rules = { types: ['application/octet-stream'], maxBytes: limits.archiveBytes };
    return approver.approve(Uint8Array.from(await readBody(exchange, rules)), statement);
  }

  async function page(request: IncomingMessage, what: 'findings' | 'commits'): Promise<Uint8Array> {
    const log = hexParameter(queryValue(request, 'log'), 32);
    const after = queryValue(request, 'after');
    const from = after === undefined ? -1 : sizeParameter(after);
    if (what === 'findings') return encodeFindingsPage(log, await store.findings(log, from));
    const leaf = queryValue(request, 'leaf');
    if (leaf === undefined) return encodeCommitsPage(log, await store.commits(log, from));
    const found = await store.commitOf(log, hexParameter(leaf, 32));
    return encodeCommitsPage(log, found === undefined ? [] : [found]);
  }

  async function answer(what: What, request: IncomingMessage, response: ServerResponse): Promise<Uint8Array> {
    if (what === 'approvals') return approve(request, response);
    if (what === 'other') throw new ApprovalRefusal('not_found');
    if (request.method !== 'GET') throw new ApprovalRefusal('method_not_allowed');
    return what === 'auditor' ? describe(options.key) : page(request, what);
  }

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const what = places[pathOf(request.url ?? '/')] ?? 'other';
    try {
      send(request, response, 200, await answer(what, request, response));
      options.onAnswered(what, 'ok');
    } catch (error) {
      const refusal = refusalFor(error);
      const { status, message } = refusals[refusal.code];
      const { code, reason } = refusal;
      send(request, response, status, utf8(JSON.stringify({ code, message, reason })));
      options.onAnswered(what, code);
    }
  }

  const times = { ...serverTimes, silenceMs: Math.max(serverTimes.silenceMs, options.deadlineMs + GRACE_MS) };
  const server = createHttpServer((request, response) => void handle(request, response), times);
  const url = await listen(server, options.listen);
  return {
    url,
    async close() {
      await new Promise<void>((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      await approver.settled();
    },
  };
}

const places: Readonly<Record<string, What>> = {
  '/v1/approvals': 'approvals',
  '/v1/findings': 'findings',
  '/v1/commits': 'commits',
  '/v1/auditor': 'auditor',
};

/** What whoever names this auditor writes down before its first audit. */
function describe({ auditor, statement }: AuditorKey): Uint8Array {
  const { links, anchor, signature } = statement;
  return utf8(JSON.stringify({ auditor: toHex(auditor), links, anchor: toHex(anchor), signature: toHex(signature) }));
}

const codes: Readonly<Record<string, ApprovalRefusalCode>> = {
  busy: 'busy',
  body_too_large: 'body_too_large',
  request_invalid: 'statement_invalid',
};

function refusalFor(error: unknown): ApprovalRefusal {
  if (error instanceof ApprovalRefusal) return error;
  if (error instanceof HttpError) return new ApprovalRefusal(codes[error.code] ?? 'body_invalid', error.code);
  return new ApprovalRefusal('internal', 'internal', { cause: error });
}

function send(request: IncomingMessage, response: ServerResponse, status: number, body: Uint8Array): void {
  if (response.destroyed || response.headersSent) return;
  response.writeHead(status, {
    'content-type': 'application/json',
    'content-length': body.length,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    // What is still to come of a refused body is not read.
    ...(request.complete ? {} : { connection: 'close' }),
    ...(status === refusals.busy.status ? { 'retry-after': '5' } : {}),
  });
  response.end(body);
}

async function listen(server: Server, { host, port }: ListenAddress): Promise<string> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
  } catch (error) {
    throw new CommandError(`cannot listen on ${host}:${port}: ${(error as Error).message}`);
  }
  const { address, family, port: bound } = server.address() as AddressInfo;
  return family === 'IPv6' ? `http://[${address}]:${bound}` : `http://${address}:${bound}`;
}
