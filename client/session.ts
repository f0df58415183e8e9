import type { ChainCache } from '../verifier/cache/chain-cache.ts';
import type { WorkerPolicy } from '../verifier/policy/worker-policy.ts';
import type { Check, NotProven, Verified } from '../verifier/result.ts';
import type { WorkerFacts } from '../verifier/worker/facts.ts';
import { verifyWorker } from '../verifier/worker/verify.ts';
import { equalBytes, toHex } from '../wire/bytes.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { decodeCosignedChallenge } from '../wire/message/anchor.ts';
import type { ArchivedChallenge } from '../wire/message/archive.ts';
import { type AccountState, decodeAccountState } from '../wire/message/channel.ts';
import { decodeEvidence, type Evidence } from '../wire/message/evidence.ts';
import { decodeForSession, HANDSHAKE_MESSAGE_BYTES, SESSION_ID_BYTES } from '../wire/message/link.ts';
import {
  decodeFinalRecord,
  encodeCharged,
  encodeSealedRequest,
  type FinalRecord,
  shownOf,
} from '../wire/message/session.ts';
import {
  createRequestCounter,
  openRecord,
  proofmarkPrologue,
  type RequestCounter,
  sealRecord,
  startHandshake,
  type Transport,
} from '../wire/noise/index.ts';
import { ClientError } from './errors.ts';
import type { HostTransport } from './transport.ts';

/** A sealed session with one proven worker: everything needed to call it and to show later why it was trusted. */
export interface Session {
  readonly worker: Verified<WorkerFacts>;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
  readonly evidence: Evidence;
  readonly challenge: ArchivedChallenge;
  readonly handshakeHash: Uint8Array;
  /**
   * Sends one request and returns the opened answer; nothing in it is proven yet. What charges a channel is also shown to
   * the host, which passes on what the channel pays for.
   */
  exchange(request: SealedRequest): Promise<FinalRecord>;
  /** Sends a channel or voucher record; the worker answers where the channel stands. */
  account(data: Uint8Array): Promise<AccountState>;
}

export interface SealedRequest {
  readonly header: Uint8Array;
  readonly body: Uint8Array;
  readonly charged: boolean;
}

export interface SessionOptions {
  readonly host: HostTransport;
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
    await host.get(`/v1/evidence?challenge=${toHex(challenge.value)}`, limits.evidenceBytes),
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
  const { sessionId, transport } = await handshake(host, suite, worker);
  const channel: Channel = { host, suite, sessionId, transport, counter: createRequestCounter() };
  return {
    worker,
    checks: verdict.checks,
    notProven: verdict.notProven,
    evidence,
    challenge,
    handshakeHash: transport.handshakeHash,
    exchange: ({ header, body, charged }) => {
      const data = encodeSealedRequest(header, body);
      return exchange(channel, data, charged ? shownOf(data) : undefined, decodeFinalRecord);
    },
    account: (data) => exchange(channel, data, shownOf(data), decodeAccountState),
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
  host: HostTransport,
  suite: Suite,
  worker: Verified<WorkerFacts>,
): Promise<{ readonly sessionId: string; readonly transport: Transport }> {
  try {
    const started = await startHandshake(suite, {
      prologue: proofmarkPrologue(worker.log),
      remoteStatic: worker.identity.sealKey,
    });
    const reply = await host.post('/v1/sessions', started.message1, SESSION_ID_BYTES + HANDSHAKE_MESSAGE_BYTES);
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
  readonly sessionId: string;
  readonly transport: Transport;
  readonly counter: RequestCounter;
}

async function exchange<T>(
  channel: Channel,
  data: Uint8Array,
  shown: Uint8Array | undefined,
  read: (data: Uint8Array) => T,
): Promise<T> {
  const { host, suite, transport, counter } = channel;
  const { handshakeHash, sendKey, receiveKey } = transport;
  const request = counter.next();
  const place = { direction: 'to-worker', request, chunk: 0, final: true } as const;
  const record = await sealRecord(suite, sendKey, handshakeHash, place, data, 'body');
  const path = `/v1/sessions/${channel.sessionId}`;
  const reply =
    shown === undefined
      ? await host.post(path, record, limits.recordBytes)
      : await host.post(`${path}/charged`, encodeCharged(shown, record), limits.recordBytes);
  try {
    const opened = await openRecord(suite, receiveKey, handshakeHash, 'to-client', reply);
    if (opened.place.request !== request || opened.place.chunk !== 0 || !opened.place.final) {
      throw new WireError('record_invalid', 'the answer is to another request');
    }
    return read(opened.data);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', 'the answer was not sealed by the proven worker', {
      reason: error.code,
    });
  }
}

function parsed<T>(read: (bytes: Uint8Array) => T, bytes: Uint8Array): T {
  try {
    return read(bytes);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', error.message, { reason: error.code });
  }
}
