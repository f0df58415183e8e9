import type { Client, ClientOptions, HostTransport, InferCall } from '../../client/index.ts';
import { ClientError, createClient } from '../../client/index.ts';
import { Refusal } from '../../enclave/worker/refusal.ts';
import { parseWorkerPolicy } from '../../verifier/index.ts';
import { concatBytes, fromHex, toBase64url, toHex, utf8 } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { type Evidence, encodeEvidence } from '../../wire/message/evidence.ts';
import type { TeeName } from '../../wire/message/identity.ts';
import { encodeRecordFrame } from '../../wire/message/session.ts';
import {
  type ConfigurationChanges,
  configurationBytes,
  createFakePool,
  type FakePool,
  publisher,
  release,
  type TestRelease,
  x,
} from '../enclave/worker/core/harness.ts';
import { snpPolicyJson } from '../support/snp-evidence.ts';
import { type Bends, type Epoch, type Image, startEpoch } from './epoch.ts';
import { createScript } from './language-worker.ts';
import { image, machine, measurement, root, START } from './machines.ts';

/**
 * A proven worker and a host in one process, made of the worker's own parts: what it says can be bent after it was
 * decided and before it is sealed, which no host can do and only a hostile image could.
 */
export interface World extends Bends {
  readonly demo: TestRelease;
  /** A model that speaks as `script` says. */
  readonly chat: TestRelease;
  readonly pool: FakePool;
  readonly rules: { readonly [rule: string]: JsonValue };
  readonly log: Uint8Array;
  readonly models: readonly TestRelease[];
  /** What lies beside a release as its owner's word, by model id in hex. */
  readonly statuses: Map<string, Uint8Array>;
  /** Whether the host keeps answers, as clients ask it to. */
  keeping: boolean;
  /** Every call that reached the host, as `GET path` or `POST path`, with ids and queries cut off. */
  readonly calls: string[];
  /** What the host does instead of passing on. */
  onGet: (path: string, reply: Uint8Array) => Promise<Uint8Array>;
  onPost: (path: string, pass: () => Promise<Uint8Array>) => Promise<Uint8Array>;
  /** The frames of a streamed answer on their way. */
  onStream: (frames: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
  /** A second history under the same name and key, from nothing. */
  fork(): void;
  /** Another process of the same image: new keys, and no session is known. */
  restart(): Promise<void>;
  evidence(challenge: Uint8Array): Evidence;
  readonly host: HostTransport;
  client(changes?: { readonly [rule: string]: JsonValue }, options?: WorldClientOptions): Client;
  readonly call: InferCall;
}

type WorldClientOptions = Partial<Omit<ClientOptions, 'policy' | 'suite' | 'now'>>;

const demo = release([utf8('model')]);
const chat = release([utf8('model')], { name: 'demo-chat', kind: 'text-generation' });

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
  models: [toHex(demo.modelId), toHex(chat.modelId)],
  sealed: 'required',
  headers: 'client-only',
  anchors: 'none',
  denied: { certificates: [], modules: [], images: [] },
};

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

export interface WorldOptions {
  readonly tee?: TeeName;
  readonly models?: readonly TestRelease[];
  /** Of another program, for hosts that run one. */
  readonly measured?: Image;
  /** What every tensor model turns out to take and give. */
  readonly tensors?: Pick<FakePool, 'inputs' | 'outputs'>;
}

/** What came of a request that named its number. */
interface Kept {
  readonly records: Uint8Array[];
  readonly framed: boolean;
  over: boolean;
}

