import { readFile } from 'node:fs/promises';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type ExpectedRequest,
  type ExpectedResponse,
  parseWorkerPolicy,
  type ReceiptFacts,
  requireAccepted,
  type Verified,
  verifyReceipt,
  verifyWorker,
  type WorkerFacts,
} from '../../verifier/index.ts';
import { concatBytes, fromBase64url, toHex } from '../../wire/bytes.ts';
import { type JsonValue, parseJson } from '../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { limits } from '../../wire/limits.ts';
import { bundleFromHeader, decodeBundle } from '../../wire/message/bundle.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { decodeForSession } from '../../wire/message/link.ts';
import { encodeRequestHeader, flag, format, operation, type RequestHeader } from '../../wire/message/request.ts';
import { decodeFinalRecord, encodeSealedRequest } from '../../wire/message/session.ts';
import type { EncodedBody } from '../../wire/message/tensor.ts';
import {
  createRequestCounter,
  openRecord,
  proofmarkPrologue,
  sealRecord,
  startHandshake,
} from '../../wire/noise/index.ts';
import type { HttpAnswer } from './http-bytes.ts';

/**
 * Calls of a whole stack with requests and answers apart, for loads that prepare the one and judge the other when
 * nothing is timed. What `proofmark/client` does in one go, in the same order and with the same verifier.
 */
export interface Prepared {
  readonly requestId: Uint8Array;
  readonly request: ExpectedRequest;
  /** What goes into the body of the POST. */
  readonly payload: Uint8Array;
}

export interface Judged {
  readonly facts: Verified<ReceiptFacts>;
  readonly receipt: Uint8Array;
  readonly response: ExpectedResponse;
}

/** Proves the worker behind `url` with a challenge of our own; plain answers and other models are let through by the policy as well. */
export async function proveWorkerAt(url: string, policyFile: string): Promise<Verified<WorkerFacts>> {
  const rules = parseJson(await readFile(policyFile), limits.policyBytes) as Readonly<Record<string, JsonValue>>;
  const policy = parseWorkerPolicy({ ...rules, models: 'any', sealed: 'any', headers: 'any' });
  const challenge = nodeSuite.randomBytes(32);
  const challengedAt = Date.now();
  const evidence = await fetch(`${url}/v1/evidence?challenge=${toHex(challenge)}`);
  if (evidence.status === 429) {
    await sleep(200);
    return proveWorkerAt(url, policyFile);
  }
  const bytes = new Uint8Array(await evidence.arrayBuffer());
  const options = { policy, now: Date.now(), challenge, challengedAt, suite: nodeSuite, cache: 'none' } as const;
  return requireAccepted(await verifyWorker(decodeEvidence(bytes), options));
}

/** Checks of one signature many times: the same head comes with many answers, and says the same each time. */
export function rememberingSuite(): Suite {
  const known = new Map<string, boolean>();
  return {
    ...nodeSuite,
    verifyP256(point, message, signature) {
      const key = Buffer.from(sha256(concatBytes(point, signature, message))).toString('latin1');
      const before = known.get(key);
      if (before !== undefined) return before;
      const holds = nodeSuite.verifyP256(point, message, signature);
      if (known.size >= 1_024) known.clear();
      known.set(key, holds);
      return holds;
    },
  };
}

/** An unsealed answer: the host chose the header and says which. */
export async function judgePlain(
  worker: Verified<WorkerFacts>,
  body: Uint8Array,
  answer: HttpAnswer,
  suite: Suite = nodeSuite,
): Promise<Judged> {
  const header = fromBase64url(answer.headers.get('proofmark-request') ?? '');
  const bundle = bundleFromHeader(answer.headers.get('proofmark-receipt') ?? '');
  const declared = answer.headers.get('inference-header-content-length');
  const response: ExpectedResponse = {
    format: Number(declared === undefined ? format.json : format.binary),
    jsonLength: Number(declared ?? answer.body.length),
    body: answer.body,
  };
  const expected = { worker, request: { header, body }, response, headerBy: 'host', owedBefore: 0n } as const;
  const verdict = await verifyReceipt(bundle, { expected, now: Date.now(), suite });
  return { facts: requireAccepted(verdict), receipt: bundle.receipt, response };
}

/** A body, and the words that say what it is; without them, tensors in binary. */
export type Asked = EncodedBody & Partial<Pick<RequestHeader, 'operation' | 'format' | 'flags'>>;

/** One sealed session, whose records are made before they are sent and opened after they came. */
export interface SealedLine {
  readonly path: string;
  prepare(modelId: Uint8Array, asked: Asked): Promise<Prepared>;
  judge(prepared: Prepared, record: Uint8Array): Promise<Judged>;
}

export async function openSealedLine(
  url: string,
  worker: Verified<WorkerFacts>,
  suite: Suite = nodeSuite,
): Promise<SealedLine> {
  const prologue = proofmarkPrologue(worker.log);
  const started = await startHandshake(nodeSuite, { prologue, remoteStatic: worker.identity.sealKey });
  const opened = await fetch(`${url}/v1/sessions?log=${toHex(worker.log)}`, {
    method: 'POST',
    headers: { 'content-type': 'application/octet-stream' },
    body: Uint8Array.from(started.message1),
  });
  const { sessionId, rest } = decodeForSession(new Uint8Array(await opened.arrayBuffer()));
  const { handshakeHash, sendKey, receiveKey } = await started.finish(rest);
  const counter = createRequestCounter();
  return {
    path: `/v1/sessions/${toHex(sessionId)}`,
    async prepare(modelId, asked) {
      const requestId = nodeSuite.randomBytes(32);
      const header = encodeRequestHeader({
        requestId,
        modelId,
        operation: asked.operation ?? operation.infer,
        format: asked.format ?? format.binary,
        jsonLength: BigInt(asked.jsonLength),
        flags: asked.flags ?? flag.sealed,
        salt: nodeSuite.randomBytes(32),
        channel: new Uint8Array(32),
        unitPrice: 0n,
        maxFee: 0n,
        deadline: 0n,
        seed: new Uint8Array(32),
      });
      const place = { direction: 'to-worker', request: counter.next(), chunk: 0, final: true } as const;
      const data = encodeSealedRequest(header, asked.body);
      const payload = await sealRecord(nodeSuite, sendKey, handshakeHash, place, data, 'body');
      return { requestId, request: { header, body: asked.body }, payload };
    },
    async judge({ request }, record) {
      const { data } = await openRecord(nodeSuite, receiveKey, handshakeHash, 'to-client', record);
      const response = decodeFinalRecord(data);
      const bundle = decodeBundle(response.bundle);
      const expected = { worker, request, response, headerBy: 'client', owedBefore: 0n } as const;
      const verdict = await verifyReceipt(bundle, { expected, now: Date.now(), suite });
      return { facts: requireAccepted(verdict), receipt: bundle.receipt, response };
    },
  };
}
