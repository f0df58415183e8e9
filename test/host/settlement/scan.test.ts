import { encodeAbiParameters, type Hex, toEventSelector } from 'viem';
import { beforeEach, describe, expect, it } from 'vitest';
import { settlementAbi } from '../../../host/settlement/abi.ts';
import { createScan, type Scan } from '../../../host/settlement/scan.ts';

const posted = settlementAbi.find((item) => item.type === 'event' && item.name === 'HeadPosted');
const selector = toEventSelector(posted as never);
const of: Hex = `0x${'44'.repeat(32)}`;

/** A node by itself: it hides what there is, and tells it again. */
let hides: 'no-events' | 'nothing';
let scan: Scan;

beforeEach(() => {
  hides = 'nothing';
  scan = createScan({
    chain: {
      logs: async (_address, _topics, fromBlock, toBlock) => {
        const blockNumber = 100n;
        if (hides === 'no-events' || blockNumber < fromBlock || blockNumber > toBlock) return [];
        const data = encodeAbiParameters([{ type: 'uint256' }, { type: 'bytes32' }], [9n, of]);
        return [{ topics: [selector, of], data, blockNumber }] as never;
      },
    },
    settlement: '0x',
    fromBlock: 0n,
    nextBlock: 90n,
    finalAfterBlocks: 8n,
  });
});

const found = async (newest: bigint): Promise<number> => (await scan.next(newest)).posted.length;

describe('a node alone that tells of no events', () => {
  it('hides none for longer than it lies, while their blocks may be replaced', async () => {
    hides = 'no-events';
    for (const newest of [100n, 104n, 107n]) expect(await found(newest)).toBe(0);
    hides = 'nothing';
    expect(await found(108n)).toBe(1);
  });

  it('hides them for good once it has lied until they are final: whom that would cost asks several', async () => {
    hides = 'no-events';
    for (const newest of [100n, 109n, 120n]) expect(await found(newest)).toBe(0);
    hides = 'nothing';
    expect(await found(121n)).toBe(0);
    // Nothing else is lost by it: whoever knows of such a block has it read again.
    scan.returnTo(100n);
    expect(await found(121n)).toBe(1);
  });
});
