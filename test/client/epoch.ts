import { ClientError } from '../../client/index.ts';
import { makeAuthority } from '../../enclave/simulator/authority.ts';
import { createNsm } from '../../enclave/simulator/nsm.ts';
import { systemChance } from '../../enclave/simulator/signing.ts';
import { type Answering, answer } from '../../enclave/worker/answer.ts';
import { createChannels } from '../../enclave/worker/channels.ts';
import { parseCpuInfo } from '../../enclave/worker/cpu.ts';
import { executionsOf } from '../../enclave/worker/executions.ts';
import { createSecretSource } from '../../enclave/worker/keys.ts';
import { createLog, type ReceiptDraft, type Reservation, type TransparencyLog } from '../../enclave/worker/log.ts';
import { openSealed, settleRecord } from '../../enclave/worker/records.ts';
import { createReleases } from '../../enclave/worker/releases.ts';
import { runtime } from '../../enclave/worker/runtime.ts';
import { createSessions } from '../../enclave/worker/sessions.ts';
import { concatBytes, equalBytes, fromHex, toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { decodeBundle, encodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import type { Evidence } from '../../wire/message/evidence.ts';
import { encodeRuntime } from '../../wire/message/execution.ts';
import { encodeIdentity, logPreimage, type TeeName } from '../../wire/message/identity.ts';
import { encodeForSession } from '../../wire/message/link.ts';
import type { NsmRequest, NsmResponse } from '../../wire/message/nsm.ts';
import { operation, type Request, type RequestHeader } from '../../wire/message/request.ts';
import { encodeFinalRecord, type FinalRecord } from '../../wire/message/session.ts';
import { sealRecord } from '../../wire/noise/index.ts';
import { type FakePool, noRecipients, type TestRelease } from '../enclave/worker/core/harness.ts';
import { type Script, speak } from './language-worker.ts';
import { image, machine, measurement, root } from './machines.ts';

/** What a hostile image says in place of what was decided, properly signed and sealed. */
export interface Bends {
  readonly headers: RequestHeader[];
  readonly script: Script;
  now: number;
  onReceipt: (draft: ReceiptDraft) => ReceiptDraft;
  onBundle: (bundle: ReceiptBundle) => ReceiptBundle;
  onAnswer: (answer: FinalRecord) => FinalRecord;
  /** What the worker says of a channel: `AccountState` on the wire. */
  onAccount: (said: Uint8Array) => Uint8Array;
}

export type Image = typeof image;

export interface EpochOptions {
  readonly tee: TeeName;
  readonly configured: Uint8Array;
  readonly pool: FakePool;
  readonly loaded: readonly TestRelease[];
  readonly bends: Bends;
  /** What the hardware measured; of the usual program where nothing is said. */
  readonly measured?: Image;
}

/** One process of the worker: its keys, its log, its sessions. */
export interface Epoch {
  readonly logId: Uint8Array;
  log: TransparencyLog;
  newLog(): TransparencyLog;
  evidence(challenge: Uint8Array): Evidence;
  open(message1: Uint8Array): Promise<Uint8Array>;
  /** The records of the answer as they come. */
  sealed(sessionId: Uint8Array, payload: Uint8Array, charged: boolean): AsyncGenerator<Uint8Array, void, undefined>;
}

type Answered<Kind> = Extract<NsmResponse, { readonly kind: Kind }>;

export async function startEpoch(options: EpochOptions): Promise<Epoch> {
  const { tee, configured, pool, loaded, bends, measured = image } = options;
  const nsm = createNsm({
    authority: makeAuthority({
      root,
      instanceId: 'i-0123456789abcdef0',
      enclaveId: fromHex('019b55a68bd2ed4b'),
      chance: systemChance,
    }),
    registers: { ...measured, pcr3: new Uint8Array(48), pcr4: new Uint8Array(48) },
    clock: () => bends.now,
    chance: systemChance,
    encoding: 'definite',
  });
  const ask = <Kind extends NsmRequest['kind']>(request: NsmRequest & { readonly kind: Kind }): Answered<Kind> =>
    nsm(request) as Answered<Kind>;
  const config = sha256(configured);
  ask({ kind: 'ExtendPCR', index: 16, data: config });
  ask({ kind: 'LockPCR', index: 16 });
  const { keys, ephemeral } = createSecretSource(ask({ kind: 'GetRandom' }).random);
  const configuration = decodeConfiguration(configured);
  const { operator, chainId, registry, settlement } = configuration;
  const words = {
    version: 1n,
    signerX: keys.signerPoint.slice(1, 33),
    signerY: keys.signerPoint.slice(33),
    sealKey: keys.seal.publicKey,
    operator,
    chainId,
    registry,
    settlement,
    config,
    runtime: sha256(encodeRuntime(runtime)),
  };
  const identity = encodeIdentity(words);
  const logId = sha256(logPreimage(identity));
  const sessions = createSessions({ log: logId, seal: keys.seal, ephemeral, capacity: 64 });
  const channels = createChannels({ identity: words, log: logId, capacity: configuration.limits.channels });
  const releases = createReleases({ configuration, runtime, pool, makeRecipient: noRecipients });
  // A language model is the script's own: the real worker's store takes what its engine runs.
  for (const { signed, modelId, files } of loaded.filter(({ manifest }) => manifest.kind === 'tensor')) {
    await releases.announce(signed);
    for (const [file, bytes] of files.entries()) await releases.receive({ modelId, file, bytes });
  }
  const context: Omit<Answering, 'charge'> = {
    configuration,
    releases,
    executionOf: executionsOf({ ...runtime, ...parseCpuInfo('') }),
    under: { endedBy: null, signal: new AbortController().signal },
    onPiece: () => undefined,
  };
  const cancelled = new Set<string>();
  const running = new Set<string>();
  const newLog = (): TransparencyLog =>
    createLog({
      ...{ chainId, settlement, log: logId, signer: keys.signer, capacity: 100_000 },
      onEntries: () => {},
      onFatal: () => {},
    });

  /** Pieces and the end; only language models have pieces. */
  async function* answered(
    request: Request,
    reservation: Reservation,
    charge: ReturnType<typeof channels.charge>,
  ): AsyncGenerator<Uint8Array, FinalRecord, undefined> {
    const language = request.header.operation !== operation.infer;
    if (language && loaded.some(({ modelId }) => equalBytes(modelId, request.header.modelId))) {
      const id = toHex(request.header.requestId);
      running.add(id);
      try {
        return yield* speak(bends.script, request, { reservation, charge, isCancelled: () => cancelled.has(id) });
      } finally {
        running.delete(id);
      }
    }
    const { bundle, format, body } = await answer({ ...context, charge }, request, reservation);
    return { bundle: encodeBundle(bundle), format: Number(format), jsonLength: body.jsonLength, body: body.body };
  }

  const made: Epoch = {
    logId,
    log: newLog(),
    newLog,
    evidence: (challenge) => ({
      version: 1,
      tee,
      ...(tee === 'aws-nitro'
        ? {
            document: ask({ kind: 'Attestation', userData: logId, nonce: challenge, publicKey: keys.signerPoint })
              .document,
            certificates: [],
          }
        : {
            document: machine.report({ reportData: concatBytes(logId, challenge), measurement }),
            certificates: machine.certificates,
          }),
      revocationLists: [],
      identity,
      configuration: configured,
      runtime: encodeRuntime(runtime),
    }),
    async open(message1) {
      const { sessionId, message2 } = await sessions.open(message1);
      return encodeForSession(sessionId, message2);
    },
    async *sealed(sessionId, payload, charged) {
      const session = sessions.find(sessionId);
      if (session === undefined) throw new ClientError('session_lost', 'unknown', { reason: 'session_unknown' });
      const { sendKey, handshakeHash } = session.transport;
      const reply = (request: number, chunk: number, final: boolean, data: Uint8Array): Promise<Uint8Array> => {
        const place = { direction: 'to-client', request, chunk, final } as const;
        return sealRecord(nodeSuite, sendKey, handshakeHash, place, data, chunk > 0 || !final ? 'stream' : 'body');
      };
      const record = await openSealed(session, payload, charged);
      if (record.kind === 'cancel') {
        const id = toHex(record.requestId);
        const known = running.has(id);
        if (known) cancelled.add(id);
        yield reply(record.number, 0, true, Uint8Array.of(known ? 1 : 0));
        return;
      }
      if (record.kind !== 'request') {
        const state = bends.onAccount(await settleRecord(channels, session, record));
        yield reply(record.number, 0, true, state);
        return;
      }
      const { request, number } = record;
      bends.headers.push(request.header);
      const reservation = made.log.reserve();
      if (reservation === undefined) throw new ClientError('host_error', 'full', { reason: 'log_full' });
      const mine = session.channel !== null && equalBytes(session.channel, request.header.channel);
      const charge = mine ? channels.charge(request.header.channel) : undefined;
      const bent: Reservation = {
        ...reservation,
        record: (draft, execution) => reservation.record(bends.onReceipt(draft), execution),
      };
      const answering = answered(request, bent, charge);
      let chunk = 0;
      let next = await answering.next();
      while (next.done !== true) {
        yield reply(number, chunk++, false, next.value);
        next = await answering.next();
      }
      const bundle = encodeBundle(bends.onBundle(decodeBundle(next.value.bundle)));
      const said = bends.onAnswer({ ...next.value, bundle });
      yield reply(number, chunk, true, encodeFinalRecord(said));
    },
  };
  return made;
}
