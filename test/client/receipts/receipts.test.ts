import { beforeEach, describe, expect, it } from 'vitest';
import { exitCodeOfClientError } from '../../../cli/commands/infer.ts';
import { headJson, headText, lookupsJson, lookupsText } from '../../../cli/receipts/render.ts';
import { ClientError, type LanguageResult } from '../../../client/index.ts';
import { archiveOfLookup } from '../../../client/receipts/archive.ts';
import { type Lookup, type Lookups, lookUpReceipts } from '../../../client/receipts/lookup.ts';
import { type NewestHead, newestHead } from '../../../client/receipts/newest-head.ts';
import type { Asker } from '../../../client/receipts/prove-worker.ts';
import { parseWorkerPolicy, verifyArchive } from '../../../verifier/index.ts';
import { toBase64url, toHex, utf8 } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { decodeArchive } from '../../../wire/message/archive.ts';
import { encodeBundle, type ReceiptBundle } from '../../../wire/message/bundle.ts';
import { decodeCheckpoint } from '../../../wire/message/checkpoint.ts';
import { encodeEvidence } from '../../../wire/message/evidence.ts';
import { createWorld, type World } from '../world.ts';

const plain = { colours: false };
let world: World;
let before: LanguageResult;
let answer: LanguageResult;
/** What the host shows. */
let shown: ReceiptBundle;
/** Where it says that receipts stand, and what it shows for each; one that is null was dropped. */
let places:
  | readonly { readonly log: Uint8Array; readonly index: number; readonly bundle: ReceiptBundle | null }[]
  | 'unknown';
let evidenceFrom: World | 'none';

beforeEach(async () => {
  world = await createWorld();
  const ask = { model: 'demo-chat', messages: [{ role: 'user', content: 'Say hello' }] };
  const client = world.client();
  before = await client.chat(ask);
  answer = await client.chat(ask);
  shown = answer.bundle;
  evidenceFrom = world;
  places = 'unknown';
});

function asker(rules: { readonly [rule: string]: JsonValue } = {}): Asker {
  return {
    policy: parseWorkerPolicy({ ...world.rules, ...rules }),
    suite: nodeSuite,
    now: () => world.now,
    host: {
      ...world.host,
      async get(path, maxBytes) {
        if (path.startsWith('/v1/receipts/')) return receiptAt(path);
        if (path.startsWith('/v1/log/head')) {
          const { head, signature } = shown;
          const said = { log: toHex(world.log), size: 2, head: toBase64url(head), signature: toBase64url(signature) };
          return utf8(JSON.stringify(said));
        }
        const challenge = /^\/v1\/evidence\?challenge=([0-9a-f]{64})/.exec(path)?.[1];
        if (challenge === undefined) return world.host.get(path, maxBytes);
        if (evidenceFrom === 'none') throw new ClientError('host_error', 'gone', { reason: 'log_unknown' });
        return encodeEvidence(evidenceFrom.evidence(Uint8Array.from(Buffer.from(challenge, 'hex'))));
      },
    },
  };
}

function receiptAt(path: string): Uint8Array {
  const requestId = toHex(answer.receipt.requestId);
  if (path.endsWith('/places')) {
    if (places === 'unknown') throw new ClientError('host_error', 'none', { reason: 'not_found' });
    return utf8(JSON.stringify({ requestId, places: places.map(({ log, index }) => ({ log: toHex(log), index })) }));
  }
  if (places === 'unknown') return encodeBundle(shown);
  const place = places.find(({ log, index }) => path.endsWith(`?log=${toHex(log)}&index=${index}`));
  if (!place?.bundle) throw new ClientError('host_error', 'gone', { reason: 'receipt_dropped' });
  return encodeBundle(place.bundle);
}

const lookUpAll = (rules = {}): Promise<Lookups> => lookUpReceipts(asker(rules), answer.receipt.requestId);
const lookUp = async (rules = {}): Promise<Lookup> => (await lookUpAll(rules)).found[0];

async function proven(): Promise<Extract<Lookup, { readonly verdict: 'origin-only' }>> {
  const lookup = await lookUp();
  if (lookup.verdict !== 'origin-only') throw new Error(lookup.verdict);
  return lookup;
}

/** The reason of a refusal, and the exit code that it ends with. */
async function refusal(work: Promise<unknown>): Promise<readonly [reason: string, code: number]> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ClientError)) throw error ?? new Error('accepted');
  return [error.reason, exitCodeOfClientError(error)];
}

const show = (change: (bundle: ReceiptBundle) => Partial<ReceiptBundle>): (() => void) => {
  return () => {
    shown = { ...shown, ...change(shown) };
  };
};

