import type { Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { proveForChain, proveRow } from '../../../cli/circuit/prove.ts';
import { deployProved, deployProvedWithReceipt } from '../../../contracts/deploy/index.ts';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { encodeChainProof } from '../../../wire/message/proof.ts';
import { uintWord } from '../../../wire/words.ts';
import { volatilityProver } from '../fixtures/proved-volatility.ts';
import { termsFor } from '../support/escrows.ts';
import { rowBody } from '../support/integer.ts';
import { localOf } from '../support/local.ts';
import { commitmentOf, elementsOf } from '../support/proved.ts';
import { recomputedVolatility } from '../support/recomputed.ts';
import { bytesOf, hex, loggedReceipt, type SettlementWorld, settlementWorld } from '../support/settlement.ts';
import { answeredReceipt } from '../support/settlement-receipts.ts';
import { trapdoor } from '../support/trapdoor.ts';

const { id: modelId, program } = await recomputedVolatility();
const prover = await volatilityProver();
const price = 700n;
const input = { row: prover.key.key.input, values: Array.from({ length: 16 }, (_, at) => BigInt(3 + 5 * at)) };
const output = { row: prover.key.key.output, values: evaluate(program, input.values) };
const [asked, answered] = [rowBody(input.values), rowBody(output.values)];
const options = { circuitKey: hex(prover.keyBytes), modelId, price } as const;

let chain: Chain;
let world: SettlementWorld;

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  world = await settlementWorld(chain);
}, 240_000);

afterAll(() => chain.stop());

/** By the prover that `proofmark prove` runs. */
function proofFor(verifier: Hex, escrow: Hex, salt = bytesOf(escrow)) {
  return proveForChain(prover, {
    ...{ chainId: world.chainId, verifier: bytesOf(verifier), escrow: bytesOf(escrow), modelId: bytesOf(modelId) },
    ...{ payee: bytesOf(world.accounts.operator), salt, input: asked, output: answered },
  });
}

describe('proofs of volatility-1h-int8', { timeout: 60_000 }, () => {
  it('settle its escrows, and those of no other circuit', async () => {
    const escrows = await deployProved(localOf(world), { ...options, dev: 'allowed' });
    const escrow = await escrows.open(hex(asked));
    const { chainProof } = await proofFor(escrows.verifier, escrow);
    expect(await escrows.wouldFulfil(escrow, hex(rowBody([1n])), hex(chainProof))).toBe(false);
    expect(await escrows.fulfil(escrow, hex(answered), hex(chainProof))).toBe(price);

    const other = trapdoor({ input: input.row, output: output.row, phase1: 2, phase2: 2, label: 'other weights' });
    const strange = await deployProved(localOf(world), { ...options, circuitKey: hex(other.key), dev: 'refused' });
    const another = await strange.open(hex(asked));
    const theirs = await proofFor(strange.verifier, another);
    expect(await strange.wouldFulfil(another, hex(answered), hex(theirs.chainProof))).toBe(false);
  });

  it('settle nothing in the form that binds no escrow', async () => {
    const escrows = await deployProved(localOf(world), { ...options, dev: 'allowed' });
    const escrow = await escrows.open(hex(asked));
    const row = { salt: bytesOf(escrow), input: input.values, output: output.values };
    const { proof } = await proveRow(prover, row, 0n);
    const elements = elementsOf(input);
    const encoded = encodeChainProof({ commitment: proof.commitment, points: proof, elements });
    expect(await escrows.wouldFulfil(escrow, hex(answered), hex(encoded))).toBe(false);
  });

  it('settle beside the receipt whose commitment they have', async () => {
    const worker = await world.register('worker signer');
    const policy = world.policy.address;
    const escrows = await deployProvedWithReceipt(localOf(world), { ...options, policy, dev: 'allowed' });
    const escrow = await escrows.open(hex(asked));
    const terms = termsFor({ modelId, policy, resultVerifier: escrows.verifier, maxFee: price, deadline: 2n ** 48n });
    const statement = { chainId: world.chainId, verifier: escrows.verifier, escrow, modelId };
    const commitment = commitmentOf({ ...statement, payee: world.accounts.operator, input, output });
    const receipt = { ...answeredReceipt(escrow, terms, asked, answered, 3n), commitment: uintWord(commitment) };
    const answer = { escrow, output: hex(answered), logged: loggedReceipt(world, worker, receipt, 4) };
    const ours = await proofFor(escrows.verifier, escrow);
    const salted = await proofFor(escrows.verifier, escrow, new Uint8Array(32).fill(7));
    expect(await escrows.wouldFulfil({ ...answer, proof: hex(salted.chainProof) })).toBe(false);
    expect(await escrows.fulfil({ ...answer, proof: hex(ours.chainProof) })).toBe(price);
  });

  it('are of a setup by one party, which no contract takes unless it is told to', async () => {
    expect(prover.key.setup.kind).toBe('dev');
    await expect(deployProved(localOf(world), { ...options, dev: 'refused' })).rejects.toThrow('DevSetup');
  });
});
