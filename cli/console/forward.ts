import {
  Agent,
  type ClientRequest,
  type IncomingMessage,
  request as requestHttp,
  type ServerResponse,
} from 'node:http';
import { request as requestHttps, Agent as SecureAgent } from 'node:https';
import { answerHeaders, type RefusalCode, refuse } from './refusal.ts';

export interface Forwarded {
  /** Where to, path and query included. */
  readonly url: URL;
  readonly method: 'GET' | 'POST';
  /** Chosen by us: nothing of what the browser sends goes on by itself, its cookies least of all. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Uint8Array | null;
  readonly answerBytes: number;
  readonly idleMilliseconds: number;
  /** Of the answer's type, what the page is given. */
  readonly typeOf: (answered: string) => string;
}

/** Kept for questions, which can be asked again; a post whose kept connection was just closed would be lost. */
const kept = { 'http:': new Agent({ keepAlive: true }), 'https:': new SecureAgent({ keepAlive: true }) } as const;

/** Asks another server and passes its answer on as it comes. Follows no redirect, opens no compression. */
export function forward(response: ServerResponse, forwarded: Forwarded): void {
  const { url, method, headers, body, idleMilliseconds } = forwarded;
  const secure = url.protocol === 'https:';
  const start = secure ? requestHttps : requestHttp;
  const agent = method === 'GET' ? kept[secure ? 'https:' : 'http:'] : false;
  const length = body === null ? {} : { 'content-length': String(body.length) };
  let asked: ClientRequest;
  let over = false;
  const end = (code: RefusalCode): void => {
    if (over) return;
    over = true;
    asked.destroy();
    refuse(response, code);
  };
  const ask = (through: typeof agent): void => {
    let answered = false;
    asked = start(url, { method, headers: { ...headers, ...length }, agent: through, timeout: idleMilliseconds });
    asked.on('timeout', () => end('upstream_timeout'));
    asked.on('error', () => {
      // A kept connection that the other side has just closed: nothing was asked there, and nothing answered.
      if (!over && !answered && asked.reusedSocket && through !== false) ask(false);
      else end('upstream_unreachable');
    });
    asked.on('response', (answer) => {
      answered = true;
      pass(answer, response, { forwarded, end });
    });
    asked.end(body ?? undefined);
  };
  ask(agent);
  // Whoever leaves the page waits for nothing any more.
  response.on('close', () => {
    over = true;
    asked.destroy();
  });
}

interface Passing {
  readonly forwarded: Forwarded;
  readonly end: (code: RefusalCode) => void;
}

function pass(answer: IncomingMessage, response: ServerResponse, { forwarded, end }: Passing): void {
  const status = answer.statusCode ?? 502;
  if (status >= 300 && status < 400) {
    end('upstream_redirected');
    return;
  }
  if (Number(answer.headers['content-length'] ?? 0) > forwarded.answerBytes) {
    end('upstream_too_large');
    return;
  }
  const wait = answer.headers['retry-after'];
  response.writeHead(status, {
    ...answerHeaders,
    'Content-Type': forwarded.typeOf(answer.headers['content-type'] ?? ''),
    ...(wait === undefined || !/^\d{1,6}$/.test(wait) ? {} : { 'Retry-After': wait }),
  });
  response.flushHeaders();
  let length = 0;
  answer.on('data', (chunk: Buffer) => {
    length += chunk.length;
    if (length > forwarded.answerBytes) end('upstream_too_large');
    else if (!response.write(chunk)) {
      answer.pause();
      response.once('drain', () => answer.resume());
    }
  });
  answer.on('end', () => response.end());
  answer.on('error', () => end('upstream_unreachable'));
}

/** All of a request's body, or undefined where it is more than `maxBytes`; what is over is not read. */
export function readRequest(request: IncomingMessage, maxBytes: number): Promise<Uint8Array | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) return Promise.resolve(undefined);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    request.on('data', (chunk: Buffer) => {
      length += chunk.length;
      if (length > maxBytes) {
        request.pause();
        resolve(undefined);
      } else {
        chunks.push(chunk);
      }
    });
    request.on('end', () => resolve(Uint8Array.from(Buffer.concat(chunks))));
    request.on('error', reject);
    request.on('close', () => resolve(undefined));
  });
}
