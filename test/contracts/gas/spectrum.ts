import { type Address, encodeDeployData, type Hex } from 'viem';
import { evaluate } from '../../../contracts/integer/evaluate.ts';
import { evmContract } from '../../../contracts/integer/evm/contract.ts';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { artifact } from '../../../contracts/tools/artifacts.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import type { Receipt } from '../../../wire/message/receipt.ts';
import { uintWord } from '../../../wire/words.ts';
import { filler, testKey } from '../../vectors/golden/keys.ts';
import { approvalOf, approvedBy, namedKeys } from '../support/auditors.ts';
import { ESCROW_FEE, openEscrow, termsFor } from '../support/escrows.ts';
import { askedOf, compileGenerated, deployGenerated, rowBody } from '../support/integer.ts';
import { commitmentOf, type ProvedStatement, provedBytes, type RowValues, signalsOf } from '../support/proved.ts';
import { recomputedVolatility } from '../support/recomputed.ts';
import {
  bytesOf,
  type Deployed,
  deployed,
  hex,
  type Logged,
  loggedReceipt,
  type SettlementWorld,
  settlementWorld,
  type Worker,
} from '../support/settlement.ts';
import { answeredReceipt, type Terms } from '../support/settlement-receipts.ts';
import { trapdoor } from '../support/trapdoor.ts';
import { gasOf, type Measured } from './measurement.ts';
import { PROVED_SHAPES } from './spectrum-levels.ts';

/** A log of 2^20 receipts: twenty neighbours in each path. */
const LEVELS = 20;
const START = 1_900_000_000;
const NEEDED = 2;

const ZERO: Hex = `0x${'00'.repeat(32)}`;
const NO_RECEIPT = { log: ZERO, execution: ZERO, commitment: ZERO };

/** Not the release's own, which a word of its card changes. */
const modelId = hex(filler('model'));
const { program } = await recomputedVolatility();
const contract = evmContract(program, {
  ...{ name: 'Volatility', modelId: modelId.slice(2), title: 'volatility-1h-int8' },
  ...{ licence: 'Apache-2.0', interfaces: 'written' },
});

const [SMALL, WIDE] = PROVED_SHAPES as readonly [string, string];

/** One row without a zero byte, which is the dearest. */
const row = Array.from({ length: 16 }, (_, at) => BigInt(3 + 5 * at));
const small: Question = {
  input: { row: { bits: 8, signed: false, count: 16 }, values: row },
  output: { row: { bits: 32, signed: true, count: 1 }, values: evaluate(program, row) },
};

/** As wide as a picture of 28 by 28. What lies between input and output is in the key and costs the chain nothing. */
const wide: Question = {
  input: {
    row: { bits: 8, signed: false, count: 784 },
    values: Array.from({ length: 784 }, (_, at) => BigInt(1 + (at % 255))),
  },
  output: {
    row: { bits: 32, signed: true, count: 10 },
    values: Array.from({ length: 10 }, (_, at) => BigInt(0x11111111 * (1 + (at % 7)))),
  },
};

interface Question {
  readonly input: RowValues;
  readonly output: RowValues;
}

/**
 * One question to one model, settled at each level: by the same settlement, in the steady state, with credits and balances
 * that are not zero before. Proofs are made with known secrets; a real circuit's have as many words and cost the same.
 */
export async function measureSpectrum({ hardfork }: Chain): Promise<Measured> {
  // By the clock, blocks would have other hashes on every run, and the Solidity fallback of P-256 other gas.
  const chain = await startChain({ hardfork, timestamp: START });
  try {
    await chain.rpc('anvil_setBlockTimestampInterval', [1]);
    const world = await settlementWorld(chain);
    const worker = await world.register('worker signer');
    const proved = await measureProved(world, worker, SMALL, small);
    return {
      ...(await measureByReceipt(world, worker)),
      ...(await measureRecomputed(world)),
      'spectrum.proved.gas': proved[`proved.fulfil.${SMALL}`] ?? null,
      'spectrum.attested+proved.gas': proved[`proved.fulfilWithReceipt.${SMALL}`] ?? null,
      ...proved,
      ...(await measureProved(world, worker, WIDE, wide)),
    };
  } finally {
    await chain.stop();
  }
}

/** By the worker's receipt alone, and by two of three auditors besides. */
async function measureByReceipt(world: SettlementWorld, worker: Worker): Promise<Measured> {
  const { attested, policy, chain } = world;
  const keys = ['auditor 1', 'auditor 2', 'auditor 3'].map(testKey);
  const replayed = await deployed(chain, 'ReplayedResult', [namedKeys(keys), BigInt(NEEDED)]);
  const input = rowBody(small.input.values);
  const output = rowBody(small.output.values);
  const settled = (verifier: Deployed, proofOf: (receipt: Receipt) => Hex): Promise<number> => {
    const terms = termsOf(verifier, policy.address);
    return secondOf(world, { terms, input }, (escrow) => {
      const receipt = answeredReceipt(escrow, terms, input, output, 12_345n);
      const logged = loggedReceipt(world, worker, receipt, LEVELS);
      const proof = proofOf(receipt);
      const chosen = [...drawnIn(logged), signaturesIn(proof)];
      return { name: 'fulfil', args: [escrow, hex(output), logged, proof], chosen };
    });
  };
  const { chainId } = world;
  return {
    'spectrum.attested.gas': await settled(attested, () => '0x'),
    'spectrum.replayed.gas': await settled(replayed, (receipt) => {
      const answer = { chainId, verifier: replayed.address, log: worker.log, receipt, input, output };
      return approvedBy(new Map(keys.slice(0, NEEDED).map((key, at) => [at, key])), approvalOf(answer));
    }),
  };
}

