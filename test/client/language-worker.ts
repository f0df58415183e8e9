import type { Charge } from '../../enclave/worker/channels.ts';
import type { Reservation } from '../../enclave/worker/log.ts';
import { runtime } from '../../enclave/worker/runtime.ts';
import { concatBytes, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { encodeBundle } from '../../wire/message/bundle.ts';
import { encodeExecution } from '../../wire/message/execution.ts';
import { decodeLanguageRequest } from '../../wire/message/language.ts';
import { status } from '../../wire/message/receipt.ts';
import {
  feeFor,
  format,
  operation,
  type Request,
  requestPreimage,
  responsePreimage,
} from '../../wire/message/request.ts';
import type { FinalRecord } from '../../wire/message/session.ts';

/** What a language model says here, and what happens between its tokens. It computes nothing. */
export interface Script {
  tokens: readonly string[];
  beforeToken: (index: number) => Promise<void>;
  /** Ends the answer before this token: with a status and a code that the worker signs. */
  failure: { readonly at: number; readonly status: bigint; readonly code: string } | null;
  /** Body bytes that are signed in place of the honest ones, from here on. */
  onPiece: (piece: Uint8Array) => Uint8Array;
}

export function createScript(): Script {
  return {
    tokens: ['An', ' enclave', ' says', ' "hello"', ' – ✓.'],
    beforeToken: async () => {},
    failure: null,
    onPiece: (piece) => piece,
  };
}

export const PROMPT_TOKENS = 3;

interface Ended {
  readonly status: bigint;
  readonly generated: number;
  readonly finish: string;
}

/** Pieces of a streamed answer, and its end: made of receipts that are as real as the worker's own. */
export async function* speak(
  script: Script,
  request: Request,
  means: {
    readonly reservation: Reservation;
    readonly charge: Charge | undefined;
    readonly isCancelled: () => boolean;
  },
): AsyncGenerator<Uint8Array, FinalRecord, undefined> {
  const { header } = request;
  const kind = header.operation === operation.chat ? 'chat' : 'completion';
  const asked = decodeLanguageRequest(request.body, kind);
  if (means.charge !== undefined && !means.charge.reserve(header.maxFee)) throw new Error('the voucher covers it not');
  const said: string[] = [];
  const sent: Uint8Array[] = [];
  let ended: Ended = { status: status.ok, generated: 0, finish: 'stop' };
  let failed: Uint8Array | undefined;
  for (const [index, token] of script.tokens.entries()) {
    await script.beforeToken(index);
    if (means.isCancelled()) {
      ended = { ...ended, status: status.cancelled, finish: 'cancelled' };
      break;
    }
    if (script.failure?.at === index) {
      ended = { status: script.failure.status, generated: 0, finish: 'error' };
      failed = utf8(JSON.stringify({ error: { code: script.failure.code, detail: 'as the script says' } }));
      break;
    }
    const units = BigInt(PROMPT_TOKENS + ended.generated + 1);
    if (header.unitPrice > 0n && header.unitPrice * units > header.maxFee) {
      ended = { ...ended, finish: 'length' };
      break;
    }
    said.push(token);
    ended = { ...ended, generated: ended.generated + 1 };
    if (asked.stream) {
      const piece = script.onPiece(chunk(kind, asked.model, { text: token, finish: null }));
      sent.push(piece);
      yield piece;
    }
  }
  const usage = { prompt_tokens: PROMPT_TOKENS, completion_tokens: ended.generated };
  const rest =
    failed ??
    (asked.stream
      ? concatBytes(
          chunk(kind, asked.model, { text: '', finish: ended.finish }),
          ...(asked.includeUsage ? [usageChunk(kind, asked.model, usage)] : []),
        )
      : whole(kind, asked.model, { text: said.join(''), finish: ended.finish }, usage));
  const body = concatBytes(...sent, rest);
  const bundle = await receipt(request, body, ended, means);
  return { bundle, format: 1, jsonLength: body.length, body: rest };
}

async function receipt(
  request: Request,
  body: Uint8Array,
  ended: Ended,
  { reservation, charge }: { readonly reservation: Reservation; readonly charge: Charge | undefined },
): Promise<Uint8Array> {
  const { header } = request;
  const charges = ended.status === status.ok || ended.status === status.cancelled;
  const fee = charges ? feeFor(header, BigInt(PROMPT_TOKENS + ended.generated)) : 0n;
  const execution = encodeExecution({
    ...runtime,
    cpuFamily: 'script',
    cpuIsa: 'none',
    layout: 'script',
    schedule: 'single',
    generation: { sampler: 'script', temperature: '1', topP: '1', stop: [], maxTokens: 64 },
  });
  const bundle = await reservation.record(
    {
      requestId: header.requestId,
      channel: header.channel,
      modelId: header.modelId,
      requestHash: sha256(requestPreimage(request.headerBytes, sha256(request.body))),
      responseHash: sha256(
        responsePreimage({
          salt: header.salt,
          status: ended.status,
          format: format.json,
          jsonLength: BigInt(body.length),
          bodyHash: sha256(body),
        }),
      ),
      commitment: new Uint8Array(32),
      execution: sha256(execution),
      flags: header.flags,
      status: ended.status,
      fee,
      cumulativeFee: charge?.settle(fee) ?? 0n,
      deadline: header.deadline,
    },
    execution,
  );
  return encodeBundle(bundle);
}

interface Said {
  readonly text: string;
  readonly finish: string | null;
}

type Kind = 'chat' | 'completion';

function chunk(kind: Kind, model: string | null, { text, finish }: Said): Uint8Array {
  const said = kind === 'chat' ? { delta: text === '' ? {} : { content: text } } : { text };
  return event(kind, model, { choices: [{ index: 0, ...said, finish_reason: finish }] });
}

function usageChunk(kind: Kind, model: string | null, usage: Usage): Uint8Array {
  return event(kind, model, { choices: [], usage: { ...usage, total_tokens: total(usage) } });
}

function event(kind: Kind, model: string | null, members: object): Uint8Array {
  const object = kind === 'chat' ? 'chat.completion.chunk' : 'text_completion';
  return utf8(`data: ${JSON.stringify({ id: 'cmpl-1', object, created: 0, model, ...members })}\n\n`);
}

interface Usage {
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
}

function total(usage: Usage): number {
  return usage.prompt_tokens + usage.completion_tokens;
}

function whole(kind: Kind, model: string | null, { text, finish }: Said, usage: Usage): Uint8Array {
  const object = kind === 'chat' ? 'chat.completion' : 'text_completion';
  const said = kind === 'chat' ? { message: { role: 'assistant', content: text } } : { text };
  const choices = [{ index: 0, ...said, finish_reason: finish }];
  const answer = { id: 'cmpl-1', object, created: 0, model, choices, usage: { ...usage, total_tokens: total(usage) } };
  return utf8(JSON.stringify(answer));
}
