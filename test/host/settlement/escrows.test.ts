import { type Address, encodeAbiParameters, encodeEventTopics, type Hex, type Log } from 'viem';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { PaymentError } from '../../../host/payments/errors.ts';
import { settlementAbi } from '../../../host/settlement/abi.ts';
import { createAnswers } from '../../../host/settlement/answers.ts';
import type { SettlementChain, Topics } from '../../../host/settlement/chain.ts';
import { createEscrows, type Escrows } from '../../../host/settlement/escrows.ts';
import { createScan } from '../../../host/settlement/scan.ts';
import type { Reading, SavedAnswer } from '../../../host/settlement/state.ts';
import type { CoinInTokens, ServedContracts, SkipReason } from '../../../host/settlement/terms.ts';
import { hex } from '../../../host/settlement/words.ts';
import type { ReadyWorker } from '../../../host/worker-link.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeBundle, type ReceiptBundle } from '../../../wire/message/bundle.ts';
import { decodeConfiguration } from '../../../wire/message/configuration.ts';
import type { Receipt } from '../../../wire/message/receipt.ts';
import {
  decodeRequest,
  encodeRequestHeader,
  requestPreimage,
  responsePreimage,
} from '../../../wire/message/request.ts';
import { createFakeLog, random, testConfiguration } from '../../support/fake-log.ts';
import { chain as names } from '../../support/payment.ts';

const settlement: Address = `0x${'22'.repeat(20)}`;
const policy: Address = `0x${'aa'.repeat(20)}`;
const resultVerifier: Address = `0x${'bb'.repeat(20)}`;
const nobody: Address = `0x${'00'.repeat(20)}`;
const codeHash: Hex = `0x${'cc'.repeat(32)}`;
const listed = { address: resultVerifier, codeHash, settled: 'here' as const };
const NOW = 1_000_000n;
const modelId = new Uint8Array(32).fill(9);
const input = random(64);
const other = random(64);

const configuration = testConfiguration(names);
const log = createFakeLog(configuration);
const worker: ReadyWorker = { log: log.log, info: log.ready, configuration: decodeConfiguration(configuration) };

interface Kept {
  state: number;
  policy: Address;
  resultVerifier: Address;
  unitPrice: bigint;
  maxFee: bigint;
  deadline: bigint;
  inputHash: Hex;
  modelId: Hex;
  callbackGas: number;
}

let kept: Map<string, Kept>;
let events: Log[];
/** Each look at the chain finds it one block further. */
let newest: bigint;
let code: Map<string, Hex>;
let accepts: boolean;
let served: ServedContracts;
let reverts: number;
let answers: Partial<Receipt>;
let asked: Uint8Array[];
let sent: string[];
let skipped: SkipReason[];
let escrows: Escrows;

function open(changes: Partial<Kept> = {}, shown: Uint8Array = input): Hex {
  return openAs(hex(random(32)), changes, shown);
}

function openAs(id: Hex, changes: Partial<Kept>, shown: Uint8Array): Hex {
  const terms = { ...fresh(), ...changes };
  kept.set(id, terms);
  const { state: _, inputHash: __, ...words } = terms;
  events.push({
    address: settlement,
    blockNumber: newest,
    topics: encodeEventTopics({
      abi: settlementAbi,
      eventName: 'EscrowOpened',
      args: { escrow: id, requester: nobody, modelId: terms.modelId },
    }),
    data: encodeAbiParameters(
      settlementAbi.find((item) => item.name === 'EscrowOpened')?.inputs.slice(3) as never,
      [0n, true, { ...words, callback: nobody, callbackGas: 0n }, hex(shown)] as never,
    ),
  } as unknown as Log);
  return id;
}

const fresh = (): Kept => ({
  state: 1,
  policy,
  resultVerifier,
  unitPrice: 5n,
  maxFee: 5n,
  deadline: NOW + 600n,
  inputHash: hex(sha256(input)),
  modelId: hex(modelId),
  callbackGas: 0,
});

const chain = {
  operator: nobody,
  block: async () => ({ number: newest++, hash: codeHash, parentHash: codeHash, timestamp: NOW, baseFee }),
  logs: async (_: Address, topics: Topics, from: bigint, to: bigint) =>
    events.filter(
      (event) =>
        from <= (event.blockNumber ?? -1n) &&
        (event.blockNumber ?? 0n) <= to &&
        topics.every((allowed, place) => allowed.includes(event.topics[place] as Hex)),
    ),
  readEach: async ({ functionName, args }: { readonly functionName: string; readonly args: readonly Hex[] }) => {
    if (unavailable === args[0]) throw new PaymentError('chain_unavailable', 'no');
    return [functionName === 'accepts' ? accepts : (kept.get(args[0] as Hex) ?? { state: 0 })];
  },
  send: async ({ args }: { readonly args: readonly Hex[] }) => {
    underWay += 1;
    await mined;
    underWay -= 1;
    if (reverts > 0) {
      reverts -= 1;
      throw new PaymentError('transaction_reverted', 'no');
    }
    sent.push(args[0] as Hex);
    (kept.get(args[0] as Hex) as Kept).state = 2;
    return { hash: codeHash, gasUsed: 1n };
  },
  codeHash: async (address: Address) => code.get(address) ?? '0x',
} as unknown as SettlementChain;

