import type { FindingVerdict } from '../wire/message/finding.ts';
import type { WorkerRefusalCode } from '../wire/message/link.ts';
import type { WorkerEnd } from '../wire/message/telemetry.ts';

/** How a request to the worker can end without its answer. Codes are API. */
export type LinkErrorCode =
  /** Nothing was sent to a worker. */
  | 'worker_unreachable'
  /** The log that was named is of no worker that is here now. */
  | 'worker_unknown'
  | 'session_unknown'
  | 'worker_lost'
  | 'worker_refused'
  | 'worker_timeout'
  | 'worker_protocol'
  | 'busy'
  | 'journal_unavailable'
  | 'cancelled'
  | 'link_closed';

export class LinkError extends Error {
  readonly code: LinkErrorCode;

  constructor(code: LinkErrorCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options);
    this.name = 'LinkError';
    this.code = code;
  }
}

/** The worker's own no, with its code. */
export class WorkerRefusedError extends LinkError {
  readonly refusal: WorkerRefusalCode;

  constructor(refusal: WorkerRefusalCode, detail: string) {
    super('worker_refused', `${refusal} ${detail}`.trimEnd());
    this.name = 'WorkerRefusedError';
    this.refusal = refusal;
  }
}

/** Why there is no evidence to hand out although the worker attested. Codes are API. */
export type EvidenceErrorCode =
  | 'document_invalid'
  | 'certificate_table_invalid'
  | 'certificates_missing'
  | 'certificates_unreadable';

export class EvidenceError extends Error {
  readonly code: EvidenceErrorCode;

  constructor(code: EvidenceErrorCode, detail: string) {
    super(`${code}: ${detail}`);
    this.name = 'EvidenceError';
    this.code = code;
  }
}

/** Why a host does not start. */
export type StartErrorCode =
  | 'arguments_invalid'
  | 'configuration_invalid'
  | 'release_invalid'
  | 'certificates_unreadable'
  | 'settlement_invalid'
  | 'levels_invalid'
  /** Receipts would go while they may still be worth money. */
  | 'retention_invalid'
  /** What auditors found before is not thrown away because a file was damaged. */
  | 'findings_unreadable'
  | 'chain_unavailable'
  | 'listen_failed';

export class StartError extends Error {
  readonly code: StartErrorCode;

  constructor(code: StartErrorCode, detail: string, options: { readonly cause?: unknown } = {}) {
    super(`${code}: ${detail}`, options);
    this.name = 'StartError';
    this.code = code;
  }
}

/** An option that is wrong, by its name and by where it stands. */
export class OptionError extends StartError {
  /** Undefined for what is no option at all. */
  readonly option: string | undefined;
  /** The command line, the name of an environment variable, or the path of a file. */
  readonly source: string;

  constructor(option: string | undefined, source: string, detail: string, options: { readonly cause?: unknown } = {}) {
    super('arguments_invalid', `${option === undefined ? '' : `--${option} `}(${source}): ${detail}`, options);
    this.name = 'OptionError';
    this.option = option;
    this.source = source;
  }
}

/** Why a worker that answers is not used. None of these heals without another worker or another configuration. */
export type WorkerFault =
  | 'configuration_mismatch'
  | 'configuration_refused'
  | 'journal_disagrees'
  | 'protocol_violated';

/** Why a worker that could be asked is not asked for a while. */
export type Suspension = 'keeps_failing' | 'attestation_failed' | 'auditors_disagree';

/**
 * What the host says about itself: a closed list, with no text that came from a request. A link does not know which of
 * several workers it leads to; the pool says it.
 */
export type HostEvent =
  | { readonly event: 'listening'; readonly url: string }
  | { readonly event: 'link_up'; readonly worker?: number; readonly log: string }
  | { readonly event: 'link_down'; readonly worker?: number; readonly code: LinkErrorCode }
  | { readonly event: 'worker_ended'; readonly worker: number; readonly end: WorkerEnd }
  | { readonly event: 'worker_suspended'; readonly worker: number; readonly why: Suspension }
  | { readonly event: 'worker_restored'; readonly worker: number; readonly why: Suspension }
  | { readonly event: 'worker_draining'; readonly worker: number }
  | { readonly event: 'worker_resumed'; readonly worker: number }
  | { readonly event: 'metrics'; readonly url: string }
  | { readonly event: 'api_keys'; readonly keys: number | 'none' }
  | { readonly event: 'reloaded'; readonly releases: number; readonly keys: number | 'none' }
  | { readonly event: 'reload_failed'; readonly code: StartErrorCode }
  | { readonly event: 'worker_unusable'; readonly worker?: number; readonly fault: WorkerFault }
  | { readonly event: 'release_loaded'; readonly worker?: number; readonly modelId: string }
  | { readonly event: 'release_refused'; readonly worker?: number; readonly modelId: string; readonly code: string }
  /** What lies beside a release as its owner's word is not passed on. */
  | { readonly event: 'status_unusable'; readonly modelId: string; readonly code: string }
  | { readonly event: 'release_unloaded'; readonly worker?: number; readonly modelId: string }
  | { readonly event: 'evidence_saved'; readonly log: string }
  | { readonly event: 'evidence_failed'; readonly code: string }
  | { readonly event: 'certificates_missing'; readonly what: string; readonly from: string }
  | { readonly event: 'journal_failed'; readonly worker?: number; readonly code: string }
  | { readonly event: 'retention'; readonly receipts: number; readonly logs: number }
  | { readonly event: 'retention_failed'; readonly code: string }
  | { readonly event: 'request_failed'; readonly code: string }
  | {
      readonly event: 'finding';
      /** The operator's name for it. */
      readonly auditor: string;
      readonly verdict: FindingVerdict;
      readonly log: string;
      readonly index: number;
    }
  /** Its requester disclosed it, and it could not be kept. */
  | { readonly event: 'disclosed_lost' }
  /** What auditors found counts until this process ends, and is not known to the next one. */
  | { readonly event: 'findings_unwritten' }
  | { readonly event: 'transaction'; readonly what: string; readonly hash: string; readonly gas: string }
  | { readonly event: 'transaction_vanished'; readonly what: string; readonly hash: string }
  | { readonly event: 'transaction_replaced'; readonly what: string; readonly maxFeePerGas: string }
  | { readonly event: 'transaction_capped'; readonly what: string }
  | { readonly event: 'transaction_reverted'; readonly what: string; readonly hash: string; readonly block: string }
  | { readonly event: 'contract_refused'; readonly call: string; readonly reason: string; readonly block: string }
  | { readonly event: 'chain_fault'; readonly endpoint: number; readonly code: string }
  | { readonly event: 'head_lost'; readonly log: string; readonly due: string }
  | { readonly event: 'escrow_skipped'; readonly escrow: string; readonly why: string }
  | { readonly event: 'settlement_failed'; readonly code: string }
  | { readonly event: 'draining' }
  | { readonly event: 'stopped' };

export type EventSink = (event: HostEvent) => void;
