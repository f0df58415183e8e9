import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { HubError } from '../../hub/errors.ts';
import type { HubBody, HubResponse, HubTransport } from '../../hub/platform.ts';
import { baseOf } from '../../transport.ts';

export interface HubTransportOptions {
  readonly url: string;
  /** Until the next piece in either direction. */
  readonly timeoutMs: number;
}

/** Over Node's own HTTP, which follows no redirect and opens no compression. */
export function hubTransport({ url, timeoutMs }: HubTransportOptions): HubTransport {
  const base = new URL(baseOf(url));
  if (base.username !== '' || base.password !== '') {
    throw new HubError('argument_invalid', 'the address of a hub has no name and password in it');
  }
  const secure = base.protocol === 'https:';
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const start = secure ? requestHttps : requestHttp;
  const target = { hostname: base.hostname.replace(/^\[|\]$/g, ''), port: base.port, agent };
  const prefix = base.pathname.replace(/\/+$/, '');

  return {
    origin: base.origin,
    ask: ({ method, path, headers, body, signal }) =>
      new Promise<HubResponse>((resolve, reject) => {
        signal?.throwIfAborted();
        const length = body === null ? {} : { 'content-length': body.length };
        const sent = start({ ...target, path: prefix + path, method, headers: { ...headers, ...length } });
        const watch = watchRequest(sent, timeoutMs, signal);
        const fail = (error: unknown): void => {
          watch.end();
          reject(watch.failure ?? unreachable(error));
        };
        sent.on('error', fail);
        sent.on('socket', (socket) => socket.setNoDelay(true));
        sent.on('response', (message) => {
          watch.again();
          resolve({
            status: message.statusCode ?? 0,
            headers: singles(message),
            chunks: readChunks(sent, message, watch),
          });
        });
        if (body === null) sent.end();
        else void write(sent, body, watch);
      }),
  };
}

/** A header that came twice is none. */
function singles(message: IncomingMessage): Readonly<Record<string, string | undefined>> {
  return Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, typeof value === 'string' ? value : undefined]),
  );
}

interface Watch {
  /** What ended the request where that was not the other side: the streams only say that it was cut off. */
  readonly failure: unknown;
  again(): void;
  fail(error: unknown): void;
  end(): void;
}

function watchRequest(sent: ClientRequest, timeoutMs: number, signal: AbortSignal | undefined): Watch {
  let failure: unknown;
  const fail = (error: unknown): void => {
    failure ??= error;
    sent.destroy();
  };
  const onAbort = (): void => fail(signal?.reason);
  const onTime = (): void => fail(new HubError('hub_timeout', `nothing came or went for ${timeoutMs} ms`));
  const timer = setTimeout(onTime, timeoutMs);
  signal?.addEventListener('abort', onAbort, { once: true });
  return {
    get failure() {
      return failure;
    },
    again: () => timer.refresh(),
    fail,
    end: () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
    },
  };
}

/** Ends early where an answer came before all of it was wanted; whoever reads that answer closes the connection. */
async function write(sent: ClientRequest, { length, chunks }: HubBody, watch: Watch): Promise<void> {
  let answered = false;
  sent.once('response', () => {
    answered = true;
  });
  let written = 0;
  try {
    for await (const chunk of chunks) {
      if (answered || sent.destroyed) return;
      written += chunk.length;
      if (written > length) break;
      if (!sent.write(chunk)) await roomOrEnd(sent);
      watch.again();
    }
    if (written !== length) throw new HubError('file_changed', 'it has another length than it had');
    sent.end();
  } catch (error) {
    // The request's own error has been told where it happened.
    if (!sent.destroyed) watch.fail(error);
  }
}

function roomOrEnd(sent: ClientRequest): Promise<void> {
  const events = ['drain', 'close', 'response'] as const;
  return new Promise((resolve) => {
    const done = (): void => {
      for (const event of events) sent.off(event, done);
      resolve();
    };
    for (const event of events) sent.on(event, done);
    // It may have ended before anybody listened.
    if (sent.destroyed) done();
  });
}

async function* readChunks(sent: ClientRequest, message: IncomingMessage, watch: Watch): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      watch.again();
      yield chunk;
    }
  } catch (error) {
    throw watch.failure ?? unreachable(error);
  } finally {
    watch.end();
    // After the end of both this does nothing: the connection has gone back to the agent.
    if (!message.complete || !sent.writableFinished) sent.destroy();
  }
}

function unreachable(error: unknown): unknown {
  if (error instanceof HubError) return error;
  const text = error instanceof Error && 'code' in error ? `${String(error.code)}: ${error.message}` : String(error);
  return new HubError('hub_unreachable', text, { cause: error });
}
