import type { Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { encodeApprovals } from '../../../contracts/deploy/index.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { type Approval, encodeApproval } from '../../../wire/message/approval.ts';
import { filler, sign, type TestKey, testKey } from '../../vectors/golden/keys.ts';
import { approvalOf, approvedBy, namedKeys } from '../support/auditors.ts';
import { ESCROW_FEE, openEscrow, outcomeOf, termsFor } from '../support/escrows.ts';
import { rowBody } from '../support/integer.ts';
import {
  bytesOf,
  type Deployed,
  deployed,
  hex,
  loggedReceipt,
  mustSucceed,
  type SettlementWorld,
  settlementWorld,
  type Worker,
} from '../support/settlement.ts';
import { answeredReceipt, type Terms } from '../support/settlement-receipts.ts';

const modelId = hex(filler('model'));
const [input, output] = [rowBody([1n, 2n, 3n]), rowBody([-5n])];
const [one, two, three] = [testKey('auditor 1'), testKey('auditor 2'), testKey('auditor 3')];
const stranger = testKey('auditor of somebody else');
const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

let chain: Chain;
let world: SettlementWorld;
let replayed: Deployed;
let twin: Deployed;
let worker: Worker;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  world = await settlementWorld(chain);
  replayed = await deployed(chain, 'ReplayedResult', [namedKeys([one, two, three]), 2n]);
  twin = await deployed(chain, 'ReplayedResult', [namedKeys([one, two, three]), 2n]);
  worker = await world.register('worker signer');
}, 240_000);

afterAll(() => chain.stop());

const terms = (): Terms => termsFor({ modelId, resultVerifier: replayed.address, policy: world.policy.address });

const opened = (): Promise<Hex> => openEscrow(world, terms(), input);

/** The worker's receipt about an escrow, and what auditors say of it. */
function answeredTo(escrow: Hex) {
  const receipt = answeredReceipt(escrow, terms(), input, output, 3n);
  const { chainId } = world;
  const approval = approvalOf({ chainId, verifier: replayed.address, log: worker.log, receipt, input, output });
  const call = (proof: Hex): readonly unknown[] => [
    escrow,
    hex(output),
    loggedReceipt(world, worker, receipt, 4),
    proof,
  ];
  return { approval, call };
}

const all: readonly (readonly [number, TestKey])[] = [
  [0, one],
  [1, two],
  [2, three],
];

