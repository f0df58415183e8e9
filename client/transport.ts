import { parseJson } from '../wire/codec/json.ts';
import { WireError } from '../wire/errors.ts';
import { ClientError } from './errors.ts';

/** How bytes reach the host. The default is the platform's fetch; tests put a hostile host in its place. */
export interface HostTransport {
  get(path: string, maxBytes: number): Promise<Uint8Array>;
  post(path: string, body: Uint8Array, maxBytes: number): Promise<Uint8Array>;
}

export interface FetchOptions {
  readonly url: string;
  readonly timeoutMs: number;
}

/** An error body of a host is small; more is not read. */
const ERROR_BYTES = 4_096;

export function fetchTransport(options: FetchOptions): HostTransport {
  const base = baseOf(options.url);
  const call = async (path: string, init: RequestInit, maxBytes: number): Promise<Uint8Array> => {
    try {
      const response = await fetch(`${base}${path}`, {
        ...init,
        // A host that could send us elsewhere would choose which machines of our network we talk to.
        redirect: 'error',
        signal: AbortSignal.timeout(options.timeoutMs),
      });
      if (!response.ok) throw await hostError(response);
      return await readBounded(response, maxBytes);
    } catch (error) {
      if (error instanceof ClientError) throw error;
      if (error instanceof Error && error.name === 'TimeoutError') {
        throw new ClientError('host_timeout', `no answer within ${options.timeoutMs} ms`);
      }
      throw new ClientError('host_unreachable', describe(error));
    }
  };
  return {
    get: async (path, maxBytes) => {
      try {
        return await call(path, { method: 'GET' }, maxBytes);
      } catch (error) {
        // A kept connection may have been closed at the other end: asking again changes nothing there. Posts are not
        // repeated, since the first may have been run.
        if (!(error instanceof ClientError) || error.code !== 'host_unreachable') throw error;
        return call(path, { method: 'GET' }, maxBytes);
      }
    },
    post: (path, body, maxBytes) =>
      call(
        path,
        { method: 'POST', body: Uint8Array.from(body), headers: { 'content-type': 'application/octet-stream' } },
        maxBytes,
      ),
  };
}

function baseOf(url: string): string {
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

async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array> {
  if (response.body === null) return new Uint8Array(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body as AsyncIterable<Uint8Array>) {
    length += chunk.length;
    if (length > maxBytes) throw new ClientError('response_too_large', `more than ${maxBytes} bytes`);
    chunks.push(chunk);
  }
  const out = new Uint8Array(length);
  let offset = 0;
  for (const chunk of chunks) {
    out.set(chunk, offset);
    offset += chunk.length;
  }
  return out;
}

async function hostError(response: Response): Promise<ClientError> {
  const reason = await errorCode(response);
  if (reason === 'session_unknown') {
    return new ClientError('session_lost', 'the worker does not know this session any more', { reason });
  }
  return new ClientError('host_error', `the host answered ${response.status} ${reason}`, { reason });
}

/** A host's error is text from a stranger: only a short code of plain letters is taken from it. */
async function errorCode(response: Response): Promise<string> {
  try {
    const body = parseJson(await readBounded(response, ERROR_BYTES), ERROR_BYTES);
    if (typeof body === 'object' && body !== null && 'code' in body) {
      const { code } = body as { readonly code: unknown };
      if (typeof code === 'string' && /^[a-z_]{1,64}$/.test(code)) return code;
    }
  } catch (error) {
    if (!(error instanceof WireError) && !(error instanceof ClientError)) throw error;
  }
  return 'unknown';
}

function describe(error: unknown): string {
  if (!(error instanceof Error)) return 'the connection failed';
  if (!(error.cause instanceof Error)) return error.message;
  return 'code' in error.cause ? String(error.cause.code) : error.cause.message;
}
