import {
  encodeAbiParameters,
  encodeFunctionResult,
  parseAbi,
  toEventSelector,
  toFunctionSelector,
  toHex as viemHex,
} from 'viem';
import { describe, expect, it } from 'vitest';
import type { ChainReader } from '../../../../../../host/console/page/connection/chain.ts';
import {
  chainProblem,
  readChannel,
  readOnChain,
  selectors,
  topics,
} from '../../../../../../host/console/page/views/receipts/chain.ts';
import { registryAbi, settlementAbi } from '../../../../../../host/settlement/abi.ts';
import type { WorkerFacts } from '../../../../../../verifier/index.ts';
import { fromHex, toHex } from '../../../../../../wire/bytes.ts';
import type { JsonValue } from '../../../../../../wire/codec/json.ts';

const more = parseAbi([
  'function operatorOf(bytes32 log) view returns (address)',
  'event Claimed(bytes32 indexed channel, bytes32 indexed log, uint256 amount, uint256 claimedByLog)',
]);
const bytes = (length: number, fill: number): Uint8Array => new Uint8Array(length).fill(fill);
const hex = (value: Uint8Array): `0x${string}` => viemHex(value);
const log = bytes(32, 1);
const worker = {
  log,
  identity: { chainId: 31_337n, registry: bytes(20, 2), settlement: bytes(20, 3) },
} as unknown as WorkerFacts;
const root = bytes(32, 7);
const channel = bytes(32, 8);

const headKey = {
  signerX: hex(bytes(32, 4)),
  signerY: hex(bytes(32, 5)),
  settlement: hex(bytes(20, 3)),
  expiresAt: 1_900,
  revokedAt: 0,
};
const event = (named: readonly string[], data: `0x${string}`, block: number): JsonValue => ({
  topics: named,
  data,
  transactionHash: `0x${'ab'.repeat(32)}`,
  blockNumber: `0x${block.toString(16)}`,
});
const two = [{ type: 'uint256' }, { type: 'bytes32' }] as const;
const amounts = [{ type: 'uint256' }, { type: 'uint256' }] as const;

function chain(
  changes: { readonly call?: (data: string) => string; readonly logs?: JsonValue } = {},
): ChainReader & { readonly asked: JsonValue[] } {
  const asked: JsonValue[] = [];
  const known: Readonly<Record<string, string>> = {
    [selectors.headKeyOf]: encodeFunctionResult({ abi: registryAbi, functionName: 'headKeyOf', result: headKey }),
    [selectors.operatorOf]: encodeFunctionResult({ abi: more, functionName: 'operatorOf', result: hex(bytes(20, 6)) }),
    [selectors.channelOf]: encodeFunctionResult({
      abi: settlementAbi,
      functionName: 'channelOf',
      result: {
        payer: hex(bytes(20, 9)),
        payee: hex(bytes(20, 6)),
        sessionX: hex(bytes(32, 1)),
        sessionY: hex(bytes(32, 2)),
        balance: 70n,
        closesAt: 0,
      },
    }),
    [selectors.claimedOf]: encodeFunctionResult({ abi: settlementAbi, functionName: 'claimedOf', result: 30n }),
  };
  return {
    asked,
    chainId: async () => 31_337n,
    blockNumber: async () => 25_000n,
    call: async (_, data) => {
      const selector = toHex(data.subarray(0, 4));
      return fromHex((changes.call?.(selector) ?? known[selector] ?? '0x').slice(2));
    },
    async request(method, params) {
      asked.push({ method, params: params as JsonValue });
      if (changes.logs !== undefined) return changes.logs;
      const [{ topics: wanted }] = params as unknown as [{ readonly topics: readonly (string | null)[] }];
      return wanted[0] === topics.headPosted
        ? [event([topics.headPosted, hex(log)], encodeAbiParameters(two, [6n, hex(root)]), 100)]
        : [event([topics.claimed, hex(channel), hex(log)], encodeAbiParameters(amounts, [30n, 30n]), 120)];
    },
  };
}

const refusal = async (work: Promise<unknown>): Promise<unknown> =>
  work.catch((error: { readonly reason: string }) => error.reason);

describe('what the page asks contracts', () => {
  it('is in their own words', () => {
    const functions = [...registryAbi, ...settlementAbi, ...more].flatMap((item) =>
      item.type === 'function' ? [item] : [],
    );
    for (const [name, selector] of Object.entries(selectors)) {
      const found = functions.find((item) => item.name === name);
      expect(found && toFunctionSelector(found)).toBe(`0x${selector}`);
    }
    const events = [...settlementAbi, ...more].flatMap((item) => (item.type === 'event' ? [item] : []));
    expect(events.filter(({ name }) => name !== 'EscrowOpened').map((item) => toEventSelector(item))).toEqual([
      topics.headPosted,
      topics.claimed,
    ]);
  });

  it('gives the registration, posted heads and claims of one log, in blocks that a node answers for', async () => {
    const node = chain();
    const found = await readOnChain(node, worker);
    expect(found.registered).toEqual({ operator: bytes(20, 6), expiresAt: 1_900n, revokedAt: null });
    expect(found.heads).toEqual([{ size: 6, root, transaction: `0x${'ab'.repeat(32)}`, block: 100n }]);
    expect(found.claims).toMatchObject([{ channel, amount: 30n, claimedByLog: 30n, block: 120n }]);
    expect([found.from, found.block]).toEqual([15_001n, 25_000n]);
    expect(node.asked).toHaveLength(2);
  });

  it('tells where a channel stands, and that one is unknown', async () => {
    expect(await readChannel(chain(), worker, channel)).toMatchObject({
      balance: 70n,
      closesAt: 0n,
      claimedByLog: 30n,
    });
    const none = chain({ call: () => `0x${'00'.repeat(32 * 6)}` });
    expect(await readChannel(none, worker, channel)).toBe(undefined);
  });

  it('is not asked of another chain, nor for a worker of none', async () => {
    expect(await chainProblem(chain(), worker)).toBe(null);
    const of = (chainId: bigint) => ({ ...worker, identity: { ...worker.identity, chainId } }) as WorkerFacts;
    expect(await chainProblem(chain(), of(1n))).toBe('other_chain');
    expect(await chainProblem(chain(), of(0n))).toBe('no_chain');
  });

  it.each<[string, Parameters<typeof chain>[0]]>([
    ['an address without a contract', { call: () => '0x' }],
    ['no list', { logs: 'none' }],
    ['an event without topics', { logs: [{ data: '0x' }] }],
    ['an event of another form', { logs: [event([hex(log)], '0x00', 1)] }],
    ['a size that is no count', { logs: [event([hex(log)], encodeAbiParameters(two, [2n ** 60n, hex(root)]), 1)] }],
  ])('may answer rubbish, which is said: %s', async (_, changes) => {
    expect(await refusal(readOnChain(chain(changes), worker))).toBe('chain_error');
  });
});
