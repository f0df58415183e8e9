import type { Address, Hex } from 'viem';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Chain, type Receipt as Mined, startChain } from '../../contracts/tools/anvil.ts';
import { concatBytes } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { channelPreimage, escrowPreimage } from '../../wire/message/authorisations.ts';
import { filler } from '../vectors/golden/keys.ts';
import {
  bytesOf,
  CLOSE_DELAY,
  deployed,
  type Event,
  eventsOf,
  hex,
  loggedReceipt,
  mustSucceed,
  type SettlementWorld,
  settlementWorld,
  signedHead,
  signedVoucher,
  type Worker,
} from './support/settlement.ts';
import { answeredReceipt, chargedReceipt, type Terms } from './support/settlement-receipts.ts';

let chain: Chain;
let world: SettlementWorld;
let worker: Worker;
const heard: Event[] = [];

beforeAll(async () => {
  chain = await startChain({ hardfork: 'osaka' });
  world = await settlementWorld(chain);
  worker = await world.register('worker signer');
}, 300_000);

afterAll(() => chain.stop());

/** Everything that the settlement keeps, told by its events alone. */
interface Books {
  readonly credits: Map<string, bigint>;
  readonly roots: Map<string, Hex>;
  readonly channels: Map<
    Hex,
    { payer: Address; payee: Address; sessionX: Hex; sessionY: Hex; balance: bigint; closesAt: number }
  >;
  readonly claimed: Map<string, bigint>;
  readonly nonces: Map<string, bigint>;
  readonly escrows: Map<Hex, Record<string, unknown>>;
}

type Book = (books: Books, args: Event['args']) => void;

const text = (value: unknown): string => String(value).toLowerCase();

function changed<K, V extends object>(map: Map<K, V>, key: K, change: Partial<V>): void {
  const before = map.get(key);
  if (before === undefined) throw new Error(`an event about what was never opened: ${String(key)}`);
  map.set(key, { ...before, ...change });
}

const balanceOf = (books: Books, id: Hex): bigint => books.channels.get(id)?.balance ?? 0n;

/** One line for each event that the contract has; a new event without a line fails the test. */
const booking: Readonly<Record<string, Book>> = {
  Credit: ({ credits }, { account, credit }) => void credits.set(text(account), credit as bigint),
  Deposited: () => undefined,
  Withdrawn: () => undefined,
  HeadPosted: ({ roots }, { log, size, root }) => void roots.set(`${text(log)} ${text(size)}`, root as Hex),
  HeadsConflict: () => undefined,
  ChannelOpened: ({ channels }, { channel, payer, payee, sessionX, sessionY, amount }) =>
    void channels.set(channel as Hex, {
      payer: payer as Address,
      payee: payee as Address,
      sessionX: sessionX as Hex,
      sessionY: sessionY as Hex,
      balance: amount as bigint,
      closesAt: 0,
    }),
  ChannelToppedUp: (books, { channel, amount }) =>
    changed(books.channels, channel as Hex, { balance: balanceOf(books, channel as Hex) + (amount as bigint) }),
  ChannelClosing: ({ channels }, { channel, closesAt }) =>
    changed(channels, channel as Hex, { closesAt: Number(closesAt) }),
  ChannelClosed: ({ channels }, { channel }) => changed(channels, channel as Hex, { balance: 0n }),
  Claimed: (books, { channel, log, amount, claimedByLog }) => {
    changed(books.channels, channel as Hex, { balance: balanceOf(books, channel as Hex) - (amount as bigint) });
    books.claimed.set(`${text(channel)} ${text(log)}`, claimedByLog as bigint);
  },
  EscrowOpened: ({ escrows, nonces }, { escrow, requester, nonce, needsReceipt, terms, input }) => {
    const { deadline, callbackGas, ...rest } = terms as Terms;
    nonces.set(text(requester), (nonce as bigint) + 1n);
    escrows.set(escrow as Hex, {
      ...rest,
      requester,
      deadline,
      callbackGas: Number(callbackGas),
      needsReceipt,
      state: 1,
      undelivered: false,
      inputHash: hex(sha256(bytesOf(input as Hex))),
      answer: hex(new Uint8Array(32)),
    });
  },
  EscrowFulfilled: ({ escrows }, { escrow, log, output }) => {
    const answer = hex(sha256(concatBytes(bytesOf(log as Hex), sha256(bytesOf(output as Hex)))));
    changed(escrows, escrow as Hex, { state: 2, answer });
  },
  EscrowRefunded: ({ escrows }, { escrow }) => changed(escrows, escrow as Hex, { state: 3 }),
  CallbackFailed: ({ escrows }, { escrow }) => changed(escrows, escrow as Hex, { undelivered: true }),
  CallbackDelivered: ({ escrows }, { escrow }) => changed(escrows, escrow as Hex, { undelivered: false }),
};

function rebuilt(events: readonly Event[]): Books {
  const books: Books = {
    credits: new Map(),
    roots: new Map(),
    channels: new Map(),
    claimed: new Map(),
    nonces: new Map(),
    escrows: new Map(),
  };
  for (const { name, args } of events) {
    const book = booking[name];
    if (book === undefined) throw new Error(`no line for ${name}`);
    book(books, args);
  }
  return books;
}

async function settle(name: string, args: readonly unknown[], from: Address): Promise<Mined> {
  const mined = await mustSucceed(world.settlement.send(name, args, from));
  heard.push(...eventsOf(world.settlement, mined));
  return mined;
}

const last = (name: string, field: string): Hex =>
  heard.filter((event) => event.name === name).at(-1)?.args[field] as Hex;

