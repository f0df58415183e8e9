import type { Address, Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { ESCROW_FEE, openEscrow, outcomeOf, termsFor } from '../support/escrows.ts';
import { compileGenerated, deployGenerated, type GeneratedOnChain, rowBody } from '../support/integer.ts';
import { recomputedVolatility } from '../support/recomputed.ts';
import {
  eventsOf,
  hex,
  loggedReceipt,
  mustSucceed,
  type SettlementWorld,
  settlementWorld,
} from '../support/settlement.ts';
import { answeredReceipt, type Terms } from '../support/settlement-receipts.ts';

const { contract, id: modelId, program } = await recomputedVolatility();
const row = Array.from({ length: 16 }, (_, at) => BigInt(3 + 5 * at));
const input = rowBody(row);
const output = rowBody(evaluate(program, row));

let chain: Chain;
let world: SettlementWorld;
let verifier: GeneratedOnChain;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  world = await settlementWorld(chain);
  verifier = await deployGenerated(chain, contract, compileGenerated([contract]));
}, 240_000);

afterAll(() => chain.stop());

const terms = (changes: Partial<Terms> = {}): Terms =>
  termsFor({ modelId, resultVerifier: verifier.address, ...changes });

const opened = (changes: Partial<Terms> = {}): Promise<Hex> => openEscrow(world, terms(changes), input);

const creditOf = (account: Address): Promise<bigint> => world.settlement.view<bigint>('creditOf', [account]);

describe('an escrow whose answer the chain recomputes', () => {
  it('is fulfilled by anybody who has the answer, without a worker, and pays whom the sender names', async () => {
    const { settlement, accounts } = world;
    const [id, before] = [await opened(), await creditOf(accounts.stranger)];
    const call = [id, hex(output), accounts.stranger, hex(input)];
    const mined = await mustSucceed(settlement.send('fulfilProven', call, accounts.operator));
    const told = eventsOf(settlement, mined).find(({ name }) => name === 'EscrowFulfilled')?.args;
    expect(told).toMatchObject({ escrow: id, log: hex(new Uint8Array(32)), fee: ESCROW_FEE, output: hex(output) });
    expect(String(told?.['payee']).toLowerCase()).toBe(accounts.stranger);
    expect((await creditOf(accounts.stranger)) - before).toBe(ESCROW_FEE);
    expect(await settlement.view('isAnswer', [id, hex(output), hex(new Uint8Array(32))])).toBe(true);
  });

  it('moves money once: no second answer, no receipt and no refund has any of it', async () => {
    const { settlement, accounts } = world;
    const id = await opened({ deadline: 2n ** 40n });
    const worker = await world.register('worker signer');
    const receipt = answeredReceipt(id, terms(), input, output, 0n);
    const byReceipt = [id, hex(output), loggedReceipt(world, worker, receipt, 3), '0x'];
    const proven = [id, hex(output), accounts.operator, hex(input)];
    // Not by a receipt while it is open, however good that one is.
    expect(await outcomeOf(world, 'fulfil', byReceipt)).toBe('ReceiptNotNeeded');
    expect(await outcomeOf(world, 'refund', [id])).toBe('DeadlineNotPassed');
    await mustSucceed(settlement.send('fulfilProven', proven, accounts.operator));
    const credits = await Promise.all(Object.values(accounts).map(creditOf));
    expect(await outcomeOf(world, 'fulfilProven', proven)).toBe('EscrowNotOpen');
    expect(await outcomeOf(world, 'fulfil', byReceipt)).toBe('EscrowNotOpen');
    expect(await outcomeOf(world, 'refund', [id])).toBe('EscrowNotOpen');
    for (const [name, args] of [
      ['fulfilProven', proven],
      ['fulfil', byReceipt],
      ['refund', [id]],
    ] as const) {
      expect((await settlement.send(name, args, accounts.stranger)).status).toBe('reverted');
    }
    expect(await Promise.all(Object.values(accounts).map(creditOf))).toEqual(credits);
  });

  it('is paid to whoever is first: a copy of the call with another payee is as good', async () => {
    const { settlement, accounts } = world;
    const id = await opened();
    const call = (payee: Address): readonly unknown[] => [id, hex(output), payee, hex(input)];
    expect(await outcomeOf(world, 'fulfilProven', call(accounts.operator))).toBe('done');
    await mustSucceed(settlement.send('fulfilProven', call(accounts.stranger), accounts.stranger));
    expect(await outcomeOf(world, 'fulfilProven', call(accounts.operator))).toBe('EscrowNotOpen');
  });

  it.each([
    ['another output', () => hex(rowBody([1n])), () => hex(input)],
    ['two spellings of the output', () => hex(Uint8Array.of(...output, ...new Uint8Array(32))), () => hex(input)],
    ['another input', () => hex(output), () => hex(rowBody(row.with(0, 1n)))],
    ['the input and a byte', () => hex(output), () => hex(Uint8Array.of(...input, 0))],
    ['no input', () => hex(output), (): Hex => '0x'],
  ])('is not fulfilled with %s', async (_, answer, proof) => {
    const id = await opened();
    const { accounts } = world;
    expect(await outcomeOf(world, 'fulfilProven', [id, answer(), accounts.operator, proof()])).toBe(
      'ResultNotVerified',
    );
  });

  it('is not fulfilled where another model was asked for', async () => {
    const { accounts } = world;
    const id = await opened({ modelId: `0x${'77'.repeat(32)}` });
    const call = [id, hex(output), accounts.operator, hex(input)];
    expect(await outcomeOf(world, 'fulfilProven', call)).toBe('ResultNotVerified');
  });

  it('names no policy, since nobody is accepted', async () => {
    const wanted = terms({ policy: world.policy.address });
    expect(await outcomeOf(world, 'openEscrow', [wanted, hex(input)])).toBe('TermsInvalid');
  });
});
