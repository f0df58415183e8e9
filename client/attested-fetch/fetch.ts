import { toHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { format, operation } from '../../wire/message/request.ts';
import { decodeInferRequest } from '../../wire/message/tensor.ts';
import { type Answered, type Answering, statusError } from '../calls.ts';
import type { Engine } from '../engine.ts';
import { ClientError } from '../errors.ts';
import { type LanguageOperation, readBody } from '../language/body.ts';
import { askLanguage } from '../language/calls.ts';
import { createRefusedBefore } from './refused-before.ts';
import { errorResponse, jsonResponse, proofHeaders } from './responses.ts';
import { type Route, routeOf } from './routes.ts';
import { streamResponse } from './stream.ts';

export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

interface Asked {
  readonly route: Route;
  readonly path: string;
  readonly body: Uint8Array;
  readonly signal: AbortSignal | undefined;
}

/**
 * A `fetch` whose answers were verified. It speaks to the client's hosts only: the address that it is called with says
 * what is asked, not whom. Evidence that fails rejects the call, or breaks the stream; it never becomes a response.
 */
export function createAttestedFetch(engine: Engine): Fetch {
  const refusedBefore = createRefusedBefore(engine.suite, engine.now);

  return async (input, init) => {
    const request = new Request(input, init);
    const url = new URL(request.url);
    const route = routeOf(request.method, url);
    if (route === undefined) return notServed();
    const body = new Uint8Array(await request.arrayBuffer());
    // The caller's own signal: the one of a request made here may be collected with it, and then says nothing.
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    const asked: Asked = { route, path: url.pathname, body, signal };
    await refusedBefore.check(asked.path, body);
    const note = (error: unknown): Promise<void> => refusedBefore.note(asked.path, body, error);
    try {
      return await answer(engine, asked, note);
    } catch (error) {
      await note(error);
      const response = error instanceof ClientError ? errorResponse(error, repeatsOf(engine)) : undefined;
      if (response === undefined) throw error;
      return response;
    }
  };
}

async function answer(engine: Engine, asked: Asked, note: (error: unknown) => Promise<void>): Promise<Response> {
  const { route, body, signal } = asked;
  switch (route.kind) {
    case 'models':
      return listModels(engine);
    case 'model':
      return showModel(engine, route.model);
    case 'infer':
      return wholeResponse(engine, await askInfer(engine, route, body, signal));
    case 'language':
      return answerLanguage(engine, route.operation, asked, note);
  }
}

async function answerLanguage(
  engine: Engine,
  kind: LanguageOperation,
  { body, signal }: Asked,
  note: (error: unknown) => Promise<void>,
): Promise<Response> {
  const read = readBody(body, kind);
  const answering = await askLanguage(engine, read, { signal });
  if (!read.request.stream) return wholeResponse(engine, answering);
  // With the first piece it is known that there will be a stream; until then a failure has a status.
  const first = await answering.next();
  if (first.done !== true) return streamResponse(engine, kind, { answering, first: first.value, signal, note });
  const failed = statusError(first.value);
  if (failed !== undefined) return failure(engine, failed, first.value);
  return streamResponse(engine, kind, { answering, first: first.value, signal, note });
}

async function wholeResponse(engine: Engine, answering: Answering): Promise<Response> {
  let next = await answering.next();
  while (next.done !== true) next = await answering.next();
  const answered = next.value;
  const failed = statusError(answered);
  if (failed !== undefined) return failure(engine, failed, answered);
  await engine.settle(answered);
  return new Response(Uint8Array.from(answered.answer.body), {
    headers: { 'content-type': 'application/json', ...proofHeaders(answered) },
  });
}

function failure(engine: Engine, error: ClientError, answered: Answered): Response {
  const response = errorResponse(error, repeatsOf(engine), answered);
  if (response === undefined) throw error;
  return response;
}

/** A lost call may be sent again by whoever sends it, where this client would do so itself. */
function repeatsOf({ retry, paid }: Engine): 'allowed' | 'refused' {
  return (retry ?? (paid ? 'never' : 'unanswered')) === 'unanswered' ? 'allowed' : 'refused';
}

async function askInfer(
  engine: Engine,
  route: Route & { readonly kind: 'infer' },
  body: Uint8Array,
  signal: AbortSignal | undefined,
): Promise<Answering> {
  try {
    decodeInferRequest({ body, jsonLength: body.length }, 'json');
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', error.message, { reason: error.code });
  }
  const modelId = await engine.resolve(route.model);
  if (route.version !== undefined) await requireVersion(engine, modelId, route.version);
  return engine.ask({
    modelId,
    operation: operation.infer,
    format: format.json,
    jsonLength: body.length,
    body,
    streamed: false,
    seed: new Uint8Array(32),
    maxFee: (unitPrice) => unitPrice,
    retry: engine.retry,
    disclose: 'nobody',
    signal,
  });
}

async function requireVersion(engine: Engine, modelId: Uint8Array, version: string): Promise<void> {
  const { host } = await engine.sessions.take();
  const { manifest } = (await engine.releases.known(host, modelId)).facts;
  if (manifest.version !== version) throw new ClientError('model_unknown', 'the name means another version here');
}

async function listModels(engine: Engine): Promise<Response> {
  const named = await engine.models();
  const data = await Promise.all(named.map(({ name, modelId }) => modelObject(engine, name, modelId)));
  return jsonResponse(200, { object: 'list', data });
}

async function showModel(engine: Engine, model: string): Promise<Response> {
  return jsonResponse(200, await modelObject(engine, model, await engine.resolve(model)));
}

/** From the release that was proven, not from what a host says about it. */
async function modelObject(engine: Engine, name: string, modelId: Uint8Array): Promise<object> {
  const { host } = await engine.sessions.take();
  const { manifest } = (await engine.releases.known(host, modelId)).facts;
  const proofmark = { modelId: toHex(modelId), name: manifest.name, version: manifest.version };
  return { id: name, object: 'model', created: 0, owned_by: toHex(manifest.owner), proofmark };
}

/** Typed and final: a call that is not served here must never fall through to a server that nobody verified. */
function notServed(): Response {
  const error = {
    message: 'this fetch serves chat and text completions, models and OIP inference in JSON; nothing else was sent',
    type: 'invalid_request_error',
    param: null,
    code: 'not_served_attested',
  };
  return jsonResponse(404, { error }, { 'x-should-retry': 'false' });
}
