import { type CborValue, decodeCbor, encodeCbor, strictCbor } from '../codec/cbor.ts';
import { array, integer, literal, object, type Reader } from '../codec/fields.ts';
import { WireError } from '../errors.ts';
import { limits } from '../limits.ts';

/**
 * What a worker tells its host about itself (DESIGN section 5): numbers from a closed list and codes from a closed list.
 * Nothing here can carry a byte of a request, and nothing says more than the host sees anyway: it routed the requests,
 * holds the receipts, and started the enclave. The order is the order on the wire.
 */
export const counterNames = [
  'sealedRequests',
  'plainRequests',
  'answersOk',
  'answersCancelled',
  'answersModelError',
  'answersStopped',
  'answersRefused',
  'modelCrashes',
  'modelTimeouts',
  'refusedBusy',
  'refusedLogFull',
  'refusedRecords',
  'refusedOther',
  'sessionsOpened',
  'handshakesRefused',
  'attestations',
  'attestationsFailed',
  'modelsLoaded',
  'modelsRefused',
  'leaves',
  'leavesAcknowledged',
  'requestsUnderWay',
  /** Runs of tensor models, and the requests that they were for: the ratio is the mean batch. */
  'modelRuns',
  'modelRunRequests',
  /** Heads that were signed: receipts in the log for each of them. */
  'signatures',
  'modelsUnloaded',
] as const;

export type CounterName = (typeof counterNames)[number];
export type Counters = Readonly<Record<CounterName, number>>;

interface TelemetryFrame {
  readonly version: 1;
  readonly counters: readonly number[];
}

const frame: Reader<TelemetryFrame> = object<TelemetryFrame>({
  version: literal(1),
  counters: array(integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), {
    min: counterNames.length,
    max: counterNames.length,
  }),
});

const profile = strictCbor(limits.telemetryBytes);

export function encodeTelemetry(counters: Counters): Uint8Array {
  return encodeCbor(
    new Map<string, CborValue>([
      ['version', 1],
      ['counters', counterNames.map((name) => counters[name])],
    ]),
  );
}

export function decodeTelemetry(payload: Uint8Array): Counters {
  const { counters } = frame(decodeCbor(payload, profile), 'telemetry');
  return Object.fromEntries(
    counterNames.map((name, place) => [name, counters[place] as number]),
  ) as unknown as Counters;
}

/**
 * Exit codes of the measured program, which are also its last word to the host: in production nobody reads an enclave's
 * console, and its logs die with it. Below 128 the program ended itself; above, 128 and the signal that ended it.
 */
export const endCodes = {
  stopped: 0,
  usage: 64,
  internal: 70,
  start_failed: 71,
  device_failed: 72,
  signing_failed: 73,
  parent_gone: 74,
  confinement_refused: 75,
  protocol_broken: 76,
} as const;

export type EndCode = keyof typeof endCodes;

/** A worker's end, as its launcher saw it. */
export type WorkerEnd =
  | { readonly kind: 'ended'; readonly code: EndCode }
  | { readonly kind: 'exited'; readonly status: number }
  | { readonly kind: 'killed'; readonly signal: number };

export function encodeEnd(exitStatus: number): Uint8Array {
  if (!Number.isInteger(exitStatus) || exitStatus < 0 || exitStatus > 255) {
    throw new WireError('integer_out_of_range', 'an exit status is one byte');
  }
  return Uint8Array.of(exitStatus);
}

export function decodeEnd(payload: Uint8Array): number {
  const [exitStatus] = payload;
  if (payload.length !== 1 || exitStatus === undefined) {
    throw new WireError('frame_invalid', 'an exit status is one byte');
  }
  return exitStatus;
}

export function describeEnd(exitStatus: number): WorkerEnd {
  if (exitStatus > 128) return { kind: 'killed', signal: exitStatus - 128 };
  const known = Object.entries(endCodes).find(([, value]) => value === exitStatus);
  return known === undefined ? { kind: 'exited', status: exitStatus } : { kind: 'ended', code: known[0] as EndCode };
}
