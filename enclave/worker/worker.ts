import { equalBytes } from '../../wire/bytes.ts';
import type { Frame, Payload } from '../../wire/codec/frame.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { registerMessage } from '../../wire/message/authorisations.ts';
import { encodeBundle } from '../../wire/message/bundle.ts';
import { type Configuration, decodeConfiguration } from '../../wire/message/configuration.ts';
import {
  decodeAcknowledge,
  decodeFilePiece,
  decodeForSession,
  decodeModelId,
  decodeRelease,
  decodeSealedDataKey,
  encodeAttested,
  encodeEntries,
  encodeForSession,
  encodeReadyInfo,
  encodeRefusal,
  encodeState,
  linkKind,
  plainAnswerParts,
  type WorkerRefusalCode,
} from '../../wire/message/link.ts';
import { decodeRequest, flag, type Request } from '../../wire/message/request.ts';
import { encodeFinalRecord, type FinalRecord } from '../../wire/message/session.ts';
import { type Answer, answer } from './answer.ts';
import { type Attester, AttesterError } from './attester.ts';
import type { Charge } from './channels.ts';
import { type CpuFacts, readCpuFacts } from './cpu.ts';
import { type Epoch, startEpoch } from './epoch.ts';
import { executionsOf } from './executions.ts';
import { type Link, serveLink } from './link-server.ts';
import type { Reservation } from './log.ts';
import type { ModelPool } from './model/pool.ts';
import { answerRecords, openSealed, type RequestRecord, settleRecord } from './records.ts';
import { Refusal } from './refusal.ts';
import { runtime } from './runtime.ts';
import type { Session } from './sessions.ts';
import { createTelemetry, silentTelemetry, type Telemetry } from './telemetry.ts';
import { beginRequest, createCancellable, type UnderWay } from './under-way.ts';

export interface WorkerOptions {
  readonly attester: Attester;
  readonly linkPath: string;
  /** Made once the configuration has said how much a model may use. */
  readonly createPool: (configuration: Configuration, onRun: (requests: number) => void) => ModelPool;
  /** Called when the worker cannot go on; the process must end, and with it the key epoch. */
  readonly onFatal: (error: unknown) => void;
}