async function compare(): Promise<Books> {
  const { settlement } = world;
  const books = rebuilt(heard);
  for (const account of chain.accounts) {
    expect(await settlement.view('creditOf', [account])).toBe(books.credits.get(text(account)) ?? 0n);
    expect(await settlement.view('nonceOf', [account])).toBe(books.nonces.get(text(account)) ?? 0n);
  }
  for (const [key, root] of books.roots) {
    const [log, size] = key.split(' ') as [Hex, string];
    expect(await settlement.view('rootOf', [log, BigInt(size)])).toBe(root);
  }
  for (const [id, channel] of books.channels) expect(await settlement.view('channelOf', [id])).toEqual(channel);
  for (const [key, claimed] of books.claimed) {
    expect(await settlement.view('claimedOf', key.split(' '))).toBe(claimed);
  }
  for (const [id, escrow] of books.escrows) expect(await settlement.view('escrowOf', [id])).toEqual(escrow);
  return books;
}

describe('Settlement', () => {
  it('has a line in the books below for each of its events, and no other', () => {
    const events = world.settlement.abi.flatMap((entry) => (entry.type === 'event' ? [entry.name] : []));
    expect([...new Set(events)].sort()).toEqual(Object.keys(booking).sort());
  });

  it('can be rebuilt from its events alone, after everything that can happen to it', { timeout: 300_000 }, async () => {
    const { settlement, session, accounts, policy, attested } = world;
    const { payer, operator, requester, stranger } = accounts;
    const [x, y] = [hex(session.point.slice(1, 33)), hex(session.point.slice(33))];

    await settle('deposit', [payer, 300n], stranger);
    await settle('withdraw', [stranger, 50n], payer);
    await settle('openChannel', [operator, x, y, hex(filler('salt')), 1_000n], payer);
    const channel = last('ChannelOpened', 'channel');
    const fields = { chainId: world.chainId, settlement: bytesOf(settlement.address), payer: bytesOf(payer) };
    const preimage = { payee: bytesOf(operator), sessionX: bytesOf(x), sessionY: bytesOf(y), salt: filler('salt') };
    expect(channel).toBe(hex(sha256(channelPreimage({ ...fields, ...preimage }))));
    await settle('topUp', [channel, 70n], stranger);

    const claim = async (cumulative: bigint, levels: number): Promise<void> => {
      const logged = loggedReceipt(world, worker, chargedReceipt(channel, 10n, cumulative, 1n), levels);
      if (levels % 2 === 0) await settle('postHead', [logged.head], stranger);
      await settle('claim', [logged, signedVoucher(world, channel, worker, 900n)], stranger);
    };
    await claim(120n, 3);
    await claim(300n, 4);
    await claim(5_000n, 5);
    expect((await compare()).claimed.get(`${channel} ${hex(worker.log)}`)).toBe(900n);
    await settle('startClose', [channel], payer);

    const receiver = await deployed(chain, 'Receiver', [], 'Policies');
    const { timestamp } = await chain.rpc<{ readonly timestamp: Hex }>('eth_getBlockByNumber', ['latest', false]);
    const terms: Terms = {
      modelId: hex(filler('model')),
      policy: policy.address,
      resultVerifier: attested.address,
      unitPrice: 700n,
      maxFee: 1_000n,
      deadline: BigInt(timestamp) + 3_600n,
      callback: receiver.address,
      callbackGas: 300_000n,
    };
    const [input, output] = [filler('input', 96), filler('output', 64)];
    for (const works of [true, false]) {
      await mustSucceed(receiver.send('set', [!works, 0n]));
      const nonce = await settlement.view<bigint>('nonceOf', [requester]);
      const previous = await chain.rpc<{ readonly hash: Hex }>('eth_getBlockByNumber', ['latest', false]);
      await settle('openEscrow', [terms, hex(input)], requester);
      const id = last('EscrowOpened', 'escrow');
      const { chainId, settlement: at } = fields;
      const made = { chainId, settlement: at, requester: bytesOf(requester), nonce };
      expect(id).toBe(hex(sha256(escrowPreimage({ ...made, previousBlockHash: bytesOf(previous.hash) }))));
      const receipt = answeredReceipt(id, terms, input, output, 9n);
      await settle(
        'fulfil',
        [id, hex(output), loggedReceipt(world, worker, receipt, 6 + Number(works)), '0x'],
        stranger,
      );
      expect(await settlement.view('isAnswer', [id, hex(output), hex(worker.log)])).toBe(true);
      expect((await compare()).escrows.get(id)?.['undelivered']).toBe(!works);
    }
    await mustSucceed(receiver.send('set', [false, 0n]));
    await settle('retryCallback', [last('EscrowOpened', 'escrow'), hex(output), hex(worker.log)], stranger);
    expect(await receiver.view('count')).toBe(2n);
    await settle('openEscrow', [terms, hex(input)], requester);
    await compare();

    await chain.rpc('evm_increaseTime', [Number(CLOSE_DELAY)]);
    await chain.rpc('evm_mine', []);
    await settle('refund', [last('EscrowOpened', 'escrow')], stranger);
    await settle('finishClose', [channel], stranger);
    // Long after its log's expiry a second root is still evidence.
    await settle('postHead', [signedHead(world, worker, 16, filler('second root'))], stranger);
    expect(heard.at(-1)?.name).toBe('HeadsConflict');
    expect(await world.registry.view('isLive', [hex(worker.log)])).toBe(false);

    const books = await compare();
    expect([books.channels.size, books.escrows.size, books.roots.size]).toEqual([1, 3, 1]);
    const held = [...books.credits.values()].reduce((sum, credit) => sum + credit, 0n);
    expect(await world.token.view('balanceOf', [settlement.address])).toBe(held);
    // Each kind of event was heard, so that no line above went untried.
    expect([...new Set(heard.map(({ name }) => name))].sort()).toEqual(Object.keys(booking).sort());
  });
});
