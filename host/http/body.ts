import type { IncomingMessage } from 'node:http';
import { HttpError } from './errors.ts';
import type { Exchange } from './exchange.ts';

export interface BodyRules {
  readonly types: readonly string[];
  readonly maxBytes: number;
}

/**
 * Reads a whole body once. What was declared is only believed when it is too much; memory is counted as bytes arrive,
 * and until the response has left.
 */
export async function readBody(exchange: Exchange, { types, maxBytes }: BodyRules): Promise<Buffer> {
  const { request } = exchange;
  if (!types.includes(mediaType(request)) || request.headers['content-encoding'] !== undefined) {
    throw new HttpError('media_type_unsupported');
  }
  if (Number(request.headers['content-length'] ?? 0) > maxBytes) throw new HttpError('body_too_large');
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    let ended = false;

    function onData(chunk: Buffer): void {
      if (length + chunk.length > maxBytes) refuse(new HttpError('body_too_large'));
      else if (!exchange.take(chunk.length)) refuse(new HttpError('busy'));
      else {
        length += chunk.length;
        chunks.push(chunk);
      }
    }

    /** A refusal must still reach the client, so its connection is not torn down: only nothing more is read. */
    function refuse(error: HttpError): void {
      request.off('data', onData);
      request.pause();
      reject(error);
    }

    request.on('data', onData);
    request.once('end', () => {
      ended = true;
      const [only] = chunks;
      resolve(chunks.length === 1 && only !== undefined ? only : Buffer.concat(chunks, length));
    });
    request.once('close', () => {
      if (!ended) reject(new HttpError('request_timeout'));
    });
    request.on('error', () => undefined);
  });
}

export function mediaType(request: IncomingMessage): string {
  const value = request.headers['content-type'] ?? '';
  const end = value.indexOf(';');
  return (end < 0 ? value : value.slice(0, end)).trim().toLowerCase();
}
