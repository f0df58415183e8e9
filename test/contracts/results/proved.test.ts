import type { Address, Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { evaluateElements } from '../../../wire/commitment/index.ts';
import { uintWord } from '../../../wire/words.ts';
import { filler } from '../../vectors/golden/keys.ts';
import { ESCROW_FEE, openEscrow, outcomeOf, termsFor } from '../support/escrows.ts';
import { rowBody } from '../support/integer.ts';
import { commitmentOf, elementsOf, type ProvedStatement, provedBytes, signalsOf } from '../support/proved.ts';
import {
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
import { negated, type Trapdoor, trapdoor } from '../support/trapdoor.ts';

const modelId = hex(filler('model'));
const input = {
  row: { bits: 8, signed: false, count: 16 },
  values: Array.from({ length: 16 }, (_, at) => BigInt(3 + 5 * at)),
};
const output = { row: { bits: 32, signed: true, count: 1 }, values: [-5n] };

/** Known secrets, under numbers of contributions that only the publisher's word is behind. */
const setup = trapdoor({ input: input.row, output: output.row, phase1: 3, phase2: 2, label: 'ours' });
const otherWeights = trapdoor({ input: input.row, output: output.row, phase1: 3, phase2: 2, label: 'other weights' });

let chain: Chain;
let world: SettlementWorld;
let proved: Deployed;
let provedToo: Deployed;
let worker: Worker;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  world = await settlementWorld(chain);
  proved = await deployed(chain, 'ProvedResult', [hex(setup.key), modelId, false, false]);
  provedToo = await deployed(chain, 'ProvedResult', [hex(setup.key), modelId, true, false]);
  worker = await world.register('worker signer');
}, 240_000);

afterAll(() => chain.stop());

const creditOf = (account: Address): Promise<bigint> => world.settlement.view<bigint>('creditOf', [account]);

const opened = (changes: Partial<Terms> = {}): Promise<Hex> =>
  openEscrow(world, termsFor({ modelId, resultVerifier: proved.address, ...changes }), rowBody(input.values));

function statementOf(escrow: Hex, changes: Partial<ProvedStatement> = {}): ProvedStatement {
  const { chainId, accounts } = world;
  const fixed = { chainId, verifier: proved.address, modelId, payee: accounts.operator };
  return { ...fixed, escrow, input, output, ...changes };
}

/** The proof of what is said, by whoever knows the secrets. */
function provenBy(by: Trapdoor, statement: ProvedStatement, commitment = commitmentOf(statement)): Hex {
  return hex(provedBytes(commitment, by.prove(signalsOf(statement, commitment)), statement.input));
}

/** The settlement's call with that proof, for the first escrow's words where nothing else is said. */
function callOf(escrow: Hex, proof: Hex, changes: { readonly payee?: Address; readonly answer?: bigint } = {}) {
  const { payee = world.accounts.operator, answer = output.values[0] as bigint } = changes;
  return [escrow, hex(rowBody([answer])), payee, proof] as const;
}

