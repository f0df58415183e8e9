import type { Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { deployProved, deployProvedWithReceipt, deployReplayed } from '../../../contracts/deploy/index.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { uintWord } from '../../../wire/words.ts';
import { filler, testKey } from '../../vectors/golden/keys.ts';
import { approvalOf, approvedBy, namedKeys } from '../support/auditors.ts';
import { termsFor } from '../support/escrows.ts';
import { rowBody } from '../support/integer.ts';
import { localOf } from '../support/local.ts';
import { commitmentOf, type ProvedStatement, provedBytes, signalsOf } from '../support/proved.ts';
import {
  deployed,
  hex,
  loggedReceipt,
  type SettlementWorld,
  settlementWorld,
  type Worker,
} from '../support/settlement.ts';
import { answeredReceipt } from '../support/settlement-receipts.ts';
import { trapdoor } from '../support/trapdoor.ts';

const modelId = hex(filler('model'));
const price = 700n;
const input = { row: { bits: 8, signed: false, count: 3 }, values: [1n, 2n, 3n] };
const output = { row: { bits: 16, signed: true, count: 2 }, values: [-5n, 6n] };
const [asked, answered] = [rowBody(input.values), rowBody(output.values)];
const setupOf = (phase1: number, phase2: number) =>
  trapdoor({ input: input.row, output: output.row, phase1, phase2, label: 'deployed' });
const auditors = [testKey('auditor 1'), testKey('auditor 2')];

let chain: Chain;
let world: SettlementWorld;
let worker: Worker;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  world = await settlementWorld(chain);
  worker = await world.register('worker signer');
}, 240_000);

afterAll(() => chain.stop());

function statementOf(verifier: Hex, escrow: Hex): ProvedStatement {
  const { chainId, accounts } = world;
  return { chainId, verifier, escrow, modelId, payee: accounts.operator, input, output };
}

function receiptOf(escrow: Hex, resultVerifier: Hex) {
  const terms = termsFor({ modelId, resultVerifier, policy: world.policy.address, maxFee: price, deadline: 2n ** 48n });
  return answeredReceipt(escrow, terms, asked, answered, 3n);
}

describe('deploying the levels', () => {
  it('settles by a proof', async () => {
    const setup = setupOf(2, 2);
    const escrows = await deployProved(localOf(world), { circuitKey: hex(setup.key), modelId, price, dev: 'refused' });
    const escrow = await escrows.open(hex(asked));
    const statement = statementOf(escrows.verifier, escrow);
    const proof = setup.prove(signalsOf(statement, commitmentOf(statement)));
    const bytes = hex(provedBytes(commitmentOf(statement), proof, input));
    expect(await escrows.wouldFulfil(escrow, hex(rowBody([-5n, 7n])), bytes)).toBe(false);
    expect(await escrows.wouldFulfil(escrow, hex(answered), bytes)).toBe(true);
    expect(await escrows.fulfil(escrow, hex(answered), bytes)).toBe(price);
    expect(await escrows.wouldFulfil(escrow, hex(answered), bytes)).toBe(false);
  });

  it('settles by a receipt and a proof', async () => {
    const setup = setupOf(2, 2);
    const options = {
      circuitKey: hex(setup.key),
      modelId,
      price,
      dev: 'refused',
      policy: world.policy.address,
    } as const;
    const escrows = await deployProvedWithReceipt(localOf(world), options);
    const escrow = await escrows.open(hex(asked));
    const statement = statementOf(escrows.verifier, escrow);
    const commitment = commitmentOf(statement);
    const bytes = hex(provedBytes(commitment, setup.prove(signalsOf(statement, commitment)), input));
    const receipt = { ...receiptOf(escrow, escrows.verifier), commitment: uintWord(commitment) };
    const answer = { escrow, output: hex(answered), logged: loggedReceipt(world, worker, receipt, 4), proof: bytes };
    expect(await escrows.wouldFulfil({ ...answer, proof: '0x' })).toBe(false);
    expect(await escrows.fulfil(answer)).toBe(price);
    expect(await escrows.wouldFulfil(answer)).toBe(false);
  });

  it('settles by a receipt and approvals', async () => {
    const options = { auditors: namedKeys(auditors), needed: 2, modelId, price, policy: world.policy.address };
    const escrows = await deployReplayed(localOf(world), options);
    const escrow = await escrows.open(hex(asked));
    const receipt = receiptOf(escrow, escrows.verifier);
    const approval = approvalOf({
      ...{ chainId: world.chainId, verifier: escrows.verifier, log: worker.log, receipt },
      ...{ input: asked, output: answered },
    });
    const answer = { escrow, output: hex(answered), logged: loggedReceipt(world, worker, receipt, 4) };
    const by = (...who: readonly number[]): Hex =>
      approvedBy(new Map(who.map((at) => [at, auditors[at] as (typeof auditors)[number]])), approval);
    expect(await escrows.wouldFulfil({ ...answer, proof: by(1) })).toBe(false);
    // In whatever order they came.
    expect(await escrows.fulfil({ ...answer, proof: by(1, 0) })).toBe(price);
    expect(await escrows.wouldFulfil({ ...answer, proof: by(0, 1) })).toBe(false);
  });

  it('refuses a key that one party made, unless that is said', async () => {
    const local = localOf(world);
    for (const key of [setupOf(1, 2).key, setupOf(2, 1).key]) {
      const options = { circuitKey: hex(key), modelId, price };
      await expect(deployProved(local, { ...options, dev: 'refused' })).rejects.toThrow('DevSetup');
      const { verifier } = await deployProved(local, { ...options, dev: 'allowed' });
      expect(await chain.rpc<Hex>('eth_getCode', [verifier, 'latest'])).not.toBe('0x');
    }
    const truncated = { circuitKey: hex(setupOf(2, 2).key.slice(32)), modelId, price, dev: 'allowed' } as const;
    await expect(deployProved(local, truncated)).rejects.toThrow('CircuitKeyInvalid');
  });

  it('names the key by what a manifest names it by', async () => {
    const { key } = setupOf(2, 2);
    const contract = await deployed(chain, 'ProvedResult', [hex(key), modelId, false, false]);
    expect(await contract.view('KEY_HASH')).toBe(hex(sha256(key)));
    expect(await contract.view('IS_DEV')).toBe(false);
  });
});