export async function createWorld(
  changes: ConfigurationChanges = {},
  { tee = 'aws-nitro', models = [demo, chat], measured = image, tensors }: WorldOptions = {},
): Promise<World> {
  const rulesHere = tee === 'aws-nitro' ? rules : snpRules();
  const configured = configurationBytes({ prices: usualPrices, ...changes });
  const pool = Object.assign(createFakePool(), tensors);
  const kept = new Map<string, Kept>();
  let epoch: Epoch;
  const start = (): Promise<Epoch> => startEpoch({ tee, configured, pool, loaded: models, bends: world, measured });

  const served = (path: string): Uint8Array => {
    const challenge = /^\/v1\/evidence\?challenge=([0-9a-f]{64})/.exec(path)?.[1];
    if (challenge !== undefined) return encodeEvidence(epoch.evidence(fromHex(challenge, 32)));
    if (path === '/v1/releases') {
      return json(
        models.map(({ modelId, manifest: { name, version } }) => ({ modelId: toHex(modelId), name, version })),
      );
    }
    if (path === '/v1/workers') {
      const names = models.map(({ modelId }) => toHex(modelId));
      return json([{ log: toHex(epoch.logId), state: 'ready', models: names, tee }]);
    }
    const asked = /^\/v1\/releases\/([0-9a-f]{64})\/status$/.exec(path)?.[1];
    if (asked !== undefined) return statusOf(asked);
    if (path.startsWith('/v1/responses/')) return keptBytes(path.slice('/v1/responses/'.length));
    const signed = models.find(({ modelId }) => path === `/v1/releases/${toHex(modelId)}`)?.signed;
    if (signed === undefined) throw new ClientError('host_error', 'nothing', { reason: 'not_found' });
    const { manifest, owner, signature } = signed;
    return json({
      manifest: toBase64url(manifest),
      owner: toBase64url(owner),
      signature: toBase64url(signature),
    });
  };

  function statusOf(modelId: string): Uint8Array {
    const bytes = world.statuses.get(modelId);
    if (bytes === undefined) throw new ClientError('host_error', 'none', { reason: 'status_unknown' });
    return bytes;
  }

  function keptBytes(id: string): Uint8Array {
    const found = kept.get(id);
    if (found === undefined) throw new ClientError('host_error', 'none', { reason: 'response_unknown' });
    if (!found.over) throw new ClientError('host_error', 'later', { reason: 'response_pending' });
    return concatBytes(...(found.framed ? found.records.map(encodeRecordFrame) : found.records));
  }

  /** The answer is made whether somebody waits for it or not, as by a host that keeps answers. */
  function run(path: string, body: Uint8Array, requestId: Uint8Array | undefined, framed: boolean): Kept {
    const [id = '', charged] = path.slice('/v1/sessions/'.length).split('/');
    const here: Kept = { records: [], framed, over: false };
    if (requestId !== undefined && world.keeping) kept.set(toHex(requestId), here);
    const records = epoch.sealed(fromHex(id, 16), body, charged === 'charged');
    const ended = (async () => {
      try {
        for await (const record of records) {
          here.records.push(record);
          wake(here);
        }
      } catch (error) {
        if (requestId !== undefined) kept.delete(toHex(requestId));
        throw error instanceof Refusal ? new ClientError('host_error', '', { reason: error.code }) : error;
      } finally {
        here.over = true;
        wake(here);
      }
    })();
    ended.catch(() => {});
    ends.set(here, ended);
    return here;
  }

  async function posted(path: string, body: Uint8Array, requestId: Uint8Array | undefined): Promise<Uint8Array> {
    if (path.startsWith('/v1/sessions?') || path === '/v1/sessions') return epoch.open(body);
    const here = run(path, body, requestId, false);
    await ends.get(here);
    return here.records[0] as Uint8Array;
  }

  const world: World = {
    demo,
    chat,
    models,
    statuses: new Map(),
    pool,
    script: createScript(),
    rules: rulesHere,
    now: START,
    keeping: true,
    calls: [],
    headers: [],
    get log() {
      return epoch.logId;
    },
    onGet: async (_, reply) => reply,
    onPost: (_, pass) => pass(),
    onStream: (frames) => frames,
    onReceipt: (draft) => draft,
    onBundle: (bundle) => bundle,
    onAnswer: (said) => said,
    onAccount: (said) => said,
    fork: () => {
      epoch.log = epoch.newLog();
    },
    restart: async () => {
      epoch = await start();
    },
    evidence: (challenge) => epoch.evidence(challenge),
    host: {
      get(path) {
        world.calls.push(`GET ${named(path)}`);
        return Promise.resolve().then(() => world.onGet(path, served(path)));
      },
      post(path, body, _maxBytes, { requestId } = {}) {
        world.calls.push(`POST ${named(path)}`);
        return world.onPost(named(path), () => posted(path, body, requestId));
      },
      async stream(path, body, { requestId } = {}) {
        world.calls.push(`${body === null ? 'GET' : 'POST'} ${named(path)}`);
        if (body === null) {
          const bytes = await world.onGet(path, served(path));
          return { framed: true, chunks: one(bytes) };
        }
        // The usual hook first: a host that is away is away for streams, too.
        await world.onPost(named(path), async () => new Uint8Array(0));
        const here = run(path, body, requestId, true);
        return { framed: true, chunks: world.onStream(follow(here)) };
      },
    },
    client: (answers = {}, options = {}) =>
      createClient({
        host: world.host,
        policy: parseWorkerPolicy({ ...rulesHere, ...answers }),
        suite: nodeSuite,
        now: () => world.now,
        pause: () => new Promise((resolve) => setTimeout(resolve, 2)),
        models: { 'demo-chat': chat.modelId, demo: demo.modelId },
        ...options,
      }),
    call: { modelId: demo.modelId, inputs: [x], outputs: 'all', format: 'binary' },
  };
  epoch = await start();
  return world;
}

const usualPrices: NonNullable<ConfigurationChanges['prices']> = [0, 1, 2].map((operation) => ({
  model: 'any',
  operation,
  unitPrice: operation === 0 ? 5n : 2n,
}));

const ends = new WeakMap<Kept, Promise<void>>();
const waiting = new WeakMap<Kept, () => void>();

function wake(here: Kept): void {
  waiting.get(here)?.();
}

/** The records of an answer as frames, as they come. */
async function* follow(here: Kept): AsyncGenerator<Uint8Array> {
  for (let sent = 0; ; ) {
    const record = here.records[sent];
    if (record !== undefined) {
      sent += 1;
      yield encodeRecordFrame(record);
    } else if (here.over) {
      await ends.get(here);
      return;
    } else {
      await new Promise<void>((resolve) => waiting.set(here, resolve));
    }
  }
}

async function* one(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

function json(value: unknown): Uint8Array {
  return utf8(JSON.stringify(value));
}

function named(path: string): string {
  return path.replace(/[0-9a-f]{32,}/, '*').replace(/\?log=.*|&log=.*/, '');
}

export const EVIDENCE = 'GET /v1/evidence?challenge=*';
export const HANDSHAKE = 'POST /v1/sessions';
export const RELEASE = 'GET /v1/releases/*';
export const STATUS = 'GET /v1/releases/*/status';
export const RECORD = 'POST /v1/sessions/*';
export const CHARGED = 'POST /v1/sessions/*/charged';
export const KEPT = 'GET /v1/responses/*';
export const WORKERS = 'GET /v1/workers';

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
