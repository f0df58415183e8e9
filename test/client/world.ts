import type { Client, ClientOptions, HostTransport, InferCall } from '../../client/index.ts';
import { ClientError, createClient } from '../../client/index.ts';
import { createRoot, makeAuthority } from '../../enclave/simulator/authority.ts';
import { createNsm } from '../../enclave/simulator/nsm.ts';
import { systemChance } from '../../enclave/simulator/signing.ts';
import { createSnpRoot, makeSnpAuthority } from '../../enclave/simulator/snp/authority.ts';
import { type Answering, answer } from '../../enclave/worker/answer.ts';
import { createChannels } from '../../enclave/worker/channels.ts';
import { parseCpuInfo } from '../../enclave/worker/cpu.ts';
import { createSecretSource } from '../../enclave/worker/keys.ts';
import { createLog, type ReceiptDraft, type Reservation, type TransparencyLog } from '../../enclave/worker/log.ts';
import { openSealed, settleRecord } from '../../enclave/worker/records.ts';
import { createReleases } from '../../enclave/worker/releases.ts';
import { runtime } from '../../enclave/worker/runtime.ts';
import { createSessions } from '../../enclave/worker/sessions.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { concatBytes, equalBytes, fromHex, toBase64url, toHex, utf8 } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { encodeBundle, type ReceiptBundle } from '../../wire/message/bundle.ts';
import { decodeConfiguration } from '../../wire/message/configuration.ts';
import { type Evidence, encodeEvidence } from '../../wire/message/evidence.ts';
import { encodeExecution, encodeRuntime } from '../../wire/message/execution.ts';
import { encodeIdentity, logPreimage, type TeeName } from '../../wire/message/identity.ts';
import { encodeForSession } from '../../wire/message/link.ts';
import type { NsmRequest, NsmResponse } from '../../wire/message/nsm.ts';
import type { RequestHeader } from '../../wire/message/request.ts';
import { encodeFinalRecord, type FinalRecord } from '../../wire/message/session.ts';
import { sealRecord } from '../../wire/noise/index.ts';
import {
  type ConfigurationChanges,
  configurationBytes,
  createFakePool,
  type FakePool,
  noRecipients,
  publisher,
  release,
  type TestRelease,
  x,
} from '../enclave/worker/core/harness.ts';
import { snpPolicyJson } from '../support/snp-evidence.ts';
import { snpKeys } from '../vectors/corpus/snp/keys.ts';

/**
 * A proven worker and a host in one process, made of the worker's own parts: what it says can be bent after it was
 * decided and before it is sealed, which no host can do and only a hostile image could.
 */
export interface World {
  readonly demo: TestRelease;
  readonly pool: FakePool;
  readonly rules: { readonly [rule: string]: JsonValue };
  now: number;
  /** Every call that reached the host, as `GET path` or `POST path`, with ids cut off. */
  readonly calls: string[];
  readonly headers: RequestHeader[];
  /** What the host does instead of passing on. */
  onGet: (path: string, reply: Uint8Array) => Promise<Uint8Array>;
  onPost: (path: string, pass: () => Promise<Uint8Array>) => Promise<Uint8Array>;
  /** What a hostile image puts into its log, properly signed. */
  onReceipt: (draft: ReceiptDraft) => ReceiptDraft;
  onBundle: (bundle: ReceiptBundle) => ReceiptBundle;
  onAnswer: (answer: FinalRecord) => FinalRecord;
  /** What the worker says of a channel: `AccountState` on the wire. */
  onAccount: (said: Uint8Array) => Uint8Array;
  /** A second history under the same name and key, from nothing. */
  fork(): void;
  /** Another process of the same image: new keys, and no session is known. */
  restart(): Promise<void>;
  readonly host: HostTransport;
  client(
    changes?: { readonly [rule: string]: JsonValue },
    options?: Pick<ClientOptions, 'moments' | 'payment'>,
  ): Client;
  readonly call: InferCall;
}

const START = Date.UTC(2026, 10, 21, 12);
const HOUR = 3_600_000;
const image = { pcr0: new Uint8Array(48).fill(1), pcr1: new Uint8Array(48).fill(2), pcr2: new Uint8Array(48).fill(3) };
const root = createRoot({ now: START - HOUR, key: systemChance.key(), chance: systemChance });
const demo = release([utf8('model')]);

