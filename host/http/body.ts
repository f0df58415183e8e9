import type { Request, Response } from 'express';
import { HttpError } from './errors.ts';

/** How many bytes of bodies the host holds, over all connections: slow readers cost this and nothing more. */
export interface Budget {
  /** False means that there is no room; then nothing was taken. */
  take(bytes: number): boolean;
  /** For what exists already and cannot be refused: it only keeps others out. */
  add(bytes: number): void;
  give(bytes: number): void;
  readonly held: number;
}

export function createBudget(limit: number): Budget {
  let held = 0;
  return {
    take(bytes) {
      if (held + bytes > limit) return false;
      held += bytes;
      return true;
    },
    add: (bytes) => {
      held += bytes;
    },
    give: (bytes) => {
      held -= bytes;
    },
    get held() {
      return held;
    },
  };
}

export interface BodyRules {
  readonly types: readonly string[];
  readonly maxBytes: number;
  readonly budget: Budget;
}

/**
 * Reads a whole body once. What was declared is only believed when it is too much; memory is counted as bytes arrive,
 * and until the response has left.
 */
export async function readBody(request: Request, response: Response, rules: BodyRules): Promise<Buffer> {
  if (!rules.types.includes(mediaType(request)) || request.headers['content-encoding'] !== undefined) {
    throw new HttpError('media_type_unsupported');
  }
  if (Number(request.headers['content-length'] ?? 0) > rules.maxBytes) throw new HttpError('body_too_large');
  const { budget } = rules;
  let taken = 0;
  response.once('close', () => budget.give(taken));
  const chunks: Buffer[] = [];
  try {
    // A refusal must still reach the client, so leaving this loop does not tear its connection down.
    const arriving = request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
    for await (const chunk of arriving) {
      if (taken + chunk.length > rules.maxBytes) throw new HttpError('body_too_large');
      if (!budget.take(chunk.length)) throw new HttpError('busy');
      taken += chunk.length;
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpError) throw error;
    throw new HttpError('request_timeout', { cause: error });
  }
  return Buffer.concat(chunks, taken);
}

function mediaType(request: Request): string {
  return (request.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}

/** Sends bytes, which count until the client has taken them. */
export function sendBytes(response: Response, budget: Budget, type: string, bytes: Uint8Array): void {
  budget.add(bytes.length);
  response.once('close', () => budget.give(bytes.length));
  response.setHeader('Content-Type', type);
  response.setHeader('Content-Length', bytes.length);
  response.end(bytes);
}

/** Aborts when the client leaves before it was answered. */
export function leaving(response: Response): AbortSignal {
  const controller = new AbortController();
  response.once('close', () => {
    if (!response.writableFinished) controller.abort();
  });
  return controller.signal;
}
