import { equalBytes, isZero } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { unitPriceOf } from '../../wire/message/configuration.ts';
import { status } from '../../wire/message/receipt.ts';
import {
  feeFor,
  flag,
  format,
  operation,
  type Request,
  requestPreimage,
  responsePreimage,
} from '../../wire/message/request.ts';
import type { EncodedBody } from '../../wire/message/tensor.ts';
import type { Charge } from './channels.ts';
import { languageWork, readLanguageRequest } from './language-work.ts';
import type { Reservation } from './log.ts';
import type { Release, Releases } from './releases.ts';
import { tensorWork } from './tensor-work.ts';
import { AnswerError, type AnswerErrorCode, failed, type Outcome, type WorkOptions } from './work.ts';

export interface Answer {
  readonly status: bigint;
  /** Null where there is a result. */
  readonly error: AnswerErrorCode | null;
  readonly bundle: ReceiptBundle;
  readonly format: bigint;
  /** Without what was sent in pieces. */
  readonly body: EncodedBody;
}

export interface Answering extends WorkOptions {
  readonly releases: Releases;
  /** Of the channel that the header names, where its session may charge that one. */
  readonly charge: Charge | undefined;
}

/** Runs one request and receipts whatever came of it: a refusal by the worker is provable, too. */
export async function answer(context: Answering, request: Request, reservation: Reservation): Promise<Answer> {
  const { header } = request;
  const { charge } = context;
  const outcome = await attempt(context, request).catch((error: unknown) => {
    charge?.release();
    throw error;
  });
  const { body, streamed } = outcome;
  const fee = feeFor(header, outcome.units);
  const execution = context.executionOf(outcome.execution);
  const bundle = await reservation.record(
    {
      requestId: header.requestId,
      channel: header.channel,
      modelId: header.modelId,
      requestHash: sha256(requestPreimage(request.headerBytes, sha256(request.body))),
      responseHash: sha256(
        responsePreimage({
          salt: header.salt,
          status: outcome.status,
          format: outcome.format,
          jsonLength: BigInt(body.jsonLength),
          bodyHash: streamed?.hash ?? sha256(body.body),
        }),
      ),
      commitment: outcome.commitment,
      execution: execution.hash,
      flags: header.flags,
      status: outcome.status,
      fee,
      // Nothing is waited for between this and the leaf's place, so that sums grow in the order of the log. Channel zero
      // owes nothing: such a request is free, or paid by an escrow that names its own fee.
      cumulativeFee: charge?.settle(fee) ?? 0n,
      deadline: header.deadline,
    },
    execution.bytes,
  );
  return { status: outcome.status, error: outcome.error, bundle, format: outcome.format, body };
}

async function attempt(context: Answering, request: Request): Promise<Outcome> {
  try {
    const release = admit(context, request);
    if (release.kind === 'tensor') {
      hold(context, request);
      return await tensorWork(release, request, context);
    }
    const ready = readLanguageRequest(release, request);
    hold(context, request);
    return await languageWork(release, request, ready, context);
  } catch (error) {
    return failed(error, context.under);
  }
}

function refuse(code: AnswerErrorCode, detail: string): never {
  throw new AnswerError(status.refused, code, detail);
}

/** What the header must say before the body is looked at. */
function admit({ configuration, releases, charge }: Answering, { header, body }: Request): Release {
  const tensors = header.operation === operation.infer;
  if (tensors && (header.flags & flag.streamed) !== 0n) refuse('stream_not_offered', 'tensors do not stream');
  const charged = !isZero(header.channel);
  if (charged && charge === undefined) refuse('channel_not_open', 'this session may not charge that channel');
  // DESIGN section 4: a contract's request has a seed whether the model draws or not, and it is nobody's to choose.
  const onChain = header.format === format.integers && equalBytes(header.seed, sha256(header.requestId));
  if (tensors && !isZero(header.seed) && !onChain) refuse('seed_without_sampling', 'tensor models draw nothing');
  const price = unitPriceOf(configuration, header.modelId, header.operation);
  if (price === undefined) return refuse('operation_not_offered', 'the price table has no line for it');
  if (header.unitPrice < price) refuse('price_too_low', `one unit costs ${price}`);
  // The fee never passes maxFee, so a maximum below one unit would buy it for less than it costs.
  if (header.maxFee < price) refuse('price_too_low', `the maximum is below one unit, which costs ${price}`);
  if (body.length > configuration.limits.bodyBytes) refuse('body_too_large', `${body.length} bytes`);
  const release = releases.find(header.modelId) ?? refuse('model_not_loaded', 'no such model here');
  if (tensors !== (release.kind === 'tensor')) {
    return refuse('operation_not_offered', `this release is of the kind ${release.kind}`);
  }
  return release;
}

/** Last, so that whatever is refused holds nothing: requests that run at once must not pass the voucher together. */
function hold({ charge }: Answering, { header }: Request): void {
  if (isZero(header.channel) || charge?.reserve(header.maxFee) === true) return;
  refuse('voucher_too_low', 'the newest voucher does not cover it');
}
