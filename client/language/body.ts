import { utf8 } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { seedPreimage } from '../../wire/message/authorisations.ts';
import { decodeLanguageRequest, type LanguageRequest } from '../../wire/message/language.ts';
import { format, operation } from '../../wire/message/request.ts';
import type { Question } from '../calls.ts';
import { ClientError } from '../errors.ts';
import { MOST_FEE } from '../fees.ts';

export type LanguageOperation = 'chat' | 'completion';

/** An OpenAI style body: the bytes that are signed, and what they ask for. */
export interface LanguageBody {
  readonly operation: LanguageOperation;
  readonly bytes: Uint8Array;
  readonly request: LanguageRequest;
}

export type LanguageQuestion = Pick<
  Question,
  'operation' | 'format' | 'jsonLength' | 'body' | 'streamed' | 'seed' | 'maxFee'
>;

/** What a generation may come to where the body names no `max_tokens`: OpenAI style servers go on to the context's end. */
const USUAL_TOKENS = 1_024;

function lower(a: bigint, b: bigint): bigint {
  return a < b ? a : b;
}

/** Read as strictly as the worker reads it, so that what it would refuse is said before anything is sent. */
export function readBody(bytes: Uint8Array, kind: LanguageOperation): LanguageBody {
  try {
    return { operation: kind, bytes, request: decodeLanguageRequest(bytes, kind) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', error.message, { reason: error.code });
  }
}

export function bytesOf(body: unknown): Uint8Array {
  try {
    return utf8(JSON.stringify(body));
  } catch (error) {
    throw new ClientError('argument_invalid', error instanceof Error ? error.message : 'no JSON can be made of it');
  }
}

/** The header's part of a language request. No prompt has more tokens than bytes, so that the bound on the fee holds. */
export async function languageQuestion(
  { operation: kind, bytes, request }: LanguageBody,
  suite: Suite,
  maxFee: bigint | undefined,
): Promise<LanguageQuestion> {
  const units = BigInt(bytes.length + (request.maxTokens ?? USUAL_TOKENS));
  return {
    operation: kind === 'chat' ? operation.chat : operation.completion,
    format: format.json,
    jsonLength: bytes.length,
    body: bytes,
    streamed: request.stream,
    seed: await seedOf(request, suite),
    maxFee: (unitPrice) => (unitPrice === 0n ? 0n : (maxFee ?? lower(unitPrice * units, MOST_FEE))),
  };
}

/** DESIGN section 4: greedy where nothing is drawn, the caller's own seed, or a fresh one; the worker draws none. */
async function seedOf({ seed, temperature }: LanguageRequest, suite: Suite): Promise<Uint8Array> {
  if (seed !== null) return suite.sha256(seedPreimage(seed));
  return temperature === 0 ? new Uint8Array(32) : suite.randomBytes(32);
}
