import { concatBytes, toHex } from '../wire/bytes.ts';
import { parseJson } from '../wire/codec/json.ts';
import { WireError } from '../wire/errors.ts';
import { RECORDS_TYPE } from '../wire/message/session.ts';
import { ClientError } from './errors.ts';

/** How bytes reach the host: Node's own HTTP, the platform's fetch, or a hostile host in a test. */
export interface HostTransport {
  get(path: string, maxBytes: number): Promise<Uint8Array>;
  post(path: string, body: Uint8Array, maxBytes: number, options?: PostOptions): Promise<Uint8Array>;
  /** An answer as it comes; with no body, one that the host has kept. Reading less than all of it ends the connection. */
  stream(path: string, body: Uint8Array | null, options?: PostOptions): Promise<StreamedReply>;
}

export interface PostOptions {
  /** Under this number the host keeps the answer for a while. */
  readonly requestId?: Uint8Array;
}

export interface StreamedReply {
  /** Whether records come behind their lengths; otherwise the reply is one record. */
  readonly framed: boolean;
  readonly chunks: AsyncIterable<Uint8Array>;
}

export interface TransportOptions {
  readonly url: string;
  /** For an answer that comes whole: until its end. For one in pieces: until the next piece. */
  readonly timeoutMs: number;
}

/** What every transport gives for a response before its body is read. */
export interface RawResponse {
  readonly status: number;
  readonly contentType: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** All of it at once, where a transport has a cheaper way than piece by piece. Read either this or the chunks. */
  readonly whole?: (maxBytes: number) => Promise<Uint8Array>;
}

export interface RawRequest {
  readonly method: 'GET' | 'POST';
  readonly path: string;
  readonly body: Uint8Array | null;
  readonly headers: Readonly<Record<string, string>>;
  readonly lifetime: 'whole' | 'pieces';
}

const BINARY = 'application/octet-stream';
/** An error body of a host is small; more is not read. */
const ERROR_BYTES = 4_096;

/** The rules that do not depend on who carries the bytes. */
export function createTransport(ask: (request: RawRequest) => Promise<RawResponse>): HostTransport {
  const whole = async (request: RawRequest, maxBytes: number): Promise<Uint8Array> => {
    const response = await ask(request);
    if (response.status !== 200) throw await hostError(response);
    return response.whole?.(maxBytes) ?? readBounded(response.chunks, maxBytes);
  };
  const question = (path: string): RawRequest => ({ method: 'GET', path, body: null, headers: {}, lifetime: 'whole' });
  return {
    get: async (path, maxBytes) => {
      try {
        return await whole(question(path), maxBytes);
      } catch (error) {
        // A kept connection may have been closed at the other end: asking again changes nothing there. Posts are not
        // repeated, since the first may have been run.
        if (!(error instanceof ClientError) || error.code !== 'host_unreachable') throw error;
        return whole(question(path), maxBytes);
      }
    },
    post: (path, body, maxBytes, options) =>
      whole({ method: 'POST', path, body, headers: postHeaders(options), lifetime: 'whole' }, maxBytes),
    stream: async (path, body, options) => {
      const headers = body === null ? { accept: RECORDS_TYPE } : { ...postHeaders(options), accept: RECORDS_TYPE };
      const method = body === null ? 'GET' : 'POST';
      const response = await ask({ method, path, body, headers, lifetime: 'pieces' });
      if (response.status !== 200) throw await hostError(response);
      return { framed: response.contentType.startsWith(RECORDS_TYPE), chunks: response.chunks };
    },
  };
}

function postHeaders({ requestId }: PostOptions = {}): Record<string, string> {
  const kept = requestId === undefined ? {} : { 'proofmark-request-id': toHex(requestId) };
  return { 'content-type': BINARY, ...kept };
}

/** Over the platform's fetch: for browsers, and wherever else there is no `node:http`. */
export function fetchTransport(options: TransportOptions): HostTransport {
  const base = baseOf(options.url);
  return createTransport(async ({ method, path, body, headers, lifetime }) => {
    const patience = createPatience(options.timeoutMs, lifetime);
    try {
      const response = await fetch(`${base}${path}`, {
        method,
        headers,
        ...(body === null ? {} : { body: Uint8Array.from(body) }),
        // A host that could send us elsewhere would choose which machines of our network we talk to.
        redirect: 'error',
        signal: patience.signal,
      });
      const contentType = response.headers.get('content-type') ?? '';
      return { status: response.status, contentType, chunks: patience.over(readChunks(response)) };
    } catch (error) {
      patience.end();
      throw transportError(error, options.timeoutMs);
    }
  });
}

