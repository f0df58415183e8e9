import { type ClientAction, ClientError, type ClientErrorCode } from '../../../../../client/errors.ts';
import { HubError } from '../../../../../client/hub/errors.ts';
import { type Check, codeMeanings, VerifierError } from '../../../../../verifier/index.ts';
import { WireError } from '../../../../../wire/errors.ts';

/** What went wrong with a call, told so that a person knows what to do next. */
export interface Failure {
  readonly action: ClientAction;
  readonly code: string;
  /** The code of whoever said no, where that is another one. */
  readonly reason: string | undefined;
  /** What the code means: what was shown, or what happened. */
  readonly meaning: string;
  /** What was found, in the words of whoever found it. */
  readonly detail: string;
  /** The check that said no, by its name. */
  readonly failed: Check | undefined;
  readonly checks: readonly Check[];
}

const clientMeanings: Readonly<Record<ClientErrorCode, string>> = {
  argument_invalid: 'the call is not one that can be made',
  model_unknown: 'no release is meant by this name',
  host_unreachable: 'the connection to the host broke, or it cut its answer short',
  host_timeout: 'the host did not answer in time',
  host_error: 'the host answered with an error of its own, which proves nothing',
  response_too_large: 'the host sent more than any genuine answer has',
  protocol_violated: 'what came is not what the proven worker sent',
  evidence_refused: 'the host did not show a worker that your policy accepts',
  release_refused: 'the host showed something else than the release that was asked for',
  release_withdrawn: 'the owner withdrew the release, or advises against it',
  status_missing: 'no status of the release is shown, or an older one than was seen before',
  status_refused: 'what the host showed as the owner’s status is not the owner’s',
  receipt_refused: 'the receipt does not prove this answer',
  log_forked: 'the worker’s log has two histories, each of them signed',
  log_withheld: 'the log does not show how one of its heads grew out of another',
  session_lost: 'the worker does not know this session any more',
  answer_refused: 'the worker refused the call, and gave a receipt for that',
  answer_failed: 'the model failed or was stopped, and the worker gave a receipt for that',
  level_unavailable: 'it was known beforehand that nothing here reaches the level that was asked for',
  level_not_reached: 'the answer did not reach the level that was asked for',
  level_refused: 'what was shown for the level does not hold, or an auditor has other bits',
  price_refused: 'a unit costs more than is paid here',
  channel_mismatch: 'the channel pays another operator',
  outstanding_limit: 'too much would be outstanding',
  payment_mismatch: 'the worker’s sums and ours differ',
  store_failed: 'what was seen before could not be read or kept',
  archive_failed: 'the answer is proven, and its file could not be written',
};

/** Codes of the layers below, where a client's own code says too little. */
const reasonMeanings: ReadonlyMap<string, string> = new Map([
  [
    'record_invalid',
    'a sealed record was changed, repeated, moved, or was none: it does not open under the session’s key',
  ],
  ['handshake_invalid', 'the handshake was not made by the holder of the attested seal key'],
  ['answer_cut', 'the answer stops before its end, so that none of it is proven'],
  ['file_mismatch', 'the file does not have the digest that the owner signed'],
  ['stream_invalid', 'the proven worker streamed something that is no answer'],
]);

const verifierMeanings: ReadonlyMap<string, string> = new Map(
  Object.values(codeMeanings).flatMap((group) => Object.entries(group)),
);

export function failureOf(error: unknown): Failure {
  if (error instanceof ClientError) {
    const { action, code, verdict, message } = error;
    const reason = error.reason === code ? undefined : error.reason;
    const checks = checksOf(verdict);
    const failed = checks.find(({ outcome }) => outcome === 'failed');
    const meaning = meaningOf(reason) ?? clientMeanings[code];
    return { action, code, reason, meaning, detail: message.replace(`${code}: `, ''), failed, checks };
  }
  if (error instanceof HubError) {
    const { action, code, reason, verdict, message } = error;
    const checks = checksOf(verdict);
    const failed = checks.find(({ outcome }) => outcome === 'failed');
    const detail = message.replace(`${code}: `, '');
    const meaning = meaningOf(reason) ?? 'the hub’s answer is not what was asked for, or not what its owner signed';
    return { action, code, reason: reason === code ? undefined : reason, meaning, detail, failed, checks };
  }
  const none = { reason: undefined, failed: undefined, checks: [] };
  if (error instanceof VerifierError || error instanceof WireError) {
    const meaning = verifierMeanings.get(error.code) ?? 'it is not well formed';
    return { ...none, action: 'fix-call', code: error.code, meaning, detail: error.message };
  }
  const detail = error instanceof Error ? error.message : String(error);
  return { ...none, action: 'retry', code: 'unexpected', meaning: 'this page failed', detail };
}

function meaningOf(reason: string | undefined): string | undefined {
  return reason === undefined ? undefined : (reasonMeanings.get(reason) ?? verifierMeanings.get(reason));
}

/** A client hands the verdict of the verifier on as it is. */
function checksOf(verdict: unknown): readonly Check[] {
  if (typeof verdict !== 'object' || verdict === null || !('checks' in verdict)) return [];
  return Array.isArray(verdict.checks) ? (verdict.checks as readonly Check[]) : [];
}
