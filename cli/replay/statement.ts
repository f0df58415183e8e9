import { concatBytes, equalBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import type { Archive } from '../../wire/message/archive.ts';
import { type Configuration, decodeConfiguration } from '../../wire/message/configuration.ts';
import { decodeExecution, type Execution } from '../../wire/message/execution.ts';
import { decodeReceipt, type Receipt, status } from '../../wire/message/receipt.ts';
import { decodeRequest, type Request, requestPreimage } from '../../wire/message/request.ts';
import type { Unreplayable } from './report.ts';

/** What a worker signed about one request, with everything that it takes to compute the answer again. */
export interface Statement {
  readonly receipt: Receipt;
  readonly request: Request;
  readonly execution: Execution;
  /** By whose limits the worker ran it. */
  readonly configuration: Configuration;
  readonly modelId: Uint8Array;
  /** Null where the file does not have it: its hash is enough to compare bits. */
  readonly response: Uint8Array | null;
  readonly responseFacts: { readonly format: number; readonly jsonLength: number } | null;
}

export type Reading =
  | { readonly statement: Statement }
  | { readonly problem: 'not-replayable'; readonly code: Unreplayable; readonly detail: string }
  | { readonly problem: 'contradicts-itself'; readonly detail: string };

/**
 * Holds the parts of an archive against its receipt, so that what is run again is what the receipt is about. Whether
 * anybody trustworthy signed that receipt is another question, which the policy answers.
 */
export function readStatement(archive: Archive): Reading {
  try {
    return read(archive);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { problem: 'contradicts-itself', detail: error.message };
  }
}

function read(archive: Archive): Reading {
  const receipt = decodeReceipt(archive.receipt);
  const { request: sent, response, evidence } = archive;
  if (!equalBytes(sha256(archive.execution), receipt.execution)) return contradiction('the execution record');
  if (!equalBytes(sha256(archive.release.manifest), receipt.modelId)) return contradiction('the manifest');
  if (sent === null || sent.body === null) {
    return { problem: 'not-replayable', code: 'request_missing', detail: 'the file does not hold the request' };
  }
  const request = decodeRequest(concatBytes(sent.header, sent.body));
  const requestHash = sha256(requestPreimage(request.headerBytes, sha256(request.body)));
  if (!equalBytes(requestHash, receipt.requestHash)) return contradiction('the request');
  if (!equalBytes(request.header.modelId, receipt.modelId)) return contradiction('the model that the request names');
  if (receipt.status !== status.ok) {
    return { problem: 'not-replayable', code: 'no_result', detail: 'the worker answered with no result' };
  }
  return {
    statement: {
      receipt,
      request,
      execution: decodeExecution(archive.execution),
      configuration: decodeConfiguration(evidence.configuration),
      modelId: receipt.modelId,
      response: response?.body ?? null,
      responseFacts: response === null ? null : { format: response.format, jsonLength: response.jsonLength },
    },
  };
}

function contradiction(what: string): Reading {
  return { problem: 'contradicts-itself', detail: `${what} is not the one that the receipt is about` };
}