function create(): Escrows {
  return createEscrows({
    chain,
    settlement,
    quorum: 1,
    coinInTokens,
    configuration: worker.configuration,
    scan: createScan({
      chain,
      settlement,
      fromBlock: 0n,
      nextBlock: reading?.nextBlock ?? 0n,
      finalAfterBlocks: FINAL,
    }),
    answers: createAnswers({
      workers: {
        plain: async (_, payload) => {
          asked.push(payload);
          const { header, body: shown } = decodeRequest(payload);
          const { requestId } = header;
          const requestHash = sha256(requestPreimage(encodeRequestHeader(header), sha256(shown)));
          const body = random(32);
          const preimage = responsePreimage({
            ...{ salt: requestId, status: 0n, format: 2n, jsonLength: 0n },
            bodyHash: sha256(body),
          });
          const { bundles } = log.grow([{ requestId, requestHash, responseHash: sha256(preimage), ...answers }]);
          const bundle = bundles[0] as Uint8Array;
          receipts.push(decodeBundle(bundle));
          return {
            worker,
            answer: { status: Number(answers.status ?? 0), bundle, format: 2, jsonLength: 0, body },
          };
        },
      },
      journal: {
        caughtUp: async () => undefined,
        places: () => receipts.map((_, index) => ({ log: log.log, index })),
        bundle: ({ index }) => receipts[index] as ReceiptBundle,
      },
      state,
    }),
    state: {
      ...state,
      saved: { transactions: [], reading },
      saveReading: (latest) => {
        reading = latest;
      },
      keepAnswers: (ids) => {
        for (const id of saved.keys()) if (!ids.has(id)) saved.delete(id);
      },
    },
    serveAfterBlocks,
    finalAfterBlocks: FINAL,
    serves: async () => served,
    onSkipped: (_, why) => skipped.push(why),
  });
}

const FINAL = 8n;
/** Settlements that are sent and not mined, and when they are. */
let underWay: number;
let mined: Promise<void>;
/** What no node answers for. */
let unavailable: Hex | undefined;
let serveAfterBlocks: bigint;
let coinInTokens: CoinInTokens;
let baseFee: bigint;
let reading: Reading | null;
let receipts: ReceiptBundle[];
const saved = new Map<string, SavedAnswer>();
const state = {
  answer: (id: Uint8Array) => saved.get(hex(id).slice(2)),
  saveAnswer: (id: Uint8Array, answer: SavedAnswer) => void saved.set(hex(id).slice(2), answer),
};

beforeEach(() => {
  underWay = 0;
  mined = Promise.resolve();
  unavailable = undefined;
  serveAfterBlocks = 0n;
  coinInTokens = 'any';
  baseFee = 1n;
  reading = null;
  receipts = [];
  saved.clear();
  kept = new Map();
  events = [];
  newest = 1n;
  code = new Map([policy, resultVerifier].map((address) => [address, codeHash]));
  accepts = true;
  served = { policies: [{ address: policy, codeHash }], resultVerifiers: [listed] };
  reverts = 0;
  answers = {};
  asked = [];
  sent = [];
  skipped = [];
  escrows = create();
});

