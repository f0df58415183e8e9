import type { Address, Hex } from 'viem';
import { type Chain, startChain } from '../../../contracts/tools/anvil.ts';
import { concatBytes } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { escrowPreimage } from '../../../wire/message/authorisations.ts';
import { filler } from '../../vectors/golden/keys.ts';
import {
  bytesOf,
  eventsOf,
  hex,
  type Logged,
  loggedReceipt,
  mustSucceed,
  type SettlementWorld,
  settlementWorld,
  signedHead,
  signedVoucher,
  type Worker,
} from '../support/settlement.ts';
import { answeredReceipt, chargedReceipt, type Terms } from '../support/settlement-receipts.ts';
import { gasOf, type Measured } from './measurement.ts';

/** A log of 2^20 receipts: twenty neighbours in each path. */
const LEVELS = 20;
const START = 1_900_000_000;
const NOBODY: Address = `0x${'00'.repeat(20)}`;

/**
 * Against the real registry, in the steady state: token balances, credits and claimed totals that are not zero before.
 * On a chain of its own with a fixed first block, because words that depend on the time have zero bytes by chance.
 */
export async function measureSettlement({ hardfork }: Chain): Promise<Measured> {
  const chain = await startChain({ hardfork, timestamp: START });
  try {
    // By the clock, blocks would have other hashes on every run, and the Solidity fallback of P-256 other gas.
    await chain.rpc('anvil_setBlockTimestampInterval', [1]);
    const world = await settlementWorld(chain);
    const worker = await world.register('worker signer');
    return {
      ...(await measureHeads(world, worker)),
      ...(await measureEscrows(world, worker)),
      // Last, because it keeps a head of the size that the others have.
      ...(await measureClaims(world, worker)),
    };
  } finally {
    await chain.stop();
  }
}

async function measureHeads(world: SettlementWorld, worker: Worker): Promise<Measured> {
  const mined = await world.settlement.send('postHead', [signedHead(world, worker, 777, filler('root'))]);
  return { 'settlement.postHead': gasOf(mined) };
}

async function measureClaims(world: SettlementWorld, worker: Worker): Promise<Measured> {
  const { settlement, session, accounts } = world;
  const [x, y] = [hex(session.point.slice(1, 33)), hex(session.point.slice(33))];
  const terms = [accounts.operator, x, y, hex(filler('salt')), 500_000n];
  const opened = await mustSucceed(settlement.send('openChannel', terms, accounts.payer));
  const channel = eventsOf(settlement, opened).find(({ name }) => name === 'ChannelOpened')?.args['channel'] as Hex;

  const claim = async (cumulative: bigint, index: bigint, head: 'given' | 'kept'): Promise<number> => {
    const logged = loggedReceipt(world, worker, chargedReceipt(channel, 1_000n, cumulative, index), LEVELS);
    if (head === 'kept') await mustSucceed(settlement.send('postHead', [logged.head]));
    const voucher = signedVoucher(world, channel, worker, 100_000n);
    return gasOf(await settlement.send('claim', [logged, voucher], accounts.stranger));
  };
  const first = await claim(1_000n, 7n, 'given');
  const second = await claim(25_000n, 2n ** 20n - 1n, 'given');
  return {
    'settlement.openChannel': gasOf(opened),
    'settlement.claim.first': first,
    'settlement.claim.withHead': second,
    'settlement.claim': await claim(50_000n, 2n ** 19n, 'kept'),
  };
}

/** The second of two escrows of one requester. */
async function measureEscrows(world: SettlementWorld, worker: Worker): Promise<Measured> {
  await escrow(world, worker);
  return escrow(world, worker);
}

async function escrow(world: SettlementWorld, worker: Worker): Promise<Measured> {
  const { settlement, policy, attested, accounts } = world;
  const terms: Terms = {
    modelId: hex(filler('model')),
    policy: policy.address,
    resultVerifier: attested.address,
    unitPrice: 700n,
    maxFee: 1_000n,
    deadline: BigInt(START) + 80_000n,
    callback: NOBODY,
    callbackGas: 0n,
  };
  const input = new Uint8Array(128).fill(7);
  const output = new Uint8Array(96).fill(9);
  const fulfilment = await withoutZeroBytes(world, (id) =>
    loggedReceipt(world, worker, answeredReceipt(id, terms, input, output, 12_345n), LEVELS),
  );
  const opened = await settlement.send('openEscrow', [terms, hex(input)], accounts.requester);
  const { id, logged } = fulfilment;
  const fulfilled = await settlement.send('fulfil', [id, hex(output), logged, '0x'], accounts.operator);
  return { 'settlement.openEscrow': gasOf(opened), 'settlement.fulfil': gasOf(fulfilled) };
}

/**
 * Ids come from block hashes, and a zero byte of calldata costs less: mines until the next escrow and everything that
 * follows from its id has none, so that the figure is the same every time.
 */
async function withoutZeroBytes(
  { chain, chainId, settlement, accounts }: SettlementWorld,
  answer: (id: Hex) => Logged,
): Promise<{ readonly id: Hex; readonly logged: Logged }> {
  const nonce = await settlement.view<bigint>('nonceOf', [accounts.requester]);
  for (;;) {
    const { hash } = await chain.rpc<{ readonly hash: Hex }>('eth_getBlockByNumber', ['latest', false]);
    const preimage = escrowPreimage({
      chainId,
      settlement: bytesOf(settlement.address),
      requester: bytesOf(accounts.requester),
      nonce,
      previousBlockHash: bytesOf(hash),
    });
    const id = hex(sha256(preimage));
    const logged = answer(id);
    const { requestHash, responseHash } = logged.receipt;
    const chosen = [id, requestHash as Hex, responseHash as Hex, logged.head.root, logged.head.r, logged.head.s];
    if (!concatBytes(...chosen.map(bytesOf)).includes(0)) return { id, logged };
    await chain.rpc('evm_mine', []);
  }
}
