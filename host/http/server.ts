import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { limits } from '../../wire/limits.ts';
import { errorBody, explanations, type HostErrorCode, HttpError } from './errors.ts';

export interface ServerTimes {
  readonly headersMs: number;
  readonly requestMs: number;
  readonly keepAliveMs: number;
  /** How often Node looks for connections that are too slow. */
  readonly checkMs: number;
  /** Without a byte in either direction: longer than the longest answer takes. */
  readonly silenceMs: number;
}

export const serverTimes: ServerTimes = {
  headersMs: 10_000,
  requestMs: 30_000,
  keepAliveMs: 5_000,
  checkMs: 1_000,
  silenceMs: 120_000,
};

/** Node's own server with every wait and every count bounded; its defaults allow minutes and any number of sockets. */
export function createHttpServer(listener: RequestListener, times: ServerTimes): Server {
  const server = createServer(
    {
      insecureHTTPParser: false,
      maxHeaderSize: limits.httpHeaderBytes,
      requireHostHeader: true,
      headersTimeout: times.headersMs,
      requestTimeout: times.requestMs,
      keepAliveTimeout: times.keepAliveMs,
      connectionsCheckingInterval: times.checkMs,
      noDelay: true,
    },
    (request, response) => {
      rememberResponse(request.socket, response);
      listener(request, response);
    },
  );
  server.maxHeadersCount = 50;
  server.maxRequestsPerSocket = 1_000;
  server.maxConnections = limits.hostConnections;
  server.setTimeout(times.silenceMs);
  server.on('clientError', (error: Error & { readonly code?: string }, socket) => answerBrokenRequest(error, socket));
  return server;
}

/** Responses that are not finished, by connection: a pipelining client may have several. */
const unfinished = new WeakMap<Duplex, Set<ServerResponse>>();

function rememberResponse(socket: Duplex, response: ServerResponse): void {
  const responses = unfinished.get(socket) ?? newConnection(socket);
  responses.add(response);
  response.once('close', () => responses.delete(response));
}

/** Node tells only the response that has the connection when it ends; those that wait behind it hear it from here. */
function newConnection(socket: Duplex): Set<ServerResponse> {
  const responses = new Set<ServerResponse>();
  unfinished.set(socket, responses);
  socket.once('close', () => {
    for (const response of responses) {
      if (response.socket !== null) continue;
      response.destroy();
      response.emit('close');
    }
  });
  return responses;
}

function answerBrokenRequest(error: { readonly code?: string }, socket: Duplex): void {
  // Inside an answer that has begun, an error would read as part of it.
  const begun = [...(unfinished.get(socket) ?? [])].some((response) => response.headersSent);
  if (!socket.writable || begun) {
    socket.destroy();
    return;
  }
  const code: HostErrorCode =
    error.code === 'ERR_HTTP_REQUEST_TIMEOUT'
      ? 'request_timeout'
      : error.code === 'HPE_HEADER_OVERFLOW'
        ? 'headers_too_large'
        : 'request_invalid';
  const body = errorBody(new HttpError(code), 'host');
  const head = [
    `HTTP/1.1 ${explanations[code].status} Refused`,
    'Connection: close',
    'Content-Type: application/json',
    `Content-Length: ${Buffer.byteLength(body)}`,
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