/** The same worker on the other hardware: RSA keys take seconds to make, so that published ones sign. */
const machine = makeSnpAuthority({
  root: createSnpRoot({ product: 'Genoa', now: START - HOUR, keys: snpKeys, chance: systemChance }),
  signer: 'vcek',
  now: START - HOUR,
  chance: systemChance,
});
const measurement = new Uint8Array(48).fill(4);

const rules: { readonly [rule: string]: JsonValue } = {
  version: 1,
  name: 'client tests',
  expires: '2027-01-01T00:00:00Z',
  tee: 'aws-nitro',
  level: 'simulated',
  roots: [toHex(sha256(root.certificate))],
  images: [{ pcr0: toHex(image.pcr0), pcr1: toHex(image.pcr1), pcr2: toHex(image.pcr2) }],
  pcrs: { '3': 'any', '4': 'any', '8': 'any' },
  debug: 'refuse',
  maxAgeSeconds: 600,
  futureSkewSeconds: 0,
  leafLifetimeSeconds: 10_800,
  moduleId: 'matches-certificate',
  regions: 'any',
  unknownFields: 'refuse',
  userDataLimit: 512,
  configurations: 'any',
  runtimes: 'any',
  operators: 'any',
  chain: 'any',
  publishers: [toHex(publisher.owner)],
  models: [toHex(demo.modelId)],
  sealed: 'required',
  headers: 'client-only',
  anchors: 'none',
  denied: { certificates: [], modules: [], images: [] },
};

type Answered<Kind> = Extract<NsmResponse, { readonly kind: Kind }>;

interface Epoch {
  log: TransparencyLog;
  newLog(): TransparencyLog;
  evidence(challenge: Uint8Array): Evidence;
  open(message1: Uint8Array): Promise<Uint8Array>;
  sealed(sessionId: Uint8Array, payload: Uint8Array, charged: boolean): Promise<Uint8Array>;
}

/** What a policy asks of the simulated machine beside a worker's rules. */
function snpRules(): { readonly [rule: string]: JsonValue } {
  return {
    ...snpPolicyJson(),
    ...Object.fromEntries(WORKER_RULES.map((name) => [name, rules[name] as JsonValue])),
    name: 'client tests',
    expires: '2027-01-01T00:00:00Z',
    roots: [toHex(sha256(machine.certificates[2]))],
    measurements: [toHex(measurement)],
    maxAgeSeconds: 600,
  };
}

const WORKER_RULES = [
  'configurations',
  'runtimes',
  'operators',
  'chain',
  'publishers',
  'models',
  'sealed',
  'headers',
  'anchors',
];