/** What of an encoded list of approvals is drawn: r and s of each. Its other words are mostly zeros, always the same. */
function signaturesIn(proof: Hex): Uint8Array {
  const bytes = bytesOf(proof);
  const count = Math.max(0, (bytes.length - 64) / 96);
  return concatBytes(...Array.from({ length: count }, (_, at) => bytes.slice(96 * (at + 1), 96 * (at + 1) + 64)));
}

async function measureRecomputed(world: SettlementWorld): Promise<Measured> {
  const verifier = await deployGenerated(world.chain, contract, compileGenerated([contract]));
  const input = rowBody(small.input.values);
  const terms = termsOf(verifier);
  const gas = await secondOf(world, { terms, input }, (escrow) => ({
    name: 'fulfilProven',
    args: [escrow, hex(rowBody(small.output.values)), world.accounts.operator, hex(input)],
    chosen: [],
  }));
  return { 'spectrum.recomputed.gas': gas };
}

/** By a proof alone and by one beside a receipt; and the question by itself, as a call and as a transaction. */
async function measureProved(
  world: SettlementWorld,
  worker: Worker,
  shape: string,
  { input, output }: Question,
): Promise<Measured> {
  const { chain, chainId, policy, accounts } = world;
  const setup = trapdoor({ input: input.row, output: output.row, phase1: 2, phase2: 2, label: shape });
  const { abi, initCode } = await artifact('ProvedResult');
  const args = [hex(setup.key), modelId, false, false];
  const created = gasOf(await chain.send({ data: encodeDeployData({ abi, bytecode: initCode, args }) }));
  const alone = await deployed(chain, 'ProvedResult', args);
  const beside = await deployed(chain, 'ProvedResult', args.with(2, true));
  const [asked, answered] = [rowBody(input.values), rowBody(output.values)];

  const proven = (verifier: Deployed, escrow: Hex) => {
    const fixed = { chainId, verifier: verifier.address, modelId, payee: accounts.operator };
    const statement: ProvedStatement = { ...fixed, escrow, input, output };
    const commitment = commitmentOf(statement);
    const words = setup.prove(signalsOf(statement, commitment));
    const drawn = concatBytes(...[commitment, ...words].map((word) => uintWord(word)));
    return { commitment, drawn, proof: hex(provedBytes(commitment, words, input)) };
  };

  let number = 0;
  let escrow = hex(filler('escrow'));
  while (proven(alone, escrow).drawn.includes(0)) escrow = hex(filler(`escrow ${number++}`));
  const answer = { escrow, payee: accounts.operator, ...askedOf(modelId, asked, answered), ...NO_RECEIPT };
  const data = alone.data('verify', [answer, proven(alone, escrow).proof]);
  const probe = await deployed(chain, 'CallGas');

  const terms = termsOf(alone);
  const byProof = await secondOf(world, { terms, input: asked }, (id) => {
    const { drawn, proof } = proven(alone, id);
    return { name: 'fulfilProven', args: [id, hex(answered), accounts.operator, proof], chosen: [drawn] };
  });
  const both = termsOf(beside, policy.address);
  const byBoth = await secondOf(world, { terms: both, input: asked }, (id) => {
    const { commitment, drawn, proof } = proven(beside, id);
    const receipt = { ...answeredReceipt(id, both, asked, answered, 12_345n), commitment: uintWord(commitment) };
    const logged = loggedReceipt(world, worker, receipt, LEVELS);
    return { name: 'fulfil', args: [id, hex(answered), logged, proof], chosen: [drawn, ...drawnIn(logged)] };
  });
  return {
    [`proved.create.${shape}`]: created,
    [`proved.call.${shape}`]: Number(await probe.view<bigint>('measure', [alone.address, data])),
    [`proved.verify.${shape}`]: gasOf(await chain.send({ to: alone.address, data })),
    [`proved.fulfil.${shape}`]: byProof,
    [`proved.fulfilWithReceipt.${shape}`]: byBoth,
  };
}

/** Nothing goes back to the requester: who asks once knows what one unit costs. */
function termsOf({ address }: Pick<Deployed, 'address'>, policy?: Address): Terms {
  return termsFor({ modelId, resultVerifier: address, maxFee: ESCROW_FEE, ...(policy !== undefined && { policy }) });
}

interface Asked {
  readonly terms: Terms;
  readonly input: Uint8Array;
}

interface Call {
  readonly name: 'fulfil' | 'fulfilProven';
  readonly args: readonly unknown[];
  /** What is drawn anew for every escrow, and must have no zero byte. */
  readonly chosen: readonly Uint8Array[];
}

/**
 * The second of two escrows, so that the credit which is written is not the first of its account. Ids come from block
 * hashes, and a zero byte of calldata costs less: opens until there is an escrow without one in all that follows from it.
 */
async function secondOf(world: SettlementWorld, { terms, input }: Asked, call: (escrow: Hex) => Call): Promise<number> {
  const { chain, settlement, accounts } = world;
  let gas = 0;
  for (let times = 0; times < 2; times++) {
    let escrow = await openEscrow(world, terms, input);
    while (concatBytes(bytesOf(escrow), ...call(escrow).chosen).includes(0)) {
      await chain.rpc('evm_mine', []);
      escrow = await openEscrow(world, terms, input);
    }
    const { name, args } = call(escrow);
    gas = gasOf(await settlement.send(name, args, accounts.operator));
  }
  return gas;
}

function drawnIn({ receipt, head }: Logged): readonly Uint8Array[] {
  const { requestHash, responseHash } = receipt as Readonly<Record<string, Hex>>;
  return [requestHash as Hex, responseHash as Hex, head.root, head.r, head.s].map(bytesOf);
}
