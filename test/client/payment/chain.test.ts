import {
  createPublicClient,
  createWalletClient,
  decodeFunctionData,
  decodeFunctionResult,
  encodeFunctionData,
  encodeFunctionResult,
  http,
  parseAbi,
} from 'viem';
import { describe, expect, it } from 'vitest';
import {
  type ChannelChain,
  type ChannelOnChain,
  channelStatus,
  createSessionKey,
  importSessionKey,
  memoryStore,
  openChannel,
  type ReadsChain,
  viemChannelChain,
  type WritesChain,
} from '../../../client/index.ts';
import { concatBytes, toHex, utf8 } from '../../../wire/bytes.ts';
import { verifyLowS } from '../../../wire/crypto/ecdsa.ts';
import { nodeSuite, sha256 } from '../../../wire/crypto/node.ts';
import { channelPreimage } from '../../../wire/message/authorisations.ts';
import { chain as terms } from '../../support/payment.ts';
import { createWorld, refusalOf } from '../world.ts';

const payer = new Uint8Array(20).fill(0x44);

interface FakeChain extends ChannelChain {
  readonly channels: Map<string, ChannelOnChain>;
  readonly claims: Map<string, bigint>;
}

/** A settlement's book, without a chain. */
function fakeChain(): FakeChain {
  const channels = new Map<string, ChannelOnChain>();
  const claims = new Map<string, bigint>();
  const nobody = { payer: new Uint8Array(20), payee: new Uint8Array(20) };
  const none = { ...nobody, sessionX: new Uint8Array(32), sessionY: new Uint8Array(32), balance: 0n, closesAt: 0n };
  const { chainId, settlement } = terms;
  return {
    ...{ chainId, settlement, payer, channels, claims },
    channelOf: async (id) => channels.get(toHex(id)) ?? none,
    claimedOf: async (id, log) => claims.get(`${toHex(id)}/${toHex(log)}`) ?? 0n,
    async openChannel({ payee, sessionX, sessionY, salt, amount }) {
      const id = sha256(channelPreimage({ chainId, settlement, payer, payee, sessionX, sessionY, salt }));
      channels.set(toHex(id), { payer, payee, sessionX, sessionY, balance: amount, closesAt: 0n });
    },
    topUp: async () => {},
    startClose: async () => {},
    finishClose: async () => {},
  };
}

describe('a session key', () => {
  it('signs as a worker checks it, and is the same after it was stored', async () => {
    const key = await createSessionKey();
    const again = await importSessionKey(await key.export());
    expect([again.x, again.y]).toEqual([key.x, key.y]);
    const point = concatBytes(Uint8Array.of(4), key.x, key.y);
    // Half of all signatures have a high s before they are normalised.
    for (let i = 0; i < 8; i++) {
      const message = utf8(`message ${i}`);
      expect(await verifyLowS(nodeSuite, point, message, await again.sign(message))).toBe(true);
    }
  });

  it('that was stored wrongly is refused', async () => {
    const stored = await (await createSessionKey()).export();
    expect(await refusalOf(importSessionKey({ ...stored, d: 'AA' }))).toBe('argument_invalid/argument_invalid');
  });
});

describe('a channel', () => {
  it('is opened, pays for calls, and says where it stands', async () => {
    const chain = fakeChain();
    const key = await createSessionKey();
    const channel = await openChannel({ chain, payee: terms.operator, key, amount: 1_000n, suite: nodeSuite });
    const store = memoryStore();
    const world = await createWorld({ ...terms, limits: { channels: 4 } });
    const payment = {
      ...{ channel, store, sign: key.sign, ahead: 20n },
      ...{ maxOutstanding: 100n, maxSpend: 500n, maxUnitPrice: 5n },
    };
    const { worker } = await world.client({}, { payment }).infer(world.call);
    const before = await channelStatus({ chain, channel, store, suite: nodeSuite });
    expect(before).toMatchObject({ balance: 1_000n, verified: 5n, unknown: 0n, outstanding: 20n, claimed: 0n });
    expect(before.overclaimed).toEqual([]);
    chain.claims.set(`${toHex(before.id)}/${toHex(worker.log)}`, 25n);
    const after = await channelStatus({ chain, channel, store, suite: nodeSuite });
    expect(after).toMatchObject({ claimed: 25n, overclaimed: [worker.log] });
  });

  it.each<[string, Partial<ChannelOnChain>]>([
    ['is not there', { payer: new Uint8Array(20) }],
    ['pays somebody else', { payee: new Uint8Array(20).fill(9) }],
    ['is of another key', { sessionX: new Uint8Array(32).fill(9) }],
    ['is of half another key', { sessionY: new Uint8Array(32).fill(9) }],
  ])('that %s is not paid with, whatever a node has said of its transaction', async (_, change) => {
    const chain = fakeChain();
    const key = await createSessionKey();
    const lying = { ...chain, channelOf: async (id: Uint8Array) => ({ ...(await chain.channelOf(id)), ...change }) };
    expect(
      await refusalOf(openChannel({ chain: lying, payee: terms.operator, key, amount: 1n, suite: nodeSuite })),
    ).toBe('channel_mismatch/channel_unknown');
  });

  it.each<[string, { readonly payee?: Uint8Array; readonly amount?: bigint }]>([
    ['nothing', { amount: 0n }],
    ['nobody', { payee: new Uint8Array(20) }],
    ['half an address', { payee: new Uint8Array(10).fill(1) }],
  ])('for %s is none', async (_, change) => {
    const key = await createSessionKey();
    const options = { chain: fakeChain(), payee: terms.operator, key, amount: 1n, suite: nodeSuite, ...change };
    expect(await refusalOf(openChannel(options))).toBe('argument_invalid/argument_invalid');
  });
});