async function* readChunks(response: Response): AsyncGenerator<Uint8Array> {
  if (response.body === null) return;
  const reader = response.body.getReader() as ReadableStreamDefaultReader<Uint8Array>;
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value;
  } finally {
    // What nobody reads on is not fetched on; after the end this does nothing.
    reader.cancel().catch(() => {});
  }
}

interface Patience {
  readonly signal: AbortSignal;
  over(chunks: AsyncIterable<Uint8Array>): AsyncIterable<Uint8Array>;
  end(): void;
}

/** One clock for a whole answer; for one in pieces it starts again with each piece. */
function createPatience(timeoutMs: number, lifetime: RawRequest['lifetime']): Patience {
  const controller = new AbortController();
  const late = (): void => controller.abort(new DOMException('late', 'TimeoutError'));
  let timer = setTimeout(late, timeoutMs);
  const end = (): void => clearTimeout(timer);
  return {
    signal: controller.signal,
    async *over(chunks) {
      try {
        for await (const chunk of chunks) {
          if (lifetime === 'pieces') {
            end();
            timer = setTimeout(late, timeoutMs);
          }
          yield chunk;
        }
      } catch (error) {
        throw transportError(error, timeoutMs);
      } finally {
        end();
      }
    },
    end,
  };
}

export function transportError(error: unknown, timeoutMs: number): ClientError {
  if (error instanceof ClientError) return error;
  if (error instanceof Error && error.name === 'TimeoutError') {
    return new ClientError('host_timeout', `no answer within ${timeoutMs} ms`);
  }
  return new ClientError('host_unreachable', describe(error));
}

export function baseOf(url: string): string {
  let parsed: URL | undefined;
  try {
    parsed = new URL(url);
  } catch {
    // Refused below, with every other address that is none of a host.
  }
  if (parsed === undefined || !/^https?:$/.test(parsed.protocol) || parsed.search !== '' || parsed.hash !== '') {
    throw new ClientError('argument_invalid', 'the address of a host is an http or https URL without a query');
  }
  return parsed.href.replace(/\/+$/, '');
}

async function readBounded(source: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of source) {
    length += chunk.length;
    if (length > maxBytes) throw tooLarge(maxBytes);
    chunks.push(chunk);
  }
  return concatBytes(...chunks);
}

export function tooLarge(maxBytes: number): ClientError {
  return new ClientError('response_too_large', `more than ${maxBytes} bytes`);
}

async function hostError(response: RawResponse): Promise<ClientError> {
  const { status } = response;
  const reason = await errorCode(response);
  if (status === 202) return new ClientError('host_error', 'the answer is not ready', { reason: 'response_pending' });
  // Where a transport shows redirects instead of refusing them, they are none of an answer either.
  if (status >= 300 && status < 400 && status !== 304 && status !== 300) {
    return new ClientError('host_unreachable', 'the host sends elsewhere');
  }
  if (reason === 'session_unknown') {
    return new ClientError('session_lost', 'the worker does not know this session any more', { reason });
  }
  return new ClientError('host_error', `the host answered ${status} ${reason}`, { reason });
}

/** A host's error is text from a stranger: only a short code of plain letters is taken from it. */
async function errorCode({ chunks }: RawResponse): Promise<string> {
  try {
    const body = parseJson(await readBounded(chunks, ERROR_BYTES), ERROR_BYTES);
    if (typeof body === 'object' && body !== null && 'code' in body) {
      const { code } = body as { readonly code: unknown };
      if (typeof code === 'string' && /^[a-z_]{1,64}$/.test(code)) return code;
    }
  } catch (error) {
    if (!(error instanceof WireError) && !(error instanceof ClientError && error.code === 'response_too_large')) {
      throw error;
    }
  }
  return 'unknown';
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed';
  if (error.cause instanceof Error) return 'code' in error.cause ? String(error.cause.code) : error.cause.message;
  return 'code' in error && typeof error.code === 'string' ? error.code : error.message;
}
