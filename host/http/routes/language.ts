import { randomBytes } from 'node:crypto';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { WireError } from '../../../wire/errors.ts';
import { limits } from '../../../wire/limits.ts';
import { seedPreimage } from '../../../wire/message/authorisations.ts';
import { unitPriceOf } from '../../../wire/message/configuration.ts';
import { decodeLanguageRequest, type LanguageRequest } from '../../../wire/message/language.ts';
import type { PlainAnswer } from '../../../wire/message/link.ts';
import { status } from '../../../wire/message/receipt.ts';
import { flag, format, operation } from '../../../wire/message/request.ts';
import { WORD } from '../../../wire/words.ts';
import { markDisclosed } from '../../disclosed/watch.ts';
import type { Release } from '../../releases.ts';
import type { Answered } from '../../workers/pool.ts';
import { JSON_TYPE, reportFailure, sendBytes } from '../answer.ts';
import { readBody } from '../body.ts';
import type { AppContext } from '../context.ts';
import { errorBody, HttpError, openaiType } from '../errors.ts';
import type { Exchange } from '../exchange.ts';
import {
  asksToDisclose,
  base64url,
  headerTemplate,
  logName,
  type PlainRequest,
  plainRequest,
  receiptHeaders,
  statusOf,
} from '../plain.ts';
import type { Handler } from '../router.ts';
import { type AnswerStream, openStream } from '../stream.ts';

const EVENTS_TYPE = 'text/event-stream';

/** What the two operations are called where OpenAI's libraries look. */
const kinds = {
  chat: { operation: operation.chat, id: 'chatcmpl-', chunk: 'chat.completion.chunk' },
  completion: { operation: operation.completion, id: 'cmpl-', chunk: 'text_completion' },
} as const;

type Kind = 'chat' | 'completion';

/**
 * For clients without a session: the host reads what it needs for the header, and hands the body on as it came, since
 * that is what the worker signs. What an answer promises is in its receipt, not in what the host says around it.
 */
export function languageRoute(context: AppContext, kind: Kind): Handler {
  return async (exchange) => {
    context.workers.assertRoom();
    const body = await readBody(exchange, { types: [JSON_TYPE], maxBytes: limits.languageBodyBytes });
    const asked = decode(body, kind);
    const release = findLanguageRelease(context, asked.model);
    const request = buildRequest(context, { kind, body, asked, release });
    if (asksToDisclose(exchange.request)) markDisclosed(request.payload);
    if (asked.stream) {
      await answerStream(context, exchange, { kind, release, request });
      return;
    }
    const options = { signal: exchange.signal };
    sendWhole(exchange, request, await context.workers.plain(release.modelId, request.payload, options));
  };
}

function decode(body: Uint8Array, kind: Kind): LanguageRequest {
  try {
    return decodeLanguageRequest(body, kind);
  } catch (error) {
    if (error instanceof WireError) throw new HttpError('request_invalid', { cause: error });
    throw error;
  }
}

function findLanguageRelease(context: AppContext, model: string | null): Release {
  if (model === null) throw new HttpError('model_unknown');
  const release = context.names.find(model);
  if (release.manifest.kind !== 'text-generation') throw new HttpError('operation_unsupported');
  return release;
}

interface Call {
  readonly kind: Kind;
  readonly body: Uint8Array;
  readonly asked: LanguageRequest;
  readonly release: Release;
}

function buildRequest({ workers, unpaid }: AppContext, { kind, body, asked, release }: Call): PlainRequest {
  const unitPrice = unitPriceOf(workers.configuration, release.modelId, kinds[kind].operation) ?? 0n;
  if (unitPrice > 0n && unpaid === 'refuse') throw new HttpError('payment_required');
  const template = headerTemplate({
    modelId: release.modelId,
    operation: kinds[kind].operation,
    format: format.json,
    flags: asked.stream ? flag.streamed : 0n,
    unitPrice,
    maxFee: maxFeeFor(unitPrice, body.length + (asked.maxTokens ?? limits.languageContextTokens)),
  });
  return plainRequest(template, body, { jsonLength: body.length, seed: seedFor(asked) });
}

/** No prompt has more tokens than its request has bytes. The fee also bounds how much is generated. */
function maxFeeFor(unitPrice: bigint, units: number): bigint {
  const most = (1n << 128n) - 1n;
  const fee = unitPrice * BigInt(units);
  return fee < most ? fee : most;
}

