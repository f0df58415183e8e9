import { Agent, type ClientRequest, type IncomingMessage, request as requestHttp } from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { concatBytes } from '../../wire/bytes.ts';
import { ClientError } from '../errors.ts';
import {
  baseOf,
  createTransport,
  type HostTransport,
  type RawRequest,
  type RawResponse,
  type TransportOptions,
  tooLarge,
  transportError,
} from '../transport.ts';

/**
 * Over Node's own HTTP with kept connections: the platform's fetch costs more than twice the processor time for a small
 * call. It follows no redirect and opens no compression, so that neither can be turned against the caller.
 */
export function nodeTransport(options: TransportOptions): HostTransport {
  const base = new URL(baseOf(options.url));
  const secure = base.protocol === 'https:';
  const agent = secure ? new SecureAgent({ keepAlive: true }) : new Agent({ keepAlive: true });
  const start = secure ? requestHttps : requestHttp;
  const prefix = base.pathname.replace(/\/+$/, '');
  const target = {
    hostname: base.hostname.replace(/^\[|\]$/g, ''),
    port: base.port,
    agent,
    ...(base.username === '' ? {} : { auth: decodeURIComponent(`${base.username}:${base.password}`) }),
  };

  return createTransport(
    (raw) =>
      new Promise<RawResponse>((resolve, reject) => {
        const length = raw.body === null ? {} : { 'content-length': raw.body.length };
        const headers = { ...raw.headers, ...length };
        const sent = start({ ...target, path: prefix + raw.path, method: raw.method, headers });
        const clock = watchTime(sent, raw.lifetime, options.timeoutMs);
        sent.on('error', (error) => {
          clock.end();
          reject(transportError(error, options.timeoutMs));
        });
        sent.on('response', (message) => {
          resolve({
            status: message.statusCode ?? 0,
            contentType: message.headers['content-type'] ?? '',
            chunks: readChunks(message, clock, options.timeoutMs),
            whole: (maxBytes) => readWhole(message, clock, { maxBytes, timeoutMs: options.timeoutMs }),
          });
        });
        sent.end(raw.body);
      }),
  );
}

interface Clock {
  /** What ended the request where that was its time: the answer's own stream only says that it was cut off. */
  readonly failure: ClientError | undefined;
  again(): void;
  end(): void;
}

function watchTime(sent: ClientRequest, lifetime: RawRequest['lifetime'], timeoutMs: number): Clock {
  let failure: ClientError | undefined;
  const timer = setTimeout(() => {
    failure = new ClientError('host_timeout', `no answer within ${timeoutMs} ms`);
    sent.destroy(failure);
  }, timeoutMs);
  return {
    get failure() {
      return failure;
    },
    again: () => {
      if (lifetime === 'pieces') timer.refresh();
    },
    end: () => clearTimeout(timer),
  };
}

/** By events: a stream's own iterator takes a tenth of a small call's processor time. */
function readWhole(
  message: IncomingMessage,
  clock: Clock,
  { maxBytes, timeoutMs }: { readonly maxBytes: number; readonly timeoutMs: number },
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const chunks: Uint8Array[] = [];
    let length = 0;
    message.on('data', (chunk: Uint8Array) => {
      length += chunk.length;
      chunks.push(chunk);
      if (length > maxBytes) message.destroy(tooLarge(maxBytes));
    });
    message.on('end', () => {
      clock.end();
      resolve(concatBytes(...chunks));
    });
    message.on('error', (error) => {
      clock.end();
      reject(clock.failure ?? transportError(error, timeoutMs));
    });
  });
}

async function* readChunks(message: IncomingMessage, clock: Clock, timeoutMs: number): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of message as AsyncIterable<Uint8Array>) {
      clock.again();
      yield chunk;
    }
  } catch (error) {
    throw clock.failure ?? transportError(error, timeoutMs);
  } finally {
    clock.end();
    // After the end this does nothing: the connection has gone back to the agent.
    if (!message.complete) message.destroy();
  }
}