describe('an escrow that a proof settles', () => {
  it('is fulfilled by anybody who has a proof, without a worker, and pays whom the proof names', async () => {
    const { settlement, accounts } = world;
    const [escrow, before] = [await opened(), await creditOf(accounts.operator)];
    const call = callOf(escrow, provenBy(setup, statementOf(escrow)));
    await mustSucceed(settlement.send('fulfilProven', call, accounts.stranger));
    expect((await creditOf(accounts.operator)) - before).toBe(ESCROW_FEE);
    expect(await settlement.view('isAnswer', [escrow, call[1], hex(new Uint8Array(32))])).toBe(true);
  });

  it('pays nobody who copies a proof that is on its way', async () => {
    const escrow = await opened();
    const proof = provenBy(setup, statementOf(escrow));
    expect(await outcomeOf(world, 'fulfilProven', callOf(escrow, proof))).toBe('done');
    const copied = callOf(escrow, proof, { payee: world.accounts.stranger });
    expect(await outcomeOf(world, 'fulfilProven', copied)).toBe('ResultNotVerified');
  });

  it('is settled once, although anybody can change a proof into another one', async () => {
    const { settlement, accounts } = world;
    const escrow = await opened();
    const statement = statementOf(escrow);
    const commitment = commitmentOf(statement);
    const proof = setup.prove(signalsOf(statement, commitment));
    const changed = hex(provedBytes(commitment, negated(proof, 'a', 'b'), input));
    expect(changed).not.toBe(provenBy(setup, statement));
    expect(await outcomeOf(world, 'fulfilProven', callOf(escrow, changed))).toBe('done');
    const stranger = callOf(escrow, changed, { payee: accounts.stranger });
    expect(await outcomeOf(world, 'fulfilProven', stranger)).toBe('ResultNotVerified');
    await mustSucceed(settlement.send('fulfilProven', callOf(escrow, provenBy(setup, statement)), accounts.stranger));
    expect(await outcomeOf(world, 'fulfilProven', callOf(escrow, changed))).toBe('EscrowNotOpen');
    expect(await outcomeOf(world, 'refund', [escrow])).toBe('EscrowNotOpen');
  });

  it('is not settled by a proof that was changed in any other way', async () => {
    const escrow = await opened();
    const statement = statementOf(escrow);
    const commitment = commitmentOf(statement);
    const proof = setup.prove(signalsOf(statement, commitment));
    for (const bad of [negated(proof, 'a'), negated(proof, 'b'), negated(proof, 'c'), negated(proof, 'a', 'c')]) {
      const call = callOf(escrow, hex(provedBytes(commitment, bad, input)));
      expect(await outcomeOf(world, 'fulfilProven', call)).toBe('ResultNotVerified');
    }
    const twisted = proof.map((word, at) => (at === 7 ? word + 1n : word));
    const call = callOf(escrow, hex(provedBytes(commitment, twisted, input)));
    expect(await outcomeOf(world, 'fulfilProven', call)).toBe('ResultNotVerified');
  });

  const other = { ...input, values: input.values.with(0, 4n) };

  /** A proof of the model's answer to another input, whose point names the input that was asked. */
  function about(escrow: Hex, taken: typeof input): Hex {
    const commitment = commitmentOf(statementOf(escrow, { input: taken }));
    const { point } = signalsOf(statementOf(escrow), commitment);
    const evaluation = evaluateElements([...elementsOf(taken), ...elementsOf(output)], point);
    return hex(provedBytes(commitment, setup.prove({ commitment, evaluation, point }), taken));
  }

  it.each<readonly [string, (escrow: Hex) => Promise<readonly unknown[]>]>([
    ['another output', async (escrow) => callOf(escrow, provenBy(setup, statementOf(escrow)), { answer: -4n })],
    ['other weights', async (escrow) => callOf(escrow, provenBy(otherWeights, statementOf(escrow)))],
    ['another input', async (escrow) => callOf(escrow, provenBy(setup, statementOf(escrow, { input: other })))],
    ['the answer to another input, said to be about this one', async (escrow) => callOf(escrow, about(escrow, other))],
    ['a proof for another escrow', async (escrow) => callOf(escrow, provenBy(setup, statementOf(await opened())))],
    [
      'a proof for another chain',
      async (escrow) => callOf(escrow, provenBy(setup, statementOf(escrow, { chainId: 1n }))),
    ],
    [
      'a proof for another verifier',
      async (escrow) => callOf(escrow, provenBy(setup, statementOf(escrow, { verifier: provedToo.address }))),
    ],
    ['no proof', async (escrow) => callOf(escrow, '0x')],
  ])('is not settled by %s', async (_, call) => {
    const escrow = await opened();
    expect(await outcomeOf(world, 'fulfilProven', await call(escrow))).toBe('ResultNotVerified');
  });

  it('is not settled where another model was asked for', async () => {
    const another = hex(filler('another model'));
    const escrow = await opened({ modelId: another });
    for (const said of [modelId, another]) {
      const call = callOf(escrow, provenBy(setup, statementOf(escrow, { modelId: said })));
      expect(await outcomeOf(world, 'fulfilProven', call)).toBe('ResultNotVerified');
    }
  });
});

describe('an escrow that a receipt and a proof settle', () => {
  const wanted = (): Terms => termsFor({ modelId, resultVerifier: provedToo.address, policy: world.policy.address });

  function answered(escrow: Hex, committed: bigint, proof: Hex): readonly unknown[] {
    const body = rowBody(output.values);
    const receipt = answeredReceipt(escrow, wanted(), rowBody(input.values), body, 3n);
    const logged = loggedReceipt(world, worker, { ...receipt, commitment: uintWord(committed) }, 4);
    return [escrow, hex(body), logged, proof];
  }

  const statement = (escrow: Hex): ProvedStatement => statementOf(escrow, { verifier: provedToo.address });

  it('is fulfilled where both are about one commitment', async () => {
    const { settlement, accounts } = world;
    const [escrow, before] = [await opened(wanted()), await creditOf(accounts.operator)];
    const proof = provenBy(setup, statement(escrow));
    const call = answered(escrow, commitmentOf(statement(escrow)), proof);
    await mustSucceed(settlement.send('fulfil', call, accounts.stranger));
    expect((await creditOf(accounts.operator)) - before).toBe(ESCROW_FEE);
  });

  it('is not fulfilled by a proof of another receipt, although it is of the same input and output', async () => {
    const escrow = await opened(wanted());
    const another = commitmentOf(statement(hex(filler('another salt'))));
    const proof = provenBy(setup, statement(escrow), another);
    expect(await outcomeOf(world, 'fulfil', answered(escrow, another, proof))).toBe('done');
    expect(await outcomeOf(world, 'fulfil', answered(escrow, commitmentOf(statement(escrow)), proof))).toBe(
      'ResultNotVerified',
    );
  });

  it('is not fulfilled by a receipt that commits to nothing', async () => {
    const escrow = await opened(wanted());
    const proofs = [provenBy(setup, statement(escrow)), provenBy(setup, statement(escrow), 0n)];
    for (const proof of proofs) {
      expect(await outcomeOf(world, 'fulfil', answered(escrow, 0n, proof))).toBe('ResultNotVerified');
    }
  });

  it('is not fulfilled by a proof alone, nor by a receipt alone', async () => {
    const escrow = await opened(wanted());
    const proof = provenBy(setup, statement(escrow));
    expect(await outcomeOf(world, 'fulfilProven', callOf(escrow, proof))).toBe('ReceiptNeeded');
    const alone = answered(escrow, commitmentOf(statement(escrow)), '0x');
    expect(await outcomeOf(world, 'fulfil', alone)).toBe('ResultNotVerified');
  });
});