describe('an escrow that auditors settle', () => {
  it('is fulfilled where two of three approve, and pays the operator once', async () => {
    const { settlement, accounts } = world;
    const escrow = await opened();
    const before = await settlement.view<bigint>('creditOf', [accounts.operator]);
    const { approval, call } = answeredTo(escrow);
    for (const who of [
      [0, 1],
      [0, 2],
      [1, 2],
      [0, 1, 2],
    ]) {
      const proof = approvedBy(new Map(all.filter(([at]) => who.includes(at))), approval);
      expect(await outcomeOf(world, 'fulfil', call(proof))).toBe('done');
    }
    await mustSucceed(settlement.send('fulfil', call(approvedBy(new Map(all), approval)), accounts.stranger));
    expect((await settlement.view<bigint>('creditOf', [accounts.operator])) - before).toBe(ESCROW_FEE);
    const again = call(
      approvedBy(
        new Map([
          [1, two],
          [2, three],
        ]),
        approval,
      ),
    );
    expect(await outcomeOf(world, 'fulfil', again)).toBe('EscrowNotOpen');
  });

  it.each<readonly [string, (approval: Approval) => Hex]>([
    ['no approvals', () => '0x'],
    ['an empty list of them', () => encodeApprovals([])],
    ['one of them', (approval) => approvedBy(new Map([[1, two]]), approval)],
    [
      'one of them in two places',
      (approval) =>
        approvedBy(
          new Map([
            [0, one],
            [1, one],
          ]),
          approval,
        ),
    ],
    [
      'somebody who is not named',
      (approval) =>
        approvedBy(
          new Map([
            [0, one],
            [1, stranger],
          ]),
          approval,
        ),
    ],
    [
      'a place that nobody has',
      (approval) =>
        approvedBy(
          new Map([
            [0, one],
            [3, stranger],
          ]),
          approval,
        ),
    ],
    [
      'three, of which one is wrong',
      (approval) =>
        approvedBy(
          new Map([
            [0, one],
            [1, two],
            [2, stranger],
          ]),
          approval,
        ),
    ],
  ])('is not fulfilled by %s', async (_, proof) => {
    const { approval, call } = answeredTo(await opened());
    expect(await outcomeOf(world, 'fulfil', call(proof(approval)))).toBe('ResultNotVerified');
  });

  it.each<readonly [string, () => Partial<Approval>]>([
    ['another escrow', () => ({ escrow: filler('another escrow') })],
    ['another chain', () => ({ chainId: 1n })],
    ['another verifier', () => ({ verifier: bytesOf(twin.address) })],
    ['another log', () => ({ log: filler('another log') })],
    ['another model', () => ({ modelId: filler('another model') })],
    ['another input', () => ({ inputHash: filler('another input') })],
    ['another output', () => ({ outputHash: filler('another output') })],
    ['another execution', () => ({ execution: filler('another execution') })],
  ])('is not fulfilled by approvals of %s', async (_, changes) => {
    const { approval, call } = answeredTo(await opened());
    const proof = approvedBy(new Map(all), { ...approval, ...changes() });
    expect(await outcomeOf(world, 'fulfil', call(proof))).toBe('ResultNotVerified');
  });

  it('is not fulfilled by the other signature that every signature has', async () => {
    const { approval, call } = answeredTo(await opened());
    const signed = all.slice(0, 2).map(([auditor, key]) => {
      const signature = sign(key, encodeApproval(approval));
      const s = BigInt(hex(signature.slice(32)));
      return { auditor, r: hex(signature.slice(0, 32)), s };
    });
    const encoded = (high: number | 'none'): Hex =>
      encodeApprovals(signed.map(({ auditor, r, s }) => ({ auditor, r, s: word(auditor === high ? ORDER - s : s) })));
    expect(await outcomeOf(world, 'fulfil', call(encoded('none')))).toBe('done');
    expect(await outcomeOf(world, 'fulfil', call(encoded(0)))).toBe('ResultNotVerified');
    expect(await outcomeOf(world, 'fulfil', call(encoded(1)))).toBe('ResultNotVerified');
  });

  it('needs the receipt that they approve', async () => {
    const escrow = await opened();
    const { approval } = answeredTo(escrow);
    const call = [escrow, hex(output), world.accounts.operator, approvedBy(new Map(all), approval)];
    expect(await outcomeOf(world, 'fulfilProven', call)).toBe('ReceiptNeeded');
  });
});

describe('as many auditors as there may be', () => {
  it('fit into what a settlement gives where the chain has no P256VERIFY', async () => {
    const prague = await startChain({ hardfork: 'prague' });
    try {
      const keys = Array.from({ length: 16 }, (_, at) => testKey(`auditor ${at}`));
      const contract = await deployed(prague, 'ReplayedResult', [namedKeys(keys), 16n]);
      const receipt = answeredReceipt(hex(filler('escrow')), terms(), input, output, 3n);
      const answer = { chainId: 31_337n, verifier: contract.address, log: filler('log'), receipt, input, output };
      const proof = approvedBy(new Map(keys.map((key, at) => [at, key])), approvalOf(answer));
      const asked = {
        ...{ escrow: hex(receipt.requestId), modelId, inputHash: hex(sha256(input)), output: hex(output) },
        ...{ payee: prague.accounts[1], log: hex(filler('log')), execution: hex(receipt.execution) },
        commitment: hex(receipt.commitment),
      };
      const data = contract.data('verify', [asked, proof]);
      expect(BigInt(await prague.call({ to: contract.address, data, gas: RESULT_VERIFIER_GAS }))).toBe(1n);
    } finally {
      await prague.stop();
    }
  });
});

/** As Escrows.sol has it. */
const RESULT_VERIFIER_GAS = 10_000_000n;
const word = (value: bigint): Hex => `0x${value.toString(16).padStart(64, '0')}`;
