import type { WorkerPolicy } from '../verifier/policy/worker-policy.ts';
import type { ReceiptFacts } from '../verifier/receipt/facts.ts';
import type { ReleaseFacts } from '../verifier/release/verify.ts';
import type { Check, NotProven, Verified } from '../verifier/result.ts';
import type { WorkerFacts } from '../verifier/worker/facts.ts';
import type { JsonValue } from '../wire/codec/json.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import type { ReceiptBundle } from '../wire/message/bundle.ts';
import type { BodyFormat, InferResponse, Tensor } from '../wire/message/tensor.ts';
import type { ArchiveSink } from './archive-sink.ts';
import type { RetryRule } from './failover.ts';
import type { LevelGain } from './levels/gain.ts';
import type { Level } from './levels/level.ts';
import type { Reach } from './levels/reach.ts';
import type { PaymentOptions } from './payment/payer.ts';
import type { ModelChoice } from './releases.ts';
import type { MomentSource } from './session.ts';
import type { StatusRule } from './statuses.ts';
import type { HostTransport } from './transport.ts';

export interface ClientOptions {
  /** One host, or several that stand in for each other. */
  readonly host: HostTransport | readonly [HostTransport, ...HostTransport[]];
  readonly policy: WorkerPolicy;
  readonly suite: Suite;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Waits before a kept answer is asked for again; the platform's own timer if absent. */
  readonly pause?: (ms: number) => Promise<void>;
  /** Where archives over SEV-SNP are to be accepted one day; otherwise challenges are random. */
  readonly moments?: MomentSource;
  /** How calls are paid that cost something; without it they are sent without a channel. */
  readonly payment?: PaymentOptions;
  /** What the names in language calls mean. A host is never asked for that. */
  readonly models?: Readonly<Record<string, ModelChoice>>;
  /**
   * What is done about owners who withdraw their releases. Undefined asks each host, refuses what was yanked, and says in
   * `notProven` where a host shows nothing.
   */
  readonly statuses?: StatusRule;
  /** For every call that does not say otherwise; undefined repeats free calls and no paid ones. */
  readonly retry?: RetryRule;
  /** Gets a `.proofmark` file for every verified answer. */
  readonly archive?: ArchiveSink;
  /** What brings answers to levels beyond the hardware's; undefined reaches none. */
  readonly reach?: Reach;
  /** How long before its end a session is replaced. */
  readonly renewMarginMs?: number;
}

export type Disclosing = 'nobody' | 'auditors';

export interface CallOptions {
  /** The most that the answer may cost; a language model stops generating there. */
  readonly maxFee?: bigint;
  readonly retry?: RetryRule;
  /**
   * Who has to vouch for the answer (DESIGN section 6); undefined is what the worker policy accepts. An answer that does
   * not reach it is not handed out: nothing that is unverified ever is.
   */
  readonly level?: Level;
  /**
   * `auditors`: the receipt says that its content may be shown to them. Sealed as it is, nobody can show it but the caller:
   * `discloseTo` brings the `.proofmark` file to a host. Undefined is `nobody`.
   */
  readonly disclose?: Disclosing;
  /** Tells the worker to end; the call rejects with the signal's reason, and what it has cost so far is settled. */
  readonly signal?: AbortSignal | undefined;
}

/** One call of a tensor model. */
export interface InferCall {
  /** The client, never the host, decides which model it means. */
  readonly modelId: Uint8Array;
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly string[] | 'all';
  readonly format: BodyFormat;
}

/** An answer exists only if every check passed; the checks say which. */
export interface Proof {
  readonly receipt: Verified<ReceiptFacts>;
  readonly worker: Verified<WorkerFacts>;
  readonly release: Verified<ReleaseFacts>;
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
  /** The header words that the receipt is about, and the receipt with its head, as they were signed. */
  readonly header: Uint8Array;
  readonly bundle: ReceiptBundle;
  /** Of a call that asked for a level beyond the hardware's. */
  readonly gained: LevelGain | 'none-asked';
  /** A `.proofmark` file with everything that a stranger needs to check this answer. */
  archive(): Uint8Array;
}

/** A tensor answer with its proof. */
export interface InferResult extends Proof {
  readonly response: InferResponse;
}

/** An OpenAI style request. `model` is a name of the client's `models`, or a model id in hex. */
export interface LanguageCall {
  readonly model: string;
  readonly [field: string]: unknown;
}

/** A chat or completion with its proof; the whole text, also where it was streamed. */
export interface LanguageResult extends Proof {
  /** What the first choice says. */
  readonly text: string;
  /** The whole body as it was signed; a stream's are its events. */
  readonly body: Uint8Array;
  /** A stream's last event. */
  readonly completion: JsonValue;
}
