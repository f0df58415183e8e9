import type { ChainCache } from '../verifier/cache/chain-cache.ts';
import type { WorkerPolicy } from '../verifier/policy/worker-policy.ts';
import type { Check, NotProven, Verified } from '../verifier/result.ts';
import type { WorkerFacts } from '../verifier/worker/facts.ts';
import { verifyWorker } from '../verifier/worker/verify.ts';
import { concatBytes, equalBytes, toHex } from '../wire/bytes.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { decodeCosignedChallenge } from '../wire/message/anchor.ts';
import type { ArchivedChallenge } from '../wire/message/archive.ts';
import { type AccountState, decodeAccountState } from '../wire/message/channel.ts';
import { decodeEvidence, type Evidence } from '../wire/message/evidence.ts';
import { decodeForSession, HANDSHAKE_MESSAGE_BYTES, SESSION_ID_BYTES } from '../wire/message/link.ts';
import {
  createRecordFrames,
  decodeFinalRecord,
  encodeCancel,
  encodeCharged,
  encodeSealedRequest,
  type FinalRecord,
  shownOf,
} from '../wire/message/session.ts';
import {
  createRecordSequence,
  createRequestCounter,
  openRecord,
  proofmarkPrologue,
  type RequestCounter,
  sealRecord,
  startHandshake,
  type Transport,
} from '../wire/noise/index.ts';
import { ClientError } from './errors.ts';
import type { HostTransport, StreamedReply } from './transport.ts';

/** A sealed session with one proven worker: everything needed to call it and to show later why it was trusted. */
export interface Session {
  readonly worker: Verified<WorkerFacts>;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
  readonly evidence: Evidence;
  readonly challenge: ArchivedChallenge;
  readonly handshakeHash: Uint8Array;
  /** Seals one request, for this session and no other. Nothing is sent before its answer is asked for. */
  seal(request: SealedRequest): Promise<SealedCall>;
  /** Sends a channel or voucher record; the worker answers where the channel stands. */
  account(data: Uint8Array): Promise<AccountState>;
}

export interface SealedRequest {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  /** What charges a channel is also shown to the host, which passes on what the channel pays for. */
  readonly charged: boolean;
  readonly streamed: boolean;
}

/** The pieces of an answer as they are opened, and its end. All of it is the worker's; nothing in it is proven yet. */
export type Opening = AsyncGenerator<Uint8Array, FinalRecord, undefined>;

/** One request on its way. A number is sealed once, so that it is sent once. */
export interface SealedCall {
  send(): Opening;
  /** The answer that the host kept, from its beginning. */
  kept(): Opening;
  /** Asks the worker to end what it generates. True: it was told to. */
  cancel(): Promise<boolean>;
}

export interface SessionOptions {
  readonly host: HostTransport;
  /** Which of the host's workers; undefined leaves that to the host. */
  readonly log: Uint8Array | undefined;
  /** What the session is for: a host that knows has the model there. It says no more than where a worker listens. */
  readonly modelId: Uint8Array | undefined;
  readonly policy: WorkerPolicy;
  readonly suite: Suite;
  readonly now: () => number;
  readonly cache: ChainCache;
  readonly moments?: MomentSource;
}

/**
 * Has a cosigner date a nonce, and returns what it signed: the preimage of a challenge that nobody knew before. An
 * SEV-SNP report carries no time, so that an archive over one is only ever accepted with such a challenge.
 */
export type MomentSource = (nonce: Uint8Array) => Promise<Uint8Array>;

/** Asks with a challenge of its own, proves the worker, and only then speaks to the key that was proven. */
export async function openSession(options: SessionOptions): Promise<Session> {
  const { host, policy, suite, cache } = options;
  const challengedAt = options.now();
  const challenge = await drawChallenge(suite, options.moments);
  const evidence = parsed(
    decodeEvidence,
    await host.get(
      `/v1/evidence?challenge=${toHex(challenge.value)}${options.log === undefined ? '' : `&log=${toHex(options.log)}`}`,
      limits.evidenceBytes,
    ),
  );
  const verdict = await verifyWorker(evidence, {
    policy,
    now: options.now(),
    challenge: challenge.value,
    challengedAt,
    suite,
    cache,
  });
  if (verdict.verdict !== 'accepted') {
    throw new ClientError('evidence_refused', `the worker is ${verdict.verdict}: ${verdict.code}`, {
      reason: verdict.code,
      verdict,
    });
  }
  const worker = verdict.proven;
  const { sessionId, transport } = await handshake(options, worker);
  const path = `/v1/sessions/${sessionId}`;
  const channel: Channel = { host, suite, path, transport, counter: createRequestCounter() };
  return {
    worker,
    checks: verdict.checks,
    notProven: verdict.notProven,
    evidence,
    challenge,
    handshakeHash: transport.handshakeHash,
    seal: (request) => sealCall(channel, request),
    account: async (data) => {
      const { number, record } = await sealNext(channel, data);
      const sent = encodeCharged(shownOf(data), record);
      const reply = await host.post(`${channel.path}/charged`, sent, limits.recordBytes);
      return wholeReply(channel, number, reply, decodeAccountState);
    },
  };
}

async function drawChallenge(suite: Suite, moments: MomentSource | undefined): Promise<ArchivedChallenge> {
  const nonce = suite.randomBytes(32);
  if (moments === undefined) return { value: nonce, preimage: null };
  const preimage = Uint8Array.from(await moments(Uint8Array.from(nonce)));
  // Whose word the date is, is for the policy of whoever reads the archive. That it is of this call is for us.
  if (!equalBytes(parsed(decodeCosignedChallenge, preimage).statement.nonce, nonce)) {
    throw new ClientError('protocol_violated', 'the cosigner dated another nonce');
  }
  return { value: await suite.sha256(preimage), preimage };
}

