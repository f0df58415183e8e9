import { randomBytes } from 'node:crypto';
import type { Request, RequestHandler } from 'express';
import { concatBytes, toBase64url, toHex } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { unitPriceOf } from '../../../wire/message/configuration.ts';
import { type StatusName, statusName } from '../../../wire/message/receipt.ts';
import { encodeRequestHeader, format, operation } from '../../../wire/message/request.ts';
import type { Release } from '../../releases.ts';
import { leaving, readBody, sendBytes } from '../body.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';

const JSON_TYPE = 'application/json';
const BINARY_TYPE = 'application/octet-stream';
const JSON_LENGTH = 'inference-header-content-length';

/** A receipted answer that is no result still has its receipt; the status only says where to look. */
const httpStatus: Readonly<Record<StatusName, number>> = {
  ok: 200,
  cancelled: 200,
  modelError: 500,
  stopped: 503,
  refused: 422,
};

/**
 * For clients without a session (DESIGN section 4): the host chooses the request header, so every audit says "header
 * chosen by the host". It is returned in full, because the receipt can only be checked against it.
 */
export function inferRoute(context: AppContext): RequestHandler {
  const { workers, budget } = context;
  return async (request, response) => {
    workers.assertRoom();
    const { modelId } = findRelease(context, request.params['model']);
    const rules = { types: [JSON_TYPE, BINARY_TYPE], maxBytes: limits.bodyBytes, budget };
    const body = await readBody(request, response, rules);
    const price = unitPriceOf(workers.configuration, modelId, operation.infer) ?? 0n;
    if (price > 0n && context.unpaid === 'refuse') throw new HttpError('payment_required');
    const header = encodeRequestHeader({
      requestId: randomBytes(32),
      modelId,
      operation: operation.infer,
      ...shapeOf(request, body),
      flags: 0n,
      salt: randomBytes(32),
      channel: new Uint8Array(32),
      unitPrice: price,
      maxFee: price,
      deadline: 0n,
      seed: new Uint8Array(32),
    });
    const asked = { signal: leaving(response) };
    const { answer, worker } = await workers.plain(modelId, concatBytes(header, body), asked);
    response.status(httpStatus[statusName(BigInt(answer.status))]);
    response.setHeader('Proofmark-Request', toBase64url(header));
    response.setHeader('Proofmark-Receipt', toBase64url(answer.bundle));
    response.setHeader('Proofmark-Log', toHex(worker.log));
    const isJson = BigInt(answer.format) === format.json;
    if (!isJson) response.setHeader('Inference-Header-Content-Length', answer.jsonLength);
    sendBytes(response, budget, isJson ? JSON_TYPE : BINARY_TYPE, answer.body);
  };
}

/** By modelId, or by name: the last one configured wins where several versions share a name. */
function findRelease({ releases }: AppContext, model: unknown): Release {
  const served = releases();
  const found =
    served.find(({ modelId }) => toHex(modelId) === model) ??
    served.findLast(({ manifest }) => manifest.name === model);
  if (found === undefined) throw new HttpError('model_unknown');
  return found;
}

/** The binary extension of the inference protocol says in a header how many leading bytes are JSON; without it all are. */
function shapeOf(request: Request, body: Uint8Array): { readonly format: bigint; readonly jsonLength: bigint } {
  const declared = request.headers[JSON_LENGTH];
  if (declared === undefined) {
    if (body.length === 0 || request.headers['content-type']?.startsWith(BINARY_TYPE) === true) {
      throw new HttpError('request_invalid');
    }
    return { format: format.json, jsonLength: BigInt(body.length) };
  }
  if (typeof declared !== 'string' || !/^[1-9][0-9]{0,8}$/.test(declared)) throw new HttpError('request_invalid');
  const jsonLength = Number(declared);
  if (jsonLength > body.length || jsonLength > limits.jsonHeaderBytes) throw new HttpError('request_invalid');
  return { format: format.binary, jsonLength: BigInt(jsonLength) };
}