const damaged = (bytes: Uint8Array, at = 0): Uint8Array => bytes.map((byte, index) => (index === at ? byte ^ 1 : byte));

describe('a receipt', () => {
  it('is found by its id, and is the proven worker’s', async () => {
    const { facts, proven: by } = await proven();
    expect(facts.receipt).toMatchObject({ requestId: answer.receipt.requestId, fee: answer.receipt.fee, index: 1n });
    expect(facts.head.size).toBe(2);
    expect(by.worker.log).toEqual(world.log);
  });

  it('is shown with what it does not prove', async () => {
    const text = lookupsText(await lookUpAll(), plain);
    for (const words of [toHex(answer.receipt.requestId), toHex(answer.receipt.modelId), 'size 2, root']) {
      expect(text).toContain(words);
    }
    for (const id of ['R1', 'R2', 'R3', 'R4', 'R9', 'R10', 'R14']) expect(text).toContain(`✓ ${id.padEnd(4)} `);
    for (const id of ['R5', 'R7', 'R8', 'R12']) expect(text).toContain(`– ${id.padEnd(4)} `);
    expect(text).toContain('! What was asked and answered:');
    expect(text).toContain('! That there is no other receipt:');
    const json = JSON.parse(lookupsJson(await lookUpAll())) as object;
    expect(json).toMatchObject({
      verdict: 'origin-only',
      level: 'simulated',
      receipt: {
        requestId: toHex(answer.receipt.requestId),
        fee: `${answer.receipt.fee}`,
        leaf: '1',
        commitment: null,
      },
      notChecked: ['R5', 'R6', 'R7', 'R8', 'R11', 'R12', 'R13'],
    });
  });

  it('is saved as an archive whose payload is missing, which an audit reads as far', async () => {
    const bytes = await archiveOfLookup(asker(), await proven());
    const archive = decodeArchive(bytes);
    expect(archive).toMatchObject({ request: null, response: null });
    const purpose = { kind: 'live', now: world.now } as const;
    const policy = parseWorkerPolicy(world.rules);
    const ruling = await verifyArchive(archive, { policy, purpose, suite: nodeSuite, cache: 'none' });
    expect(ruling.verdict).toBe('undetermined');
    expect(ruling.checks.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });

  it('of a worker that has gone is shown as unproven, with 40', async () => {
    evidenceFrom = 'none';
    const lookups = await lookUpAll();
    expect(lookups.found.map(({ verdict }) => verdict)).toEqual(['undetermined']);
    expect(lookupsText(lookups, plain)).toContain('Receipt, UNPROVEN');
    const json = JSON.parse(lookupsJson(lookups)) as object;
    expect(json).toMatchObject({ verdict: 'undetermined', code: 'log_unknown', claims: { leaf: '1' } });
    expect(json).not.toHaveProperty('receipt');
  });
});

describe('several receipts of one request id', () => {
  /** The same number, answered again by the same worker. */
  async function again(): Promise<ReceiptBundle> {
    world.onReceipt = (draft) => ({ ...draft, requestId: answer.receipt.requestId });
    let made: ReceiptBundle | undefined;
    world.onBundle = (bundle) => {
      made = bundle;
      return bundle;
    };
    const client = world.client();
    await client.chat({ model: 'demo-chat', messages: [{ role: 'user', content: 'Again' }] }).catch(() => {});
    if (made === undefined) throw new Error('no receipt was made');
    return made;
  }

  it('are all shown, and it is said how many there are', async () => {
    const { log } = world;
    places = [
      { log, index: 1, bundle: shown },
      { log, index: 2, bundle: await again() },
      { log, index: 7, bundle: null },
    ];
    const lookups = await lookUpAll();
    expect(lookups).toMatchObject({ found: [{ verdict: 'origin-only' }, { verdict: 'origin-only' }], dropped: 1 });
    const text = lookupsText(lookups, plain);
    expect(text).toContain('The request id was used 3 times: 2 shown, 1 no longer kept.');
    for (const size of [2, 3]) expect(text).toContain(`size ${size}, root`);
    const json = lookupsJson(lookups).trimEnd().split('\n');
    expect(json.map((line) => JSON.parse(line) as object)).toMatchObject([
      { receipts: 3, receipt: { leaf: '1' } },
      { receipts: 3, receipt: { leaf: '2' } },
    ]);
  });

  it('are not one receipt shown twice', async () => {
    const { log } = world;
    places = [
      { log, index: 1, bundle: shown },
      { log, index: 2, bundle: shown },
    ];
    expect(await refusal(lookUp())).toEqual(['place_mismatch', 20]);
  });

  it('are of the logs that the host names', async () => {
    places = [{ log: new Uint8Array(32), index: 1, bundle: shown }];
    expect(await refusal(lookUp())).toEqual(['place_mismatch', 20]);
  });

  it('that are all dropped are none', async () => {
    places = [{ log: world.log, index: 1, bundle: null }];
    expect(await refusal(lookUp())).toEqual(['receipt_dropped', 1]);
  });
});

describe('a host that lies about a receipt', () => {
  it.each<[string, () => void | Promise<void>, string, number]>([
    ['with that of another request', show(() => before.bundle), 'request_id_mismatch', 20],
    [
      'with the evidence of another worker',
      async () => {
        evidenceFrom = await createWorld();
      },
      'head_of_other_log',
      20,
    ],
    ['with a wrong proof', show((b) => ({ proof: b.proof.map((h) => damaged(h)) })), 'inclusion_proof', 20],
    ['with no proof', show(() => ({ proof: [] })), 'inclusion_proof', 20],
    [
      'with an older head',
      show(() => ({ head: before.bundle.head, signature: before.bundle.signature })),
      'inclusion_proof',
      20,
    ],
    ['with a signature that is none', show((b) => ({ signature: damaged(b.signature, 9) })), 'head_signature', 20],
    ['with another fee', show((b) => ({ receipt: damaged(b.receipt, 9 * 32 + 31) })), 'inclusion_proof', 20],
    ['with the execution of another', show((b) => ({ execution: damaged(b.execution, 40) })), 'execution', 20],
  ])('%s is caught', async (_, lie, reason, code) => {
    await lie();
    const [found, exit] = await refusal(lookUp());
    expect(found).toContain(reason);
    expect(exit).toBe(code);
  });

  it('with bytes that are no receipt is caught', async () => {
    const at = asker();
    const host = { ...at.host, get: async () => Uint8Array.of(1, 2, 3) };
    const [, code] = await refusal(lookUpReceipts({ ...at, host }, answer.receipt.requestId));
    expect(code).toBe(20);
  });

  it('or serves what the policy refuses ends with the code of that', async () => {
    expect(await refusal(lookUp({ models: [] }))).toEqual(['model_refused', 30]);
    expect((await refusal(lookUp({ images: [] })))[1]).toBe(30);
  });

  it('with a release that its owner did not sign has nothing saved', async () => {
    const lookup = await proven();
    expect((await refusal(archiveOfLookup(asker({ publishers: [] }), lookup)))[1]).toBe(30);
  });

  it('or whose release names no circuit, and which commits all the same, has nothing saved', async () => {
    const commitment = new Uint8Array(32).fill(7);
    world.onReceipt = (draft) => ({ ...draft, requestId: answer.receipt.requestId, commitment });
    world.onBundle = (bundle) => {
      shown = bundle;
      return bundle;
    };
    await refusal(world.client().chat({ model: 'demo-chat', messages: [{ role: 'user', content: 'Again' }] }));
    const lookup = await proven();
    expect(lookupsText(await lookUpAll(), plain)).toContain(toHex(commitment));
    expect(await refusal(archiveOfLookup(asker(), lookup))).toEqual(['commitment_mismatch', 20]);
  });
});

describe('the newest head', () => {
  const ask = (log?: Uint8Array): Promise<NewestHead> => newestHead(asker(), log);

  it('is that of the proven worker, as rows, as JSON and as a checkpoint', async () => {
    const head = await ask(world.log);
    expect(head.head).toMatchObject({ log: world.log, size: 2 });
    expect(decodeCheckpoint(head.checkpoint)).toMatchObject({ head: shown.head, signature: shown.signature });
    expect(headText(head)).toContain(toHex(answer.receipt.head.root));
    expect(JSON.parse(headJson(head))).toMatchObject({ size: 2, level: 'simulated', checkpoint: head.checkpoint });
    expect(await ask()).toEqual(head);
  });

  it.each<[string, () => void | Promise<void>, string]>([
    ['was not signed by the worker', show((b) => ({ signature: damaged(b.signature, 9) })), 'head_signature'],
    ['says another size than was signed', show((b) => ({ head: damaged(b.head, 4 * 32 + 31) })), 'head_signature'],
    ['says another root than was signed', show((b) => ({ head: damaged(b.head, 5 * 32) })), 'head_signature'],
    [
      'is of another log',
      async () => {
        evidenceFrom = await createWorld();
      },
      'head_of_other_log',
    ],
  ])('is refused where it %s', async (_, lie, reason) => {
    await lie();
    expect(await refusal(ask())).toEqual([reason, 20]);
  });

  it('of a log that was named is of no other', async () => {
    evidenceFrom = await createWorld();
    expect(await refusal(ask(world.log))).toEqual(['evidence_of_other_log', 20]);
  });
});