/** The contracts' own words; a test of theirs holds these against the chain. */
const contracts = parseAbi([
  'struct Channel { address payer; address payee; bytes32 sessionX; bytes32 sessionY; uint128 balance; uint48 closesAt; }',
  'function channelOf(bytes32 id) view returns (Channel)',
  'function claimedOf(bytes32 id, bytes32 log) view returns (uint256)',
  'function creditOf(address account) view returns (uint256)',
  'function TOKEN() view returns (address)',
  'function openChannel(address payee, bytes32 x, bytes32 y, bytes32 salt, uint256 amount) returns (bytes32)',
  'function topUp(bytes32 id, uint256 amount)',
  'function startClose(bytes32 id)',
  'function finishClose(bytes32 id)',
  'function allowance(address owner, address spender) view returns (uint256)',
  'function approve(address spender, uint256 amount) returns (bool)',
]);

interface Sent {
  readonly to: string;
  readonly name: string;
  readonly args: readonly unknown[];
}

describe('over viem', () => {
  const settlement = `0x${'22'.repeat(20)}` as const;
  const token = `0x${'55'.repeat(20)}` as const;
  const account = `0x${'44'.repeat(20)}` as const;
  const values: Readonly<Record<string, unknown>> = {
    channelOf: {
      payer: '0xabcdef0123456789abcdef0123456789abcdef01',
      payee: account,
      sessionX: `0x${'01'.repeat(32)}`,
      sessionY: `0x${'02'.repeat(32)}`,
      balance: 7n,
      closesAt: 9,
    },
    claimedOf: 3n,
    creditOf: 40n,
    TOKEN: token,
    allowance: 0n,
  };

  /** Whatever goes to the chain is encoded by the client's words and read by the contracts', and the other way round. */
  function clients(status: 'success' | 'reverted' = 'success'): {
    readonly reads: ReadsChain;
    readonly writes: WritesChain;
    readonly sent: Sent[];
  } {
    const sent: Sent[] = [];
    const reads: ReadsChain = {
      getChainId: async () => 31_337,
      readContract: async (call) => {
        const abi = call.abi as never;
        const { functionName } = decodeFunctionData({
          abi: contracts,
          data: encodeFunctionData({ abi, functionName: call.functionName, args: call.args } as never),
        });
        const result = values[functionName] as never;
        const data = encodeFunctionResult({ abi: contracts, functionName, result } as never);
        return decodeFunctionResult({ abi, functionName: call.functionName, data } as never);
      },
      waitForTransactionReceipt: async () => ({ status }),
    };
    const writes: WritesChain = {
      writeContract: async (call) => {
        const data = encodeFunctionData({ abi: call.abi, functionName: call.functionName, args: call.args } as never);
        const { functionName: name, args = [] } = decodeFunctionData({ abi: contracts, data });
        sent.push({ to: call.address, name, args });
        return '0x00';
      },
    };
    return { reads, writes, sent };
  }

  it('locks what the payer gives, and approves what its credit lacks and no more', async () => {
    const { sent, ...given } = clients();
    const chain = await viemChannelChain({ ...given, payer: account, settlement });
    expect([chain.chainId, toHex(chain.settlement), toHex(chain.payer)]).toEqual([
      31_337n,
      '22'.repeat(20),
      '44'.repeat(20),
    ]);
    const word = new Uint8Array(32).fill(1);
    await chain.openChannel({ payee: payer, sessionX: word, sessionY: word, salt: word, amount: 100n });
    expect(sent.map(({ to, name }) => [to, name])).toEqual([
      [token, 'approve'],
      [settlement, 'openChannel'],
    ]);
    expect(sent[0]?.args[1]).toBe(60n);
    expect(sent[1]?.args.at(-1)).toBe(100n);
    await chain.topUp(word, 30n);
    await chain.startClose(word);
    await chain.finishClose(word);
    // Thirty come out of the credit.
    expect(sent.slice(2).map(({ name }) => name)).toEqual(['topUp', 'startClose', 'finishClose']);
  });

  it('reads a channel as it is', async () => {
    const { sent: _, ...given } = clients();
    const chain = await viemChannelChain({ ...given, payer: account, settlement });
    const id = new Uint8Array(32).fill(1);
    expect(await chain.channelOf(id)).toMatchObject({ balance: 7n, closesAt: 9n, payee: payer });
    expect(toHex((await chain.channelOf(id)).payer)).toBe('abcdef0123456789abcdef0123456789abcdef01');
    expect(await chain.claimedOf(id, id)).toBe(3n);
  });

  it('says what was reverted', async () => {
    const { sent: _, ...given } = clients('reverted');
    const chain = await viemChannelChain({ ...given, payer: account, settlement });
    expect(await refusalOf(chain.startClose(new Uint8Array(32)))).toBe('channel_mismatch/channel_mismatch');
  });

  it('takes addresses only', async () => {
    const { sent: _, ...given } = clients();
    expect(await refusalOf(viemChannelChain({ ...given, payer: '0x44', settlement }))).toBe(
      'argument_invalid/hex_invalid',
    );
  });

  it('takes viem’s own clients as they are', () => {
    const transport = http('http://127.0.0.1:1');
    const reads: ReadsChain = createPublicClient({ transport });
    const writes = createWalletClient({ account, transport });
    expect([typeof reads.readContract, typeof writes.writeContract]).toEqual(['function', 'function']);
  });
});