export async function startWorker(options: WorkerOptions): Promise<void> {
  const { attester } = options;
  const cpu: CpuFacts = readCpuFacts();
  const executionOf = executionsOf({ ...runtime, ...cpu });
  let epoch: Epoch | undefined;
  let configuring = false;
  let pending = 0;
  let attesting = 0;
  let host: Link | undefined;
  let telemetry: Telemetry = silentTelemetry;
  const cancellable = createCancellable();
  /** By connection and frame: what a host that leaves, or says that nobody waits, ends. */
  const underWay = new Map<Link, Map<number, UnderWay>>();

  async function configure(bytes: Uint8Array): Promise<Uint8Array> {
    if (epoch !== undefined || configuring) throw new Refusal('already_configured', 'a worker is configured once');
    const configuration = parseConfiguration(bytes);
    configuring = true;
    // From here on a failure ends the process: the register may be extended, and a half-made epoch must not serve.
    try {
      epoch = await startEpoch(configuration, bytes, {
        attester,
        createPool: (known) => options.createPool(known, countRun),
        onEntries(entries) {
          telemetry.count('signatures');
          host?.send({ id: 0, kind: linkKind.entries, payload: encodeEntries(entries) });
        },
        onFatal: options.onFatal,
      });
      telemetry = telemetryFor(epoch);
    } catch (error) {
      options.onFatal(error);
      throw error;
    }
    return encodeReadyInfo(epoch.ready);
  }

  function telemetryFor({ configuration, log }: Epoch): Telemetry {
    if (configuration.telemetry === 'none') return silentTelemetry;
    return createTelemetry({
      send: (payload) => host?.send({ id: 0, kind: linkKind.telemetry, payload }),
      gauges: () => ({ leaves: log.size, leavesAcknowledged: log.acknowledged, requestsUnderWay: pending }),
    });
  }

  function countRun(requests: number): void {
    telemetry.count('modelRuns');
    telemetry.count('modelRunRequests', requests);
  }

  function ready(): Epoch {
    if (epoch === undefined) throw new Refusal('not_configured', 'no configuration yet');
    return epoch;
  }

  async function attest(challenge: Uint8Array): Promise<Uint8Array> {
    const { logId, keys } = ready();
    if (challenge.length !== 32) throw new Refusal('malformed', 'a challenge has 32 bytes');
    if (attesting >= limits.attestationsPending) throw new Refusal('busy', 'the device has enough to do');
    attesting += 1;
    try {
      const request = { userData: logId, nonce: challenge, publicKey: keys.signerPoint };
      const { document, certificateTable } = await attester.attest(request);
      const possession = signP256(keys.signer, registerMessage(logId, challenge));
      telemetry.count('attestations');
      return encodeAttested({ tee: attester.tee, document, certificateTable, possession });
    } finally {
      attesting -= 1;
    }
  }

  /** Bounds what is under way, so that a flood costs memory for neither requests nor receipts. */
  async function admitted(current: Epoch, work: (reservation: Reservation) => Promise<Answer>): Promise<Answer> {
    if (pending >= current.configuration.limits.pending) throw new Refusal('busy', `${pending} requests are under way`);
    const reservation = current.log.reserve();
    if (reservation === undefined) throw new Refusal('log_full', 'the host has not acknowledged enough leaves');
    pending += 1;
    try {
      return await work(reservation);
    } finally {
      pending -= 1;
      reservation.release();
    }
  }

  async function run(current: Epoch, request: Request, { under, onPiece, charge }: RunOptions): Promise<Answer> {
    const { configuration, releases } = current;
    const context = { configuration, releases, charge, executionOf, under, onPiece };
    const given = await admitted(current, (reservation) => answer(context, request, reservation));
    telemetry.countAnswer(given.status, given.error);
    return given;
  }

  async function plain(payload: Uint8Array, { under, send }: Arrived): Promise<Payload> {
    const current = ready();
    telemetry.count('plainRequests');
    const request = decodeRequest(payload);
    if ((request.header.flags & flag.sealed) !== 0n) throw new Refusal('malformed', 'it came unsealed and says sealed');
    const given = await run(current, request, { under, onPiece: send, charge: undefined });
    return plainAnswerParts({ status: Number(given.status), ...finalRecord(given) });
  }

  async function sealed(payload: Uint8Array, charged: boolean, arrived: Arrived): Promise<Uint8Array> {
    const current = ready();
    telemetry.count('sealedRequests');
    const { sessionId, rest } = decodeForSession(payload);
    const session = current.sessions.find(sessionId);
    if (session === undefined) throw new Refusal('session_unknown', 'no such session in this worker');
    const record = await openSealed(session, rest, charged);
    const records = answerRecords(session, record.number, arrived.send);
    if (record.kind === 'request') {
      return records.last(
        await sealedAnswer(current, { session, record, under: arrived.under, onPiece: records.piece }),
      );
    }
    if (record.kind === 'cancel') {
      return records.last(Uint8Array.of(cancellable.cancel(session, record.requestId) ? 1 : 0));
    }
    return records.last(await settleRecord(current.channels, session, record));
  }

  async function sealedAnswer(current: Epoch, { session, record, under, onPiece }: SealedRun): Promise<Uint8Array> {
    const { request, charged } = record;
    const { channel, requestId } = request.header;
    const mayCharge = charged && session.channel !== null && equalBytes(session.channel, channel);
    const charge = mayCharge ? current.channels.charge(channel) : undefined;
    const forget = cancellable.add(session, requestId, under);
    try {
      return encodeFinalRecord(finalRecord(await run(current, request, { under, onPiece, charge })));
    } finally {
      forget();
    }
  }

  async function handle(frame: Frame, arrived: Arrived): Promise<Payload> {
    switch (frame.kind) {
      case linkKind.configure:
        return configure(frame.payload);
      case linkKind.attest:
        return attest(frame.payload);
      case linkKind.release:
        await ready().releases.announce(decodeRelease(frame.payload));
        return new Uint8Array(0);
      case linkKind.file:
        return Uint8Array.of((await ready().releases.receive(decodeFilePiece(frame.payload))) ? 1 : 0);
      case linkKind.recipient:
        return ready().releases.recipient(decodeModelId(frame.payload));
      case linkKind.dataKey:
        ready().releases.unlock(decodeSealedDataKey(frame.payload));
        return new Uint8Array(0);
      case linkKind.unload:
        ready().releases.unload(decodeModelId(frame.payload));
        return new Uint8Array(0);
      case linkKind.handshake: {
        const { sessionId, message2 } = await ready().sessions.open(frame.payload);
        return encodeForSession(sessionId, message2);
      }
      case linkKind.sealed:
        return sealed(frame.payload, false, arrived);
      case linkKind.charged:
        return sealed(frame.payload, true, arrived);
      case linkKind.plain:
        return plain(frame.payload, arrived);
      default:
        throw new Refusal('malformed', `no frame of kind ${frame.kind}`);
    }
  }

  function acknowledge(payload: Uint8Array): void {
    try {
      epoch?.log.acknowledge(decodeAcknowledge(payload));
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
  }

  function reply(frame: Frame, link: Link): void {
    const under = beginRequest();
    const requests = underWay.get(link);
    requests?.set(frame.id, under);
    const send = (payload: Uint8Array): void => link.send({ id: frame.id, kind: linkKind.piece, payload });
    handle(frame, { under, send })
      .then(
        (payload) => {
          countDone(telemetry, frame.kind, payload);
          link.send({ id: frame.id, kind: linkKind.reply, payload });
        },
        (error: unknown) => {
          const refusal = explain(error);
          countRefused(telemetry, frame.kind, refusal.code);
          link.send({ id: frame.id, kind: linkKind.refusal, payload: encodeRefusal(refusal) });
        },
      )
      .finally(() => {
        if (requests?.get(frame.id) === under) requests.delete(frame.id);
      });
  }

  await serveLink(options.linkPath, {
    onConnect(link) {
      host = link;
      underWay.set(link, new Map());
      const models = epoch?.releases.ids() ?? [];
      const size = epoch?.log.size ?? 0;
      const acknowledged = epoch?.log.acknowledged ?? 0;
      const state = encodeState({ version: 1, ready: epoch?.ready ?? null, size, acknowledged, models });
      link.send({ id: 0, kind: linkKind.state, payload: state });
      for (const entries of epoch?.log.unacknowledged() ?? []) {
        link.send({ id: 0, kind: linkKind.entries, payload: encodeEntries(entries) });
      }
      telemetry.repeat();
    },
    onFrame(frame, link) {
      if (frame.kind === linkKind.acknowledge) acknowledge(frame.payload);
      else if (frame.kind === linkKind.abandon) underWay.get(link)?.get(frame.id)?.end('host');
      else reply(frame, link);
    },
    onClose(link) {
      for (const under of underWay.get(link)?.values() ?? []) under.end('host');
      underWay.delete(link);
    },
  });
}

/** What a request that arrived in a frame has beside its payload. */
interface Arrived {
  readonly under: UnderWay;
  /** Sends a piece of its answer. */
  readonly send: (payload: Uint8Array) => void;
}

interface RunOptions {
  readonly under: UnderWay;
  readonly onPiece: (bytes: Uint8Array) => void;
  readonly charge: Charge | undefined;
}

interface SealedRun extends Omit<RunOptions, 'charge'> {
  readonly session: Session;
  readonly record: RequestRecord;
}

function finalRecord({ bundle, format, body }: Answer): FinalRecord {
  return { bundle: encodeBundle(bundle), format: Number(format), jsonLength: body.jsonLength, body: body.body };
}

function countDone(telemetry: Telemetry, kind: number, reply: Payload): void {
  if (kind === linkKind.handshake) telemetry.count('sessionsOpened');
  if (kind === linkKind.unload) telemetry.count('modelsUnloaded');
  // The last piece of a release is answered once its model runs.
  if (kind === linkKind.file && reply[0] === 1) telemetry.count('modelsLoaded');
}

const RELEASE_KINDS: ReadonlySet<number> = new Set([
  linkKind.release,
  linkKind.file,
  linkKind.recipient,
  linkKind.dataKey,
]);

function countRefused(telemetry: Telemetry, kind: number, code: WorkerRefusalCode): void {
  if (kind === linkKind.handshake) telemetry.count('handshakesRefused');
  else if (RELEASE_KINDS.has(kind)) telemetry.count('modelsRefused');
  else telemetry.countRefusal(code);
}

function parseConfiguration(bytes: Uint8Array): Configuration {
  try {
    return decodeConfiguration(bytes);
  } catch (error) {
    if (error instanceof WireError) throw new Refusal('configuration_invalid', error.message);
    throw error;
  }
}

/** What a host is told: a code of the closed list, and no text that a request could have shaped. */
function explain(error: unknown): { readonly code: Refusal['code']; readonly detail: string } {
  if (error instanceof Refusal) return { code: error.code, detail: error.message };
  if (error instanceof AttesterError) return { code: 'attestation_failed', detail: error.code };
  if (error instanceof WireError) return { code: 'malformed', detail: error.code };
  return { code: 'internal', detail: '' };
}
