import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeExecution } from '../../wire/message/execution.ts';
import { decodeReceipt, decodeTreeHead } from '../../wire/message/receipt.ts';
import { checkJsonLength, decodeRequestHeader, format as formats } from '../../wire/message/request.ts';
import { copyOf, requireBytes } from '../copy.ts';
import { type MalformedCode, VerifierError } from '../errors.ts';
import type { CheckName } from '../rules.ts';
import { isProvenWorker } from '../worker/verify.ts';
import type { ReceiptExpectation, ReceiptOptions } from './facts.ts';
import type { OriginContext, ReceiptContext } from './rules.ts';

export const receiptParsing: CheckName = { id: 'R0', title: 'receipt, head, execution and header are well formed' };

export interface ReceiptMalformed {
  readonly code: MalformedCode;
  readonly error: WireError;
}

export interface OriginOptions extends Pick<ReceiptExpectation, 'worker' | 'headerBy'> {
  readonly now: number;
  readonly suite: Suite;
}

/** Everything is copied before it is read: a caller's buffer that changes meanwhile changes nothing. */
export function parseOrigin(given: ReceiptBundle, options: OriginOptions): OriginContext | ReceiptMalformed {
  const { worker, headerBy, now, suite } = options;
  if (!isProvenWorker(worker)) throw argument('worker', 'it was not made by verifyWorker');
  if (headerBy !== 'client' && headerBy !== 'host') throw argument('headerBy', '"client" or "host" expected');
  if (!Number.isFinite(now)) throw argument('now', 'milliseconds since 1970 expected');
  const bundle: ReceiptBundle = {
    receipt: copyOf(given.receipt, 'receipt'),
    execution: copyOf(given.execution, 'execution'),
    proof: given.proof.map((hash) => copyOf(hash, 'proof')),
    head: copyOf(given.head, 'head'),
    signature: copyOf(given.signature, 'signature'),
  };
  let code: MalformedCode = 'receipt_invalid';
  try {
    const receipt = decodeReceipt(bundle.receipt);
    code = 'head_invalid';
    const head = decodeTreeHead(bundle.head);
    code = 'execution_invalid';
    const execution = decodeExecution(bundle.execution);
    return { bundle, receipt, head, execution, worker, headerBy, now, suite };
  } catch (error) {
    return malformed(code, error);
  }
}

export async function parseReceipt(
  given: ReceiptBundle,
  { expected, now, suite }: ReceiptOptions,
): Promise<ReceiptContext | ReceiptMalformed> {
  const { worker, headerBy, owedBefore, request, response } = expected;
  if (owedBefore !== 'any' && (typeof owedBefore !== 'bigint' || owedBefore < 0n)) {
    throw argument('owedBefore', 'a sum or the word "any" expected');
  }
  const origin = parseOrigin(given, { worker, headerBy, now, suite });
  if ('code' in origin) return origin;
  const headerBytes = copyOf(request.header, 'request.header');
  const asked = requireBytes(request.body, 'request.body');
  const answered = requireBytes(response.body, 'response.body');
  let code: MalformedCode = 'header_invalid';
  try {
    const header = decodeRequestHeader(headerBytes);
    checkJsonLength(header.format, header.jsonLength, asked.length);
    code = 'response_invalid';
    const facts = { format: word(response.format), jsonLength: word(response.jsonLength) };
    if (facts.format > formats.integers) throw new WireError('field_invalid', 'unknown format', { field: 'format' });
    checkJsonLength(facts.format, facts.jsonLength, answered.length);
    // Nothing was waited for since the lengths were read, so the hashes are of the same bytes.
    const [requestBodyHash, responseBodyHash] = await Promise.all([suite.sha256(asked), suite.sha256(answered)]);
    return { ...origin, headerBytes, header, requestBodyHash, responseBodyHash, response: facts, owedBefore };
  } catch (error) {
    return malformed(code, error);
  }
}

/** Numbers of the caller's, from an HTTP header perhaps: whatever is no word of the protocol is malformed. */
function word(value: number): bigint {
  if (!Number.isSafeInteger(value) || value < 0) throw new WireError('integer_out_of_range', 'not a whole number');
  return BigInt(value);
}

function malformed(code: MalformedCode, error: unknown): ReceiptMalformed {
  if (error instanceof WireError) return { code, error };
  throw error;
}

function argument(field: string, detail: string): VerifierError {
  return new VerifierError('argument_invalid', detail, { field });
}