export async function createWorld(
  changes: ConfigurationChanges = {},
  { tee = 'aws-nitro' }: { readonly tee?: TeeName } = {},
): Promise<World> {
  const rulesHere = tee === 'aws-nitro' ? rules : snpRules();
  const configured = configurationBytes(changes);
  const pool = createFakePool();
  let epoch: Epoch;

  async function startEpoch(): Promise<Epoch> {
    const nsm = createNsm({
      authority: makeAuthority({
        root,
        instanceId: 'i-0123456789abcdef0',
        enclaveId: fromHex('019b55a68bd2ed4b'),
        chance: systemChance,
      }),
      registers: { ...image, pcr3: new Uint8Array(48), pcr4: new Uint8Array(48) },
      clock: () => world.now,
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
    await releases.announce(demo.signed);
    await releases.receive({ modelId: demo.modelId, file: 0, bytes: utf8('model') });
    const context: Omit<Answering, 'charge'> = {
      configuration,
      releases,
      executionOf: (detail) => encodeExecution({ ...runtime, ...parseCpuInfo(''), ...detail }),
      signal: new AbortController().signal,
      onPiece: () => undefined,
    };
    const newLog = (): TransparencyLog =>
      createLog({
        chainId,
        settlement,
        log: logId,
        signer: keys.signer,
        capacity: 1_000,
        onEntries: () => {},
        onFatal: () => {},
      });
    const made: Epoch = {
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
      async sealed(sessionId, payload, charged) {
        const session = sessions.find(sessionId);
        if (session === undefined) throw new ClientError('session_lost', 'unknown', { reason: 'session_unknown' });
        const { sendKey, handshakeHash } = session.transport;
        const record = await openSealed(session, payload, charged);
        const place = { direction: 'to-client', request: record.number, chunk: 0, final: true } as const;
        if (record.kind === 'cancel') throw new TypeError('nothing here can be cancelled');
        if (record.kind !== 'request') {
          const state = world.onAccount(await settleRecord(channels, session, record));
          return sealRecord(nodeSuite, sendKey, handshakeHash, place, state, 'body');
        }
        const { request } = record;
        world.headers.push(request.header);
        const reservation = made.log.reserve();
        if (reservation === undefined) throw new ClientError('host_error', 'full', { reason: 'log_full' });
        const mine = session.channel !== null && equalBytes(session.channel, request.header.channel);
        const charge = mine ? channels.charge(request.header.channel) : undefined;
        const bent: Reservation = {
          ...reservation,
          record: (draft, execution) => reservation.record(world.onReceipt(draft), execution),
        };
        const { bundle, format, body } = await answer({ ...context, charge }, request, bent);
        const said = world.onAnswer({
          bundle: encodeBundle(world.onBundle(bundle)),
          format: Number(format),
          jsonLength: body.jsonLength,
          body: body.body,
        });
        return sealRecord(nodeSuite, sendKey, handshakeHash, place, encodeFinalRecord(said), 'body');
      },
    };
    return made;
  }

  const served = (path: string): Uint8Array => {
    if (path.startsWith('/v1/evidence?challenge=')) return encodeEvidence(epoch.evidence(fromHex(path.slice(23), 32)));
    const { manifest, owner, signature } = demo.signed;
    return utf8(
      JSON.stringify({
        manifest: toBase64url(manifest),
        owner: toBase64url(owner),
        signature: toBase64url(signature),
      }),
    );
  };
  const passed = (path: string, body: Uint8Array): Promise<Uint8Array> => {
    if (path === '/v1/sessions') return epoch.open(body);
    const [id = '', charged] = path.slice('/v1/sessions/'.length).split('/');
    return epoch.sealed(fromHex(id, 16), body, charged === 'charged');
  };
  const named = (path: string): string => path.replace(/[0-9a-f]{32,}/, '*');

  const world: World = {
    demo,
    pool,
    rules: rulesHere,
    now: START,
    calls: [],
    headers: [],
    onGet: async (_, reply) => reply,
    onPost: (_, pass) => pass(),
    onReceipt: (draft) => draft,
    onBundle: (bundle) => bundle,
    onAnswer: (said) => said,
    onAccount: (said) => said,
    fork: () => {
      epoch.log = epoch.newLog();
    },
    restart: async () => {
      epoch = await startEpoch();
    },
    host: {
      get(path) {
        world.calls.push(`GET ${named(path)}`);
        return world.onGet(path, served(path));
      },
      post(path, body) {
        world.calls.push(`POST ${named(path)}`);
        return world.onPost(named(path), () => passed(path, body));
      },
    },
    client: (answers = {}, options = {}) =>
      createClient({
        host: world.host,
        policy: parseWorkerPolicy({ ...rulesHere, ...answers }),
        suite: nodeSuite,
        now: () => world.now,
        ...options,
      }),
    call: { modelId: demo.modelId, inputs: [x], outputs: 'all', format: 'binary' },
  };
  epoch = await startEpoch();
  return world;
}

export const EVIDENCE = 'GET /v1/evidence?challenge=*';
export const HANDSHAKE = 'POST /v1/sessions';
export const RELEASE = 'GET /v1/releases/*';
export const RECORD = 'POST /v1/sessions/*';
export const CHARGED = 'POST /v1/sessions/*/charged';

/** `code/reason` of a client's refusal. */
export async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
    return 'accepted';
  } catch (error) {
    if (error instanceof ClientError) return `${error.code}/${error.reason}`;
    throw error;
  }
}