describe('an escrow', () => {
  it('is asked as its contract keeps it, and fulfilled once', async () => {
    const id = open();
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    expect(sent).toEqual([id]);
    expect(asked).toHaveLength(1);
    const { header, body } = decodeRequest(asked[0] as Uint8Array);
    expect(body).toEqual(input);
    const requestId = Uint8Array.from(Buffer.from(id.slice(2), 'hex'));
    expect(header).toEqual({
      requestId,
      modelId,
      operation: 0n,
      format: 2n,
      jsonLength: 0n,
      flags: 1n,
      salt: requestId,
      channel: new Uint8Array(32),
      unitPrice: 5n,
      maxFee: 5n,
      deadline: NOW + 600n,
      seed: sha256(requestId),
    });
  });

  it('that was fulfilled, by whomever, is left alone after a restart', async () => {
    open({ state: 2 });
    await create().serve([worker]);
    expect([asked, sent, skipped]).toEqual([[], [], []]);
  });

  it.each<[SkipReason, () => void]>([
    ['policy_not_served', () => open({ policy: nobody })],
    ['result_verifier_not_served', () => open({ resultVerifier: nobody })],
    ['price_too_low', () => open({ unitPrice: 4n })],
    ['price_too_low', () => open({ maxFee: 4n })],
    ['too_late', () => open({ deadline: NOW + 29n })],
    ['input_mismatch', () => open({}, random(64))],
  ])('is skipped: %s', async (why, make) => {
    make();
    await escrows.serve([worker]);
    expect([skipped, asked, sent]).toEqual([[why], [], []]);
  });

  it('is skipped where other code stands at the address of a known policy, or it does not accept this worker', async () => {
    open();
    code.set(policy, `0x${'dd'.repeat(32)}`);
    await escrows.serve([worker]);
    code.set(policy, codeHash);
    accepts = false;
    open();
    await escrows.serve([worker]);
    // The first is looked at again, and has the same fault now.
    expect(skipped).toEqual(['policy_not_served', 'log_not_accepted', 'log_not_accepted']);
    expect(asked).toEqual([]);
  });

  it('that the worker does not answer is given up', async () => {
    answers = { status: 4n, fee: 0n };
    open();
    await escrows.serve([worker]);
    expect([skipped, sent]).toEqual([['answer_refused'], []]);
  });

  it('whose settlement reverts is tried again with the same answer, a few times and then seldom', async () => {
    const id = open();
    reverts = 2;
    for (let round = 0; round < 5; round++) await escrows.serve([worker]);
    expect([sent, asked.length]).toEqual([[id], 1]);
    open();
    reverts = 99;
    for (let round = 0; round < 40; round++) await escrows.serve([worker]);
    expect(skipped).toEqual(['given_up']);
    expect(reverts).toBe(99 - 6);
    // Told once, and tried at most every 64 rounds: whatever kept it from being settled may have passed.
    for (let round = 0; round < 400; round++) await escrows.serve([worker]);
    expect(skipped).toEqual(['given_up']);
    expect(99 - 6 - reverts).toBeLessThanOrEqual(8);
    reverts = 0;
    for (let round = 0; round < 64; round++) await escrows.serve([worker]);
    expect([sent.length, asked.length]).toEqual([2, 2]);
  });

  it('that is given up for want of a registration is settled in the round after it', async () => {
    const id = open();
    reverts = 99;
    for (let round = 0; round < 40; round++) await escrows.serve([worker]);
    reverts = 0;
    await escrows.serve([worker]);
    expect(sent).toEqual([]);
    escrows.hurry();
    await escrows.serve([worker]);
    expect([sent, asked.length]).toEqual([[id], 1]);
  });

  it('is not forgotten early where a node says that its settlement is in an old block', async () => {
    const id = open();
    newest = 100n;
    await escrows.serve([worker]);
    await escrows.serve([worker]);
    (kept.get(id) as Kept).state = 2;
    newest = 2n;
    await escrows.serve([worker]);
    newest = 103n;
    await escrows.serve([worker]);
    (kept.get(id) as Kept).state = 1;
    await escrows.serve([worker]);
    expect(sent).toEqual([id, id]);
  });

  it('does not keep others waiting', async () => {
    open({ policy: nobody });
    reverts = 1;
    const [first, second] = [open(), open()];
    for (let round = 0; round < 4; round++) await escrows.serve([worker]);
    expect(sent.sort()).toEqual([first, second].sort());
  });

  it('is settled in the same block as others, as many as may be on their way, and no more', async () => {
    const ids = Array.from({ length: limits.chainTransactions + 2 }, () => open());
    let mine = (): void => undefined;
    const nextBlock = (): void => {
      mine();
      mined = new Promise((resolve) => {
        mine = resolve;
      });
    };
    nextBlock();
    const served = escrows.serve([worker]);
    await vi.waitFor(() => expect(underWay).toBe(limits.chainTransactions), 30_000);
    for (let turns = 0; turns < 50; turns++) await new Promise(setImmediate);
    expect(underWay).toBe(limits.chainTransactions);
    nextBlock();
    await vi.waitFor(() => expect(underWay).toBe(2), 30_000);
    nextBlock();
    await served;
    expect(sent.sort()).toEqual(ids.sort());
  });

  it('ends its round with all that were sent in it, where the chain answers no more', async () => {
    const ids = [open(), open(), open(), open()];
    unavailable = ids[2];
    mined = new Promise((resolve) => setTimeout(resolve, 50));
    await expect(escrows.serve([worker])).rejects.toMatchObject({ code: 'chain_unavailable' });
    expect([underWay, sent]).toEqual([0, ids.slice(0, 2)]);
    unavailable = undefined;
    await escrows.serve([worker]);
    expect([sent.sort(), skipped]).toEqual([ids.sort(), []]);
  });

  it('whose settlement is undone is settled again with the same answer, also by another process', async () => {
    const id = open();
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    (kept.get(id) as Kept).state = 1;
    await escrows.serve([worker]);
    (kept.get(id) as Kept).state = 1;
    escrows = create();
    await escrows.serve([]);
    expect([sent, asked.length]).toEqual([[id, id, id], 1]);
  });

  it.each<[string, () => Partial<Kept>, Uint8Array]>([
    ['another input', () => ({ inputHash: hex(sha256(other)) }), other],
    ['other terms', () => ({ deadline: NOW + 900n }), input],
  ])('whose block is replaced by one in which its id stands for %s is answered anew', async (_, changes, shown) => {
    const id = open();
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    events = [];
    openAs(id, changes(), shown);
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    expect([sent, asked.length, skipped]).toEqual([[id, id], 2, []]);
    const { header, body } = decodeRequest(asked[1] as Uint8Array);
    expect([body, header.deadline]).toEqual([shown, kept.get(id)?.deadline]);
    // Also by a process that has only what is written down, in which the answer to the first one was kept.
    events = [];
    openAs(id, {}, input);
    await create().serve([worker]);
    expect([sent, asked.length]).toEqual([[id, id, id], 3]);
  });

  it('that was left for good is looked at again where another request has its id now', async () => {
    const id = open({ unitPrice: 4n });
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    events = [];
    openAs(id, {}, input);
    await escrows.serve([worker]);
    expect([skipped, sent]).toEqual([['price_too_low'], [id]]);
  });

  it('whose input a node made up is answered once one tells it as it was asked', async () => {
    const id = open({}, other);
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    expect([skipped, asked]).toEqual([['input_mismatch'], []]);
    events = [];
    openAs(id, {}, input);
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    expect(sent).toEqual([id]);
  });

  it('is forgotten with its answer once its settlement is final', async () => {
    open();
    for (let round = 0; round < 20; round++) await escrows.serve([worker]);
    expect([saved.size, reading?.escrows]).toEqual([0, []]);
  });

  it('that is not there any more is worked for no further', async () => {
    const id = open();
    serveAfterBlocks = 3n;
    escrows = create();
    await escrows.serve([worker]);
    kept.delete(id);
    for (let round = 0; round < 20; round++) await escrows.serve([worker]);
    expect([asked, sent, reading?.escrows]).toEqual([[], [], []]);
  });

  it('is worked for once enough blocks stand above the one that asked', async () => {
    const id = open();
    serveAfterBlocks = 3n;
    escrows = create();
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    expect(asked).toEqual([]);
    await escrows.serve([worker]);
    expect(sent).toEqual([id]);
  });

  it('that waits for a list is found again by another process, however long ago it was asked', async () => {
    const id = open();
    served = { ...served, policies: [] };
    for (let round = 0; round < 100; round++) await escrows.serve([worker]);
    expect(skipped).toEqual(['policy_not_served']);
    served = { ...served, policies: [{ address: policy, codeHash }] };
    escrows = create();
    await escrows.serve([worker]);
    expect(sent).toEqual([id]);
  });

  it('whose event is nowhere to be read again is skipped: input_unknown', async () => {
    open();
    served = { ...served, policies: [] };
    for (let round = 0; round < 100; round++) await escrows.serve([worker]);
    served = { ...served, policies: [{ address: policy, codeHash }] };
    events = [];
    await create().serve([worker]);
    expect(skipped).toEqual(['policy_not_served', 'input_unknown']);
  });

  it("that is worth less than its gas is skipped by the operator's price of a coin", async () => {
    // 250,000 gas at 4 wei is a millionth of a millionth of a coin, which is worth 5 and a bit here.
    coinInTokens = 5n * 10n ** 12n + 1n;
    baseFee = 4n;
    escrows = create();
    open();
    await escrows.serve([worker]);
    expect([skipped, asked]).toEqual([['unprofitable'], []]);
    coinInTokens = 5n * 10n ** 12n;
    await create().serve([worker]);
    expect(sent).toHaveLength(1);
  });

  it('does not crowd out others where many wait', async () => {
    for (let many = 0; many < limits.escrowsWaiting + 2; many++) open({ policy: nobody });
    for (let round = 0; round < 8; round++) await escrows.serve([worker]);
    const id = open();
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    expect(sent).toEqual([id]);
    expect(reading?.escrows.length).toBeLessThanOrEqual(limits.escrowsWaiting + limits.escrowsOpen);
  });
});