/** DESIGN section 4: the API's seed is hashed, zero means greedy, and whoever wants neither has one drawn. */
function seedFor({ seed, temperature }: LanguageRequest): Uint8Array {
  if (seed !== null) return sha256(seedPreimage(seed));
  return temperature === 0 ? new Uint8Array(WORD) : randomBytes(WORD);
}

function sendWhole(exchange: Exchange, request: PlainRequest, { answer, worker }: Answered): void {
  const headers = [...receiptHeaders(request, answer, worker.log), 'Content-Type', JSON_TYPE];
  if (isResult(answer)) sendBytes(exchange, statusOf(answer), headers, answer.body);
  else sendFailure(exchange, headers, answer);
}

function isResult(answer: PlainAnswer): boolean {
  return answer.status === Number(status.ok) || answer.status === Number(status.cancelled);
}

/** The worker's receipted no. A library that tries again by itself would only hear it again, under another receipt. */
function sendFailure(exchange: Exchange, headers: readonly string[], answer: PlainAnswer): void {
  const body = Buffer.from(JSON.stringify({ error: failureOf(answer) }));
  sendBytes(exchange, statusOf(answer), [...headers, 'X-Should-Retry', 'false'], body);
}

/** The receipt binds the worker's own bytes, so they go along as they are. */
function failureOf(answer: PlainAnswer): Readonly<Record<string, unknown>> {
  const { code, detail } = readFailure(answer.body);
  return {
    message: detail,
    type: openaiType(statusOf(answer)),
    param: null,
    code,
    proofmark: { body: base64url(answer.body) },
  };
}

function readFailure(body: Uint8Array): { readonly code: string; readonly detail: string } {
  try {
    const { error } = JSON.parse(new TextDecoder().decode(body)) as { error?: { code?: unknown; detail?: unknown } };
    if (typeof error?.code === 'string') return { code: error.code, detail: String(error.detail ?? error.code) };
  } catch {
    // It is said below.
  }
  return { code: 'worker_refused', detail: 'the worker gave no result, and no reason that can be read' };
}

interface StreamCall {
  readonly kind: Kind;
  readonly release: Release;
  readonly request: PlainRequest;
}

/** Events of the worker as they come, then one with the receipt over exactly those bytes, then OpenAI's own end. */
async function answerStream(context: AppContext, exchange: Exchange, call: StreamCall): Promise<void> {
  const { workers, names } = context;
  const { kind, release, request } = call;
  const stream = openStream(exchange, ['Content-Type', EVENTS_TYPE]);
  let answered: Answered;
  try {
    answered = await workers.plain(release.modelId, request.payload, {
      signal: exchange.signal,
      onPiece: (bytes) => stream.write(bytes),
    });
  } catch (error) {
    if (!stream.begun) throw error;
    reportFailure(error, context.onEvent);
    // The library throws what it finds under `error`. Where the worker was cut off inside an event, that one ends first.
    endWith(stream, `\n\ndata: ${errorBody(error, 'openai')}\n\n`);
    return;
  }
  const { answer, worker } = answered;
  if (!stream.begun && !isResult(answer)) {
    sendFailure(exchange, [...receiptHeaders(request, answer, worker.log), 'Content-Type', JSON_TYPE], answer);
    return;
  }
  stream.write(answer.body);
  const receipt = {
    id: kinds[kind].id + toHex(request.requestId.subarray(0, 12)),
    object: kinds[kind].chunk,
    created: 0,
    model: names.nameOf(release),
    choices: [],
    proofmark: {
      log: logName(worker.log),
      request: base64url(request.headerBytes),
      receipt: base64url(answer.bundle),
    },
  };
  const end = isResult(answer) ? '[DONE]' : JSON.stringify({ error: failureAfter(answer) });
  endWith(stream, `data: ${JSON.stringify(receipt)}\n\ndata: ${end}\n\n`);
}

/** What was sent is receipted as what it is: the beginning of something that came to no end. */
function failureAfter(answer: PlainAnswer): Readonly<Record<string, unknown>> {
  const code = answer.status === Number(status.modelError) ? 'model_error' : 'stopped';
  return { message: 'the answer was not finished', type: openaiType(statusOf(answer)), param: null, code };
}

function endWith(stream: AnswerStream, text: string): void {
  stream.write(Buffer.from(text));
  stream.end();
}
