import { utf8 } from '../../wire/bytes.ts';
import { array, integer, literal, object, oneOf, type Reader } from '../../wire/codec/fields.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { forward, readRequest } from './forward.ts';
import type { PassOn } from './host-proxy.ts';
import { consoleLimits } from './limits.ts';
import { refuse } from './refusal.ts';

/** Questions that change nothing. Whatever sends, signs, traces or configures is not passed on. */
export const readingMethods = [
  'eth_blockNumber',
  'eth_call',
  'eth_chainId',
  'eth_getBlockByHash',
  'eth_getBlockByNumber',
  'eth_getCode',
  'eth_getLogs',
  'eth_getTransactionByHash',
  'eth_getTransactionReceipt',
] as const;

interface Question {
  readonly jsonrpc: '2.0';
  readonly id: number;
  readonly method: (typeof readingMethods)[number];
  readonly params: readonly JsonValue[];
}

const PARAMETERS = 4;

/** One question, never a batch, written anew: what is passed on is what was read. */
const readQuestion: Reader<Question> = object<Question>({
  jsonrpc: literal('2.0'),
  id: integer({ min: 0, max: Number.MAX_SAFE_INTEGER }),
  method: oneOf(readingMethods),
  params: array((value) => value as JsonValue, { min: 0, max: PARAMETERS }),
});

/** `url` may hold a key of the user's: it is asked, and never shown. */
export function createChainProxy(url: string, idleMilliseconds: number): PassOn {
  return async (_target, request, response) => {
    if (request.method !== 'POST') return refuse(response, 'method_not_allowed');
    const body = await readRequest(request, consoleLimits.chainRequestBytes);
    if (body === undefined) return refuse(response, 'request_too_large');
    const question = questionOf(body);
    if (question === undefined) return refuse(response, 'request_invalid');
    forward(response, {
      url: new URL(url),
      method: 'POST',
      headers: { 'content-type': 'application/json', accept: 'application/json' },
      body: utf8(JSON.stringify(question)),
      answerBytes: consoleLimits.chainAnswerBytes,
      idleMilliseconds,
      typeOf: () => 'application/json',
    });
  };
}

function questionOf(body: Uint8Array): Question | undefined {
  try {
    return readQuestion(parseJson(body, consoleLimits.chainRequestBytes), 'question');
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}
