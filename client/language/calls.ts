import type { ReleaseFacts, Verified } from '../../verifier/index.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { type Answered, type Answering, type AskOptions, statusError } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { ClientError, StreamLeftError } from '../errors.ts';
import { checkMaxFee } from '../fees.ts';
import { whole } from '../infer.ts';
import type { Gaining } from '../levels/gain.ts';
import type { CallOptions, LanguageCall, LanguageResult } from '../types.ts';
import { violation } from '../violation.ts';
import { bytesOf, type LanguageBody, type LanguageOperation, languageQuestion, readBody } from './body.ts';
import { createEventReader, type StreamEvent, textOf } from './events.ts';

/** Provisional until the loop has ended without an error: the receipt comes last, and is about all of it. */
export interface LanguageStream extends AsyncIterable<StreamEvent> {
  /**
   * Settles when the loop has ended: proven, or the reason why not. Of one that was left, by its end or by its signal, that
   * is a `StreamLeftError`, with the receipt of what was generated until then where the worker has given one.
   */
  readonly result: Promise<LanguageResult>;
}

/** Asks what a body says, of the release that its `model` means to this client. */
export async function askLanguage(
  engine: Engine,
  body: LanguageBody,
  options: CallOptions & AskOptions = {},
): Promise<Answering> {
  const { model } = body.request;
  checkMaxFee(options.maxFee);
  if (model === null) throw new ClientError('argument_invalid', 'name a model');
  const modelId = await engine.resolve(model);
  const question = {
    modelId,
    ...(await languageQuestion(body, engine.suite, options.maxFee)),
    retry: options.retry ?? engine.retry,
    signal: options.signal,
    disclose: options.disclose ?? 'nobody',
  } as const;
  return engine.ask(question, options);
}

export async function completeWhole(
  engine: Engine,
  operation: LanguageOperation,
  call: LanguageCall,
  options?: CallOptions,
): Promise<LanguageResult> {
  const body = readBody(bytesOf(call), operation);
  if (body.request.stream) throw new ClientError('argument_invalid', 'a stream is asked for in a loop');
  const gain = await gainingText(engine, body, options);
  const answered = await whole(await askLanguage(engine, body, options));
  const completion = result(answered, () => parseJson(answered.answer.body, limits.bodyBytes));
  const proof = await engine.settle(answered);
  const gained = await gain({ ...proof, outputs: 'text' });
  return { text: textOf(completion), body: answered.answer.body, completion, ...proof, gained };
}

/** Text can be computed again by whoever has the model; no chain computes it, and no circuit. */
async function gainingText(
  engine: Engine,
  { request: { model } }: LanguageBody,
  options: CallOptions | undefined,
): Promise<Gaining> {
  const release = async (): Promise<Verified<ReleaseFacts>> =>
    (await engine.release(await engine.resolve(model ?? ''))).facts;
  return engine.gains.prepare(options?.level, { inputs: 'text', release });
}

export function streamPieces(
  engine: Engine,
  operation: LanguageOperation,
  call: LanguageCall,
  options?: CallOptions,
): LanguageStream {
  const outcome = later<LanguageResult>();
  let started = false;
  return {
    result: outcome.promise,
    [Symbol.asyncIterator]() {
      if (started) throw new ClientError('argument_invalid', 'a stream is read once');
      started = true;
      return events(engine, readBody(bytesOf({ ...call, stream: true }), operation), options, outcome);
    },
  };
}

async function* events(
  engine: Engine,
  body: LanguageBody,
  options: CallOptions | undefined,
  outcome: Later<LanguageResult>,
): AsyncGenerator<StreamEvent, void, undefined> {
  let answering: Answering | undefined;
  let left: Promise<Answered | undefined> | undefined;
  let over = false;
  const onLeft = (asked: Promise<Answered | undefined>): void => {
    left = asked;
  };
  try {
    const gain = await gainingText(engine, body, options);
    answering = await askLanguage(engine, body, { ...options, onLeft });
    const reader = createEventReader();
    let handed = 0;
    let text = '';
    let completion: JsonValue = null;
    const read = function* (piece: Uint8Array): Generator<StreamEvent> {
      for (const event of reader.push(piece)) {
        text += event.text;
        completion = event.value;
        yield event;
      }
    };
    let next = await answering.next();
    while (next.done !== true) {
      handed += next.value.length;
      yield* read(next.value);
      next = await answering.next();
    }
    over = true;
    const answered = next.value;
    const refused = statusError(answered);
    if (refused !== undefined) throw refused;
    const rest = [...read(answered.answer.body.subarray(handed))];
    reader.end();
    const proof = await engine.settle(answered);
    const gained = await gain({ ...proof, outputs: 'text' });
    outcome.resolve({ text, body: answered.answer.body, completion, ...proof, gained });
    yield* rest;
  } catch (error) {
    over = true;
    if (left === undefined) outcome.reject(error);
    else wasLeft(left, error);
    throw error;
  } finally {
    if (!over) {
      try {
        await answering?.return(undefined as never);
      } finally {
        wasLeft(left ?? Promise.resolve(undefined), undefined);
      }
    }
  }

  /** Whoever aborts goes on at once, and what the answer has cost is known a little later. */
  function wasLeft(leaving: Promise<Answered | undefined>, cause: unknown): void {
    leaving.then((answered) => outcome.reject(new StreamLeftError(answered?.receipt, cause)), outcome.reject);
  }
}

function result(answered: Answered, read: () => JsonValue): JsonValue {
  const refused = statusError(answered);
  if (refused !== undefined) throw refused;
  return violation(read);
}

interface Later<T> {
  readonly promise: Promise<T>;
  resolve(value: T): void;
  reject(error: unknown): void;
}

function later<T>(): Later<T> {
  let resolve = (_value: T): void => {};
  let reject = (_error: unknown): void => {};
  const promise = new Promise<T>((accept, refuse) => {
    resolve = accept;
    reject = refuse;
  });
  // Whoever only reads the loop has heard of it there.
  promise.catch(() => {});
  return { promise, resolve: (value) => resolve(value), reject: (error) => reject(error) };
}
