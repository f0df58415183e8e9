import type { IncomingMessage } from 'node:http';
import { limits } from '../../../wire/limits.ts';
import { type Configuration, unitPriceOf } from '../../../wire/message/configuration.ts';
import { format, operation } from '../../../wire/message/request.ts';
import { markDisclosed } from '../../disclosed/watch.ts';
import type { Release } from '../../releases.ts';
import { BINARY_TYPE, JSON_TYPE, sendBytes } from '../answer.ts';
import { mediaType, readBody } from '../body.ts';
import type { AppContext } from '../context.ts';
import { HttpError } from '../errors.ts';
import {
  asksToDisclose,
  type HeaderTemplate,
  headerTemplate,
  plainRequest,
  receiptHeaders,
  statusOf,
} from '../plain.ts';
import { decodeSegment, type Handler } from '../router.ts';

const JSON_LENGTH = 'inference-header-content-length';

const bodyRules = { types: [JSON_TYPE, BINARY_TYPE], maxBytes: limits.bodyBytes };

/** The Open Inference Protocol's call, for a model and optionally its version. The body is the worker's to read. */
export function inferRoute(context: AppContext): Handler {
  const termsOf = createTerms();
  const { workers } = context;
  return async (exchange, [model, version]) => {
    workers.assertRoom();
    const release = findTensorRelease(context, model as string, version);
    const body = await readBody(exchange, bodyRules);
    const terms = termsOf(workers.configuration, release);
    if (terms.paid && context.unpaid === 'refuse') throw new HttpError('payment_required');
    const declared = declaredJsonLength(exchange.request, body);
    const request = plainRequest(declared === undefined ? terms.json : terms.binary, body, {
      jsonLength: declared ?? body.length,
    });
    if (asksToDisclose(exchange.request)) markDisclosed(request.payload);
    const asked = { signal: exchange.signal };
    const { answer, worker } = await workers.plain(release.modelId, request.payload, asked);
    const headers = receiptHeaders(request, answer, worker.log);
    if (BigInt(answer.format) === format.json) headers.push('Content-Type', JSON_TYPE);
    else headers.push('Content-Type', BINARY_TYPE, 'Inference-Header-Content-Length', String(answer.jsonLength));
    sendBytes(exchange, statusOf(answer), headers, answer.body);
  };
}

function findTensorRelease(context: AppContext, model: string, version: string | undefined): Release {
  const release = context.names.find(decodeSegment(model), version === undefined ? undefined : decodeSegment(version));
  if (release.manifest.kind !== 'tensor') throw new HttpError('operation_unsupported');
  return release;
}

/** What one call of a model costs by one configuration, and the headers that say so. */
interface Terms {
  readonly paid: boolean;
  readonly json: HeaderTemplate;
  readonly binary: HeaderTemplate;
}

/** A price is looked up once for each configuration and release: the list of prices may be long. */
function createTerms(): (configuration: Configuration, release: Release) => Terms {
  const known = new WeakMap<Configuration, Map<Release, Terms>>();
  return (configuration, release) => {
    const byRelease = known.get(configuration) ?? new Map<Release, Terms>();
    known.set(configuration, byRelease);
    const found = byRelease.get(release);
    if (found !== undefined) return found;
    const price = unitPriceOf(configuration, release.modelId, operation.infer) ?? 0n;
    const template = (bodyFormat: bigint): HeaderTemplate =>
      headerTemplate({
        modelId: release.modelId,
        operation: operation.infer,
        format: bodyFormat,
        flags: 0n,
        unitPrice: price,
        maxFee: price,
      });
    const terms: Terms = { paid: price > 0n, json: template(format.json), binary: template(format.binary) };
    byRelease.set(release, terms);
    return terms;
  };
}

/** The binary extension of the inference protocol says in a header how many leading bytes are JSON; without it all are. */
function declaredJsonLength(request: IncomingMessage, body: Uint8Array): number | undefined {
  const declared = request.headers[JSON_LENGTH];
  if (declared === undefined) {
    if (body.length === 0 || mediaType(request) === BINARY_TYPE) throw new HttpError('request_invalid');
    return undefined;
  }
  if (typeof declared !== 'string' || !/^[1-9][0-9]{0,8}$/.test(declared)) throw new HttpError('request_invalid');
  const jsonLength = Number(declared);
  if (jsonLength > body.length || jsonLength > limits.jsonHeaderBytes) throw new HttpError('request_invalid');
  return jsonLength;
}
