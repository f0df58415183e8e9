import { type Answered, type Answering, statusError } from '../calls.ts';
import type { Engine } from '../engine.ts';
import type { LanguageOperation } from '../language/body.ts';
import { createEventReader, type EventReader } from '../language/events.ts';
import { DONE, receiptEvent } from './responses.ts';

interface Streaming {
  readonly answering: Answering;
  /** The first piece, or the whole of an answer that came at once. */
  readonly first: Uint8Array | Answered;
  readonly signal: AbortSignal | undefined;
  readonly note: (error: unknown) => Promise<void>;
}

/**
 * Server-sent events as they come: provisional until `[DONE]`, which comes after the receipt's event and only if the whole
 * stream was verified. A failure breaks the stream, and whoever stops reading has the worker end.
 */
export function streamResponse(engine: Engine, kind: LanguageOperation, streaming: Streaming): Response {
  const { answering, first, signal, note } = streaming;
  const events = createEventReader();
  let sent = 0;
  let opening: unknown;
  let over = false;

  async function finish(controller: ReadableStreamDefaultController<Uint8Array>, answered: Answered): Promise<void> {
    over = true;
    const failed = statusError(answered);
    if (failed !== undefined) throw failed;
    const rest = answered.answer.body.subarray(sent);
    opening ??= firstEvent(events, rest);
    await engine.settle(answered);
    if (rest.length > 0) controller.enqueue(Uint8Array.from(rest));
    controller.enqueue(receiptEvent(kind, answered, opening));
    controller.enqueue(DONE);
    controller.close();
  }

  function pass(controller: ReadableStreamDefaultController<Uint8Array>, piece: Uint8Array): void {
    sent += piece.length;
    opening ??= firstEvent(events, piece);
    controller.enqueue(Uint8Array.from(piece));
  }

  async function guarded(
    controller: ReadableStreamDefaultController<Uint8Array>,
    work: () => Promise<void>,
  ): Promise<void> {
    try {
      await work();
    } catch (error) {
      over = true;
      await note(error);
      controller.error(error);
    }
  }

  /** Its own signal ends the question; what was generated until then is settled by whoever asked it. */
  const leave = async (): Promise<void> => {
    if (over) return;
    over = true;
    await answering.return(undefined as never);
  };

  const body = new ReadableStream<Uint8Array>(
    {
      start: (controller) =>
        guarded(controller, async () => {
          signal?.addEventListener('abort', () => {
            if (over) return;
            controller.error(signal.reason);
            leave().catch(note);
          });
          if (first instanceof Uint8Array) pass(controller, first);
          else await finish(controller, first);
        }),
      pull: (controller) =>
        guarded(controller, async () => {
          if (over) return;
          const next = await answering.next();
          if (next.done !== true) pass(controller, next.value);
          // What was left meanwhile has no end to be told.
          else if (!over && next.value !== undefined) await finish(controller, next.value);
        }),
      cancel: leave,
    },
    // Nothing is read ahead of the reader: what it leaves unread is not generated for it.
    { highWaterMark: 1 },
  );
  return new Response(body, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
}

/** For the id and the model's name only; a piece that is no event is the reader's to refuse. */
function firstEvent(events: EventReader, piece: Uint8Array): unknown {
  try {
    return events.push(piece)[0]?.value;
  } catch {
    return undefined;
  }
}