async function handshake(
  { host, suite, modelId }: SessionOptions,
  worker: Verified<WorkerFacts>,
): Promise<{ readonly sessionId: string; readonly transport: Transport }> {
  try {
    const started = await startHandshake(suite, {
      prologue: proofmarkPrologue(worker.log),
      remoteStatic: worker.identity.sealKey,
    });
    const model = modelId === undefined ? '' : `&model=${toHex(modelId)}`;
    const reply = await host.post(
      `/v1/sessions?log=${toHex(worker.log)}${model}`,
      started.message1,
      SESSION_ID_BYTES + HANDSHAKE_MESSAGE_BYTES,
    );
    const { sessionId, rest } = decodeForSession(reply);
    return { sessionId: toHex(sessionId), transport: await started.finish(rest) };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', 'the handshake was not made by the proven worker', {
      reason: error.code,
    });
  }
}

interface Channel {
  readonly host: HostTransport;
  readonly suite: Suite;
  readonly path: string;
  readonly transport: Transport;
  readonly counter: RequestCounter;
}

interface Numbered {
  readonly number: number;
  readonly record: Uint8Array;
}

async function sealNext({ suite, transport, counter }: Channel, data: Uint8Array): Promise<Numbered> {
  const number = counter.next();
  const place = { direction: 'to-worker', request: number, chunk: 0, final: true } as const;
  const record = await sealRecord(suite, transport.sendKey, transport.handshakeHash, place, data, 'body');
  return { number, record };
}

async function sealCall(channel: Channel, { header, body, charged, streamed }: SealedRequest): Promise<SealedCall> {
  const { host, path } = channel;
  const data = encodeSealedRequest(header, body);
  const { number, record } = await sealNext(channel, data);
  const target = charged ? `${path}/charged` : path;
  const sent = charged ? encodeCharged(shownOf(data), record) : record;
  const requestId = header.slice(0, 32);
  const keptAt = `/v1/responses/${toHex(requestId)}`;

  return {
    send: () =>
      streamed
        ? opening(channel, number, recordsOf(host.stream(target, sent, { requestId })))
        : opening(channel, number, single(host.post(target, sent, limits.recordBytes, { requestId }))),
    kept: () =>
      streamed
        ? opening(channel, number, recordsOf(host.stream(keptAt, null)))
        : opening(channel, number, single(host.get(keptAt, limits.recordBytes))),
    async cancel() {
      const cancelling = await sealNext(channel, encodeCancel(requestId));
      const reply = await host.post(path, cancelling.record, limits.recordBytes);
      return wholeReply(channel, cancelling.number, reply, (said) => said.length === 1 && said[0] === 1);
    },
  };
}

/** A reply of one record, which is the first and last of its request. */
async function wholeReply<T>(
  channel: Channel,
  number: number,
  reply: Uint8Array,
  read: (data: Uint8Array) => T,
): Promise<T> {
  try {
    const { place, data } = await opened(channel, reply);
    if (place.request !== number || place.chunk !== 0 || !place.final) {
      throw new WireError('record_invalid', 'the answer is to another request');
    }
    return read(data);
  } catch (error) {
    throw notTheWorker(error);
  }
}

/** What came together is opened together: nothing may come behind the last record. */
async function* opening(channel: Channel, number: number, batches: AsyncIterable<readonly Uint8Array[]>): Opening {
  const sequence = createRecordSequence(number);
  try {
    for await (const records of batches) {
      let last: FinalRecord | undefined;
      for (const record of records) {
        const { place, data } = await opened(channel, record);
        sequence.accept(place);
        if (place.final) last = decodeFinalRecord(data);
        else yield data;
      }
      if (last !== undefined) return last;
    }
  } catch (error) {
    throw notTheWorker(error);
  }
  throw new ClientError('host_unreachable', 'the answer stops before its end', { reason: 'answer_cut' });
}

async function* single(reply: Promise<Uint8Array>): AsyncGenerator<readonly Uint8Array[]> {
  yield [await reply];
}

async function* recordsOf(asked: Promise<StreamedReply>): AsyncGenerator<readonly Uint8Array[]> {
  const { framed, chunks } = await asked;
  yield* framed ? framesOf(chunks) : joined(chunks);
}

async function* framesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Uint8Array[]> {
  const frames = createRecordFrames();
  for await (const chunk of chunks) {
    const records = frames.push(chunk);
    if (records.length > 0) yield records;
  }
}

/** An answer in one record, though it was asked for in several: a refusal, for one. */
async function* joined(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<readonly Uint8Array[]> {
  const parts: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of chunks) {
    length += chunk.length;
    if (length > limits.recordBytes) throw new WireError('too_large', 'a record');
    parts.push(chunk);
  }
  yield [concatBytes(...parts)];
}

function opened({ suite, transport }: Channel, record: Uint8Array): ReturnType<typeof openRecord> {
  return openRecord(suite, transport.receiveKey, transport.handshakeHash, 'to-client', record);
}

function notTheWorker(error: unknown): unknown {
  if (!(error instanceof WireError)) return error;
  return new ClientError('protocol_violated', 'the answer was not sealed by the proven worker', { reason: error.code });
}

function parsed<T>(read: (bytes: Uint8Array) => T, bytes: Uint8Array): T {
  try {
    return read(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', error.message, { reason: error.code });
  }
}
