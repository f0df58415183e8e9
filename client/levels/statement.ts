import { type ReleaseFacts, type Verified, type VerifierCode, verifyRelease } from '../../verifier/index.ts';
import { concatBytes, equalBytes } from '../../wire/bytes.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import type { Archive } from '../../wire/message/archive.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage, type Receipt, status } from '../../wire/message/receipt.ts';
import { decodeRequest, type RequestHeader, requestPreimage, responsePreimage } from '../../wire/message/request.ts';
import type { NotReachedCode, RefusedLevelCode } from './codes.ts';

/**
 * One request and its answer, which hash to what the receipt says, under a release that its owner signed. Who signed the
 * receipt is another question: these levels do not rest on hardware.
 */
export interface Statement {
  readonly receipt: Receipt;
  readonly leaf: Uint8Array;
  readonly log: Uint8Array;
  readonly manifest: Manifest;
  readonly header: RequestHeader;
  readonly request: Uint8Array;
  readonly requestBodyHash: Uint8Array;
  readonly response: { readonly format: number; readonly jsonLength: number; readonly body: Uint8Array };
  readonly responseBodyHash: Uint8Array;
}

export type StatementReading =
  | { readonly statement: Statement }
  | { readonly refused: RefusedLevelCode; readonly detail: string }
  | { readonly missing: NotReachedCode; readonly detail: string };

export interface ReadOptions {
  readonly publishers: 'any' | readonly Uint8Array[];
  readonly suite: Suite;
}

export async function readStatement(archive: Archive, options: ReadOptions): Promise<StatementReading> {
  try {
    return await read(archive, options);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { refused: 'contents_mismatch', detail: error.message };
  }
}

async function read(archive: Archive, { publishers, suite }: ReadOptions): Promise<StatementReading> {
  const receipt = decodeReceipt(archive.receipt);
  const { request: sent, response: answered } = archive;
  const release = await verifyRelease(archive.release, { modelId: receipt.modelId, publishers, suite });
  if (release.verdict !== 'accepted') {
    const failed = release.checks.find(({ outcome }) => outcome === 'failed');
    return { refused: release.code satisfies VerifierCode, detail: failed?.detail ?? release.verdict };
  }
  if (sent === null || sent.body === null || answered === null || answered.body === null) {
    return { missing: 'payload_missing', detail: 'the file has no payload' };
  }
  const request = decodeRequest(concatBytes(sent.header, sent.body));
  const requestBodyHash = await suite.sha256(request.body);
  const responseBodyHash = await suite.sha256(answered.body);
  const { header } = request;
  if (!equalBytes(await suite.sha256(requestPreimage(request.headerBytes, requestBodyHash)), receipt.requestHash)) {
    return contradiction('the request');
  }
  const { format, jsonLength, body } = answered;
  const facts = { salt: header.salt, status: receipt.status, format: BigInt(format), jsonLength: BigInt(jsonLength) };
  const responseHash = await suite.sha256(responsePreimage({ ...facts, bodyHash: responseBodyHash }));
  if (!equalBytes(responseHash, receipt.responseHash)) return contradiction('the answer');
  if (!equalBytes(header.modelId, receipt.modelId)) return contradiction('the model of the request');
  if (!equalBytes(header.requestId, receipt.requestId)) return contradiction('the number of the request');
  if (receipt.status !== status.ok) return { refused: 'no_result', detail: 'its status is not ok' };
  return {
    statement: {
      ...{ receipt, header, requestBodyHash, responseBodyHash, manifest: manifestOf(release.proven) },
      leaf: await suite.sha256(leafPreimage(archive.receipt)),
      log: decodeTreeHead(archive.head).log,
      request: request.body,
      response: { format, jsonLength, body },
    },
  };
}

function manifestOf({ manifest }: Verified<ReleaseFacts>): Manifest {
  return manifest;
}

function contradiction(what: string): StatementReading {
  return { refused: 'contents_mismatch', detail: `${what} is not the one that the receipt is about` };
}
