import { createChainCache } from '../verifier/cache/chain-cache.ts';
import type { WorkerPolicy } from '../verifier/policy/worker-policy.ts';
import type { ExpectedRequest, ReceiptFacts } from '../verifier/receipt/facts.ts';
import { verifyReceipt } from '../verifier/receipt/verify.ts';
import { type ReleaseFacts, verifyRelease } from '../verifier/release/verify.ts';
import type { Check, NotProven, Verdict, Verified } from '../verifier/result.ts';
import type { WorkerFacts } from '../verifier/worker/facts.ts';
import { equalBytes, toHex } from '../wire/bytes.ts';
import { base64urlBytes, bytes, object } from '../wire/codec/fields.ts';
import { parseJson } from '../wire/codec/json.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { WireError } from '../wire/errors.ts';
import { limits } from '../wire/limits.ts';
import { encodeArchive } from '../wire/message/archive.ts';
import { decodeBundle, type ReceiptBundle } from '../wire/message/bundle.ts';
import { unitPriceOf } from '../wire/message/configuration.ts';
import type { SignedRelease } from '../wire/message/manifest.ts';
import { encodeRequestHeader, flag, format, operation } from '../wire/message/request.ts';
import type { FinalRecord } from '../wire/message/session.ts';
import {
  type BodyFormat,
  decodeInferResponse,
  type EncodedBody,
  encodeInferRequest,
  type InferResponse,
  type Tensor,
} from '../wire/message/tensor.ts';
import { ClientError } from './errors.ts';
import { createPayer, type PaymentOptions, type Purchase } from './payment/payer.ts';
import { type MomentSource, openSession, type Session } from './session.ts';
import type { HostTransport } from './transport.ts';

export interface ClientOptions {
  readonly host: HostTransport;
  readonly policy: WorkerPolicy;
  readonly suite: Suite;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Where archives over SEV-SNP are to be accepted one day; otherwise challenges are random. */
  readonly moments?: MomentSource;
  /** How calls are paid that cost something; without it they are sent without a channel. */
  readonly payment?: PaymentOptions;
}

export interface InferCall {
  /** The client, never the host, decides which model it means. */
  readonly modelId: Uint8Array;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[] | 'all';
  readonly format: BodyFormat;
}

/** A result exists only if every check passed; the checks say which. */
export interface InferResult {
  readonly response: InferResponse;
  readonly receipt: Verified<ReceiptFacts>;
  readonly worker: Verified<WorkerFacts>;
  readonly release: Verified<ReleaseFacts>;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
  /** A `.proofmark` file with everything that a stranger needs to check this answer. */
  archive(): Uint8Array;
}

export interface Client {
  /** The worker of the current session; a new one is proven when the old one is gone or its acceptance ran out. */
  worker(): Promise<Verified<WorkerFacts>>;
  infer(call: InferCall): Promise<InferResult>;
}

interface Answered {
  readonly answer: FinalRecord;
  readonly bundle: ReceiptBundle;
  readonly verdict: Extract<Verdict<Verified<ReceiptFacts>>, { readonly verdict: 'accepted' }>;
}

interface KnownRelease {
  readonly signed: SignedRelease;
  readonly facts: Verified<ReleaseFacts>;
  readonly checks: readonly Check[];
}

/** Twenty instances' chains of CAs. */
const CHAIN_CACHE_ENTRIES = 64;

