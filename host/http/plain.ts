import { randomFillSync } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { toHex } from '../../wire/bytes.ts';
import type { PlainAnswer } from '../../wire/message/link.ts';
import { type StatusName, statusName } from '../../wire/message/receipt.ts';
import { encodeRequestHeader, REQUEST_HEADER_BYTES, type RequestHeader } from '../../wire/message/request.ts';
import { WORD } from '../../wire/words.ts';
import { HttpError } from './errors.ts';

/**
 * For clients without a session (DESIGN section 4) the host chooses the request header, so every audit says "header
 * chosen by the host". It is returned in full, because the receipt can only be checked against it.
 */
export interface PlainRequest {
  readonly requestId: Buffer;
  readonly headerBytes: Buffer;
  /** The header and the body behind it, as the worker takes them. */
  readonly payload: Buffer;
}

/** What is the same in every request for one model at one price; the rest is drawn or counted for each. */
export type HeaderTemplate = Buffer;

export function headerTemplate(
  fixed: Pick<RequestHeader, 'modelId' | 'operation' | 'format' | 'flags' | 'unitPrice' | 'maxFee'>,
): HeaderTemplate {
  const none = new Uint8Array(WORD);
  return Buffer.from(
    encodeRequestHeader({
      ...fixed,
      requestId: none,
      jsonLength: 0n,
      salt: none,
      channel: none,
      deadline: 0n,
      seed: none,
    }),
  );
}

/** Places of words in the header (wire/message/request.ts); a test holds them against its decoder. */
const REQUEST_ID = 0;
const JSON_LENGTH_END = 5 * WORD;
const SALT = 6 * WORD;
const SEED = 11 * WORD;

export function plainRequest(
  template: HeaderTemplate,
  body: Uint8Array,
  { jsonLength, seed }: { readonly jsonLength: number; readonly seed?: Uint8Array },
): PlainRequest {
  const payload = Buffer.allocUnsafe(REQUEST_HEADER_BYTES + body.length);
  payload.set(template, 0);
  drawWord(payload, REQUEST_ID);
  payload.writeUInt32BE(jsonLength, JSON_LENGTH_END - 4);
  drawWord(payload, SALT);
  if (seed !== undefined) payload.set(seed, SEED);
  payload.set(body, REQUEST_HEADER_BYTES);
  return {
    requestId: payload.subarray(REQUEST_ID, WORD),
    headerBytes: payload.subarray(0, REQUEST_HEADER_BYTES),
    payload,
  };
}

const DISCLOSE = 'proofmark-disclose';

/** Whether a caller without a session lets auditors see its request: the host writes the header for it. */
export function asksToDisclose({ headers }: Pick<IncomingMessage, 'headers'>): boolean {
  const said = headers[DISCLOSE];
  if (said === undefined || said === 'no') return false;
  if (said !== 'yes') throw new HttpError('request_invalid');
  return true;
}

/** The system's random bytes cost a call; many are fetched at once, each is used once, and none stays behind. */
const pool = Buffer.alloc(256 * WORD);
let poolUsed = pool.length;

export function drawWord(target: Buffer, at: number): void {
  if (poolUsed === pool.length) {
    randomFillSync(pool);
    poolUsed = 0;
  }
  pool.copy(target, at, poolUsed, poolUsed + WORD);
  pool.fill(0, poolUsed, poolUsed + WORD);
  poolUsed += WORD;
}

/** A receipted answer that is no result still has its receipt; the status only says where to look. */
const httpStatus: Readonly<Record<StatusName, number>> = {
  ok: 200,
  cancelled: 200,
  modelError: 500,
  stopped: 503,
  refused: 422,
};

export function statusOf({ status }: PlainAnswer): number {
  return httpStatus[statusName(BigInt(status))];
}

/** With every receipted answer: the header that the host chose, the receipt with its proof, and the log it is in. */
export function receiptHeaders(request: PlainRequest, answer: PlainAnswer, log: Uint8Array): string[] {
  return [
    'Proofmark-Request',
    request.headerBytes.toString('base64url'),
    'Proofmark-Receipt',
    base64url(answer.bundle),
    'Proofmark-Log',
    logName(log),
  ];
}

export function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64url');
}

const logNames = new WeakMap<Uint8Array, string>();

/** A worker's log is one array for as long as it is connected. */
export function logName(log: Uint8Array): string {
  const known = logNames.get(log);
  if (known !== undefined) return known;
  const name = toHex(log);
  logNames.set(log, name);
  return name;
}
