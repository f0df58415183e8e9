import { type Address, encodeAbiParameters, encodeEventTopics, type Hex, type Log } from 'viem';
import { beforeEach, describe, expect, it } from 'vitest';
import { PaymentError } from '../../../host/payments/errors.ts';
import { settlementAbi } from '../../../host/settlement/abi.ts';
import type { SettlementChain } from '../../../host/settlement/chain.ts';
import {
  createEscrows,
  type Escrows,
  type ServedContracts,
  type SkipReason,
} from '../../../host/settlement/escrows.ts';
import { hex } from '../../../host/settlement/words.ts';
import type { ReadyWorker } from '../../../host/worker-link.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { decodeConfiguration } from '../../../wire/message/configuration.ts';
import type { Receipt } from '../../../wire/message/receipt.ts';
import { decodeRequest } from '../../../wire/message/request.ts';
import { createFakeLog, random, testConfiguration } from '../../support/fake-log.ts';
import { chain as names } from '../../support/payment.ts';

const settlement: Address = `0x${'22'.repeat(20)}`;
const policy: Address = `0x${'aa'.repeat(20)}`;
const resultVerifier: Address = `0x${'bb'.repeat(20)}`;
const nobody: Address = `0x${'00'.repeat(20)}`;
const codeHash: Hex = `0x${'cc'.repeat(32)}`;
const NOW = 1_000_000n;
const modelId = new Uint8Array(32).fill(9);
const input = random(64);

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
  const id = hex(random(32));
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
});

const chain = {
  operator: nobody,
  block: async () => ({ number: newest++, hash: codeHash, parentHash: codeHash, timestamp: NOW }),
  logs: async (_: Address, from: bigint, to: bigint) =>
    events.filter(({ blockNumber }) => blockNumber !== null && from <= blockNumber && blockNumber <= to),
  read: async ({ functionName, args }: { readonly functionName: string; readonly args: readonly Hex[] }) =>
    functionName === 'accepts' ? accepts : kept.get(args[0] as Hex),
  send: async ({ args }: { readonly args: readonly Hex[] }) => {
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
    workers: {
      plain: async (_, payload) => {
        asked.push(payload);
        const { bundles } = log.grow([{ requestId: decodeRequest(payload).header.requestId, ...answers }]);
        const answer = { status: 0, bundle: bundles[0] as Uint8Array, format: 2, jsonLength: 0, body: random(32) };
        return { worker, answer };
      },
    },
    serves: async () => served,
    fromBlock: 0n,
    onSent: () => undefined,
    onSkipped: (_, why) => skipped.push(why),
  });
}

beforeEach(() => {
  kept = new Map();
  events = [];
  newest = 1n;
  code = new Map([policy, resultVerifier].map((address) => [address, codeHash]));
  accepts = true;
  served = { policies: [{ address: policy, codeHash }], resultVerifiers: [{ address: resultVerifier, codeHash }] };
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
    expect(skipped).toEqual(['policy_not_served', 'log_not_accepted']);
    expect(asked).toEqual([]);
  });

  it('that the worker does not answer is given up', async () => {
    answers = { status: 4n, fee: 0n };
    open();
    await escrows.serve([worker]);
    expect([skipped, sent]).toEqual([['answer_refused'], []]);
  });

  it('whose settlement reverts is tried again with the same answer, and not for ever', async () => {
    const id = open();
    reverts = 2;
    for (let round = 0; round < 3; round++) await escrows.serve([worker]);
    expect([sent, asked.length]).toEqual([[id], 1]);
    open();
    reverts = 99;
    for (let round = 0; round < 9; round++) await escrows.serve([worker]);
    expect(skipped).toEqual(['given_up']);
    expect(reverts).toBe(99 - 5);
  });

  it('does not keep others waiting', async () => {
    open({ policy: nobody });
    reverts = 1;
    const [first, second] = [open(), open()];
    await escrows.serve([worker]);
    await escrows.serve([worker]);
    expect(sent.sort()).toEqual([first, second].sort());
  });
});