export function createClient(options: ClientOptions): Client {
  const { host, policy, suite, now, moments } = options;
  const payer = options.payment === undefined ? undefined : createPayer(options.payment, suite);
  const dated = moments === undefined ? {} : { moments };
  /** The next session is most likely with a worker on the same instance, or at least in the same region. */
  const cache = createChainCache({ maxEntries: CHAIN_CACHE_ENTRIES });
  const releases = new Map<string, KnownRelease>();
  /** The largest head seen of each log: a log that shows another history is caught. */
  const heads = new Map<string, { readonly size: number; readonly root: Uint8Array }>();
  let session: Promise<Session> | undefined;
  /** What `session` came to. */
  let opened: Session | undefined;

  async function current(): Promise<Session> {
    while (session !== undefined) {
      const open = await session;
      if (now() <= open.worker.acceptedUntil) return open;
      // Whoever finds it expired first opens the next one; everybody else finds that.
      forget(open);
    }
    const opening = openSession({ host, policy, suite, now, cache, ...dated });
    session = opening;
    opening.then(
      (open) => {
        opened = open;
      },
      () => {
        if (session === opening) session = undefined;
      },
    );
    return opening;
  }

  /** A call that comes back late must not end the session that others opened meanwhile. */
  function forget(open: Session): void {
    if (opened !== open) return;
    opened = undefined;
    session = undefined;
  }

  async function release(modelId: Uint8Array): Promise<KnownRelease> {
    const key = toHex(modelId);
    const known = releases.get(key);
    if (known !== undefined) return known;
    const signed = readRelease(await host.get(`/v1/releases/${key}`, 2 * limits.manifestBytes));
    const verdict = await verifyRelease(signed, { modelId, publishers: policy.publishers, suite });
    if (verdict.verdict !== 'accepted') {
      throw new ClientError('release_refused', verdict.code, { reason: verdict.code, verdict });
    }
    const fresh = { signed, facts: verdict.proven, checks: verdict.checks };
    releases.set(key, fresh);
    return fresh;
  }

  function watchLog(receipt: Verified<ReceiptFacts>): void {
    const key = toHex(receipt.log);
    const seen = heads.get(key);
    if (seen !== undefined && seen.size === receipt.head.size && !equalBytes(seen.root, receipt.head.root)) {
      throw new ClientError('log_forked', `two histories of ${seen.size} leaves in log ${key}`);
    }
    if (seen === undefined || receipt.head.size > seen.size) heads.set(key, receipt.head);
  }

  async function infer(call: InferCall): Promise<InferResult> {
    const { modelId, encoded } = readCall(call);
    const open = await current();
    const known = await release(modelId);
    const unitPrice = unitPriceOf(open.worker.configuration, modelId, operation.infer) ?? 0n;
    const maxFee = unitPrice;
    const purchase = unitPrice === 0n ? undefined : await watched(open, () => payer?.buy(open, { unitPrice, maxFee }));
    const header = encodeRequestHeader({
      requestId: suite.randomBytes(32),
      modelId,
      operation: operation.infer,
      format: call.format === 'json' ? format.json : format.binary,
      jsonLength: BigInt(encoded.jsonLength),
      flags: flag.sealed,
      salt: suite.randomBytes(32),
      channel: purchase?.channel ?? new Uint8Array(32),
      unitPrice,
      maxFee,
      deadline: 0n,
      seed: new Uint8Array(32),
    });
    const { answer, bundle, verdict } = await answered(open, { header, body: encoded.body }, purchase);
    watchLog(verdict.proven);
    if (verdict.proven.status !== 'ok') throw refusedAnswer(verdict.proven, answer);
    const request = { header, body: encoded.body, bodyHash: await suite.sha256(encoded.body) };
    return {
      response: readResponse(answer),
      receipt: verdict.proven,
      worker: open.worker,
      release: known.facts,
      checks: [...open.checks, ...known.checks, ...verdict.checks],
      notProven: [...open.notProven, ...verdict.notProven],
      archive: () =>
        encodeArchive({
          format: 'proofmark archive v1',
          ...bundle,
          evidence: open.evidence,
          challenge: open.challenge,
          release: known.signed,
          request,
          response: {
            format: answer.format,
            jsonLength: answer.jsonLength,
            bodyHash: verdict.proven.responseBodyHash,
            body: answer.body,
          },
          anchors: [],
        }),
    };
  }

  /** Sends the request and verifies what comes back; a purchase is counted, or given up as lost. */
  async function answered(open: Session, request: ExpectedRequest, purchase: Purchase | undefined): Promise<Answered> {
    try {
      const charged = purchase !== undefined;
      const answer = await watched(open, () => open.exchange({ ...request, charged }));
      const bundle = readBundle(answer);
      const owedBefore = purchase?.owedBefore() ?? 0n;
      const expected = { worker: open.worker, request, response: answer, headerBy: 'client', owedBefore } as const;
      const verdict = await verifyReceipt(bundle, { expected, now: now(), suite });
      if (verdict.verdict !== 'accepted') {
        throw new ClientError('receipt_refused', `the answer is ${verdict.verdict}: ${verdict.code}`, {
          reason: verdict.code,
          verdict,
        });
      }
      await purchase?.settle(verdict.proven);
      return { answer, bundle, verdict };
    } catch (error) {
      purchase?.lose();
      throw error;
    }
  }

  /** A request is sent once: whether a lost one was run is not known here, and a repeat would be a new charge. */
  async function watched<T>(open: Session, work: () => T | Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const lost = error instanceof WireError || (error instanceof ClientError && endsSession(error));
      if (lost) forget(open);
      if (error instanceof WireError) throw new ClientError('session_lost', error.message, { reason: error.code });
      throw error;
    }
  }

  return { worker: async () => (await current()).worker, infer };
}

/** After these the session is of no more use; the next call proves a worker anew. A host that is away may come back. */
function endsSession({ code, reason }: ClientError): boolean {
  return code === 'session_lost' || code === 'protocol_violated' || reason === 'worker_lost';
}

/** What the caller got wrong is said before anything is sent. */
function readCall(call: InferCall): { readonly modelId: Uint8Array; readonly encoded: EncodedBody } {
  try {
    const modelId = Uint8Array.from(bytes32(call.modelId, 'modelId'));
    return {
      modelId,
      encoded: encodeInferRequest({ id: null, inputs: call.inputs, outputs: call.outputs }, call.format),
    };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('argument_invalid', error.message, { reason: error.code });
  }
}

const bytes32 = bytes(32);

const releaseReader = object<SignedRelease>({
  manifest: base64urlBytes({ min: 2, max: limits.manifestBytes }),
  owner: base64urlBytes(64),
  signature: base64urlBytes(64),
});

function readRelease(bytes: Uint8Array): SignedRelease {
  return violation(() => releaseReader(parseJson(bytes, 2 * limits.manifestBytes), 'release'));
}

function readBundle(answer: FinalRecord): ReceiptBundle {
  return violation(() => decodeBundle(answer.bundle));
}

function readResponse(answer: FinalRecord): InferResponse {
  return violation(() => decodeInferResponse(answer, answer.format === 1 ? 'json' : 'binary'));
}

function violation<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new ClientError('protocol_violated', error.message, { reason: error.code });
  }
}

/** The worker itself refused or failed, and said so in a receipted answer. */
function refusedAnswer(receipt: Verified<ReceiptFacts>, answer: FinalRecord): ClientError {
  const text = new TextDecoder().decode(answer.body.subarray(0, 2_048));
  const code = /"code":"([a-z_]{1,64})"/.exec(text)?.[1] ?? receipt.status;
  return new ClientError('answer_refused', `the worker answered ${receipt.status}: ${code}`, { reason: code });
}
