import type { IncomingMessage, ServerResponse } from 'node:http';
import { createLeaving, type Leaving } from '../leaving.ts';
import type { Budget } from './budget.ts';

/** One request and what answering it holds: memory that is counted until the response has left or its client has. */
export interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** False means that there is no room; then nothing was taken. */
  take(bytes: number): boolean;
  /** For what exists already and cannot be refused. */
  add(bytes: number): void;
  /** Gives back a part early, of what was taken or added. */
  give(bytes: number): void;
  /** Aborts when the client leaves before it was answered. */
  readonly signal: Leaving;
}

export function openExchange(request: IncomingMessage, response: ServerResponse, budget: Budget): Exchange {
  const leaving = createLeaving();
  let held = 0;
  let closed = false;
  response.once('close', () => {
    closed = true;
    budget.give(held);
    if (!response.writableFinished) leaving.abort();
  });
  return {
    request,
    response,
    take(bytes) {
      if (closed || !budget.take(bytes)) return false;
      held += bytes;
      return true;
    },
    add(bytes) {
      if (closed) return;
      budget.add(bytes);
      held += bytes;
    },
    give(bytes) {
      if (closed) return;
      budget.give(bytes);
      held -= bytes;
    },
    signal: leaving.signal,
  };
}
