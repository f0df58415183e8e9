import { type AbiEvent, type Address, decodeAbiParameters, type Hex, keccak256, type Log, toEventSelector } from 'viem';
import { PaymentError } from '../payments/errors.ts';
import { settlementAbi } from './abi.ts';
import { smaller } from './amounts.ts';
import type { ChainReader } from './chain.ts';

export interface OpenedEscrow {
  readonly id: Hex;
  readonly input: Hex;
  readonly block: bigint;
  /** Of everything that is asked: another block may have the same id with other terms, or with another input. */
  readonly hash: Hex;
}

export interface Found {
  readonly opened: readonly OpenedEscrow[];
  readonly posted: readonly { readonly log: Hex; readonly size: bigint }[];
}

/** Reads a contract's events from where it stopped. Blocks that may still be replaced are read again each time. */
export interface Scan {
  next(newest: bigint): Promise<Found>;
  /** One request again, from the block that asked for it: nodes that are not at one tell more than one. */
  recall(id: Hex, block: bigint): Promise<readonly OpenedEscrow[]>;
  /** What is there from this block on is to be found again: there was no room for it. */
  returnTo(block: bigint): void;
  readonly nextBlock: bigint;
}

export interface ScanOptions {
  readonly chain: Pick<ChainReader, 'logs'>;
  readonly settlement: Address;
  /** Nothing is older. */
  readonly fromBlock: bigint;
  readonly nextBlock: bigint;
  readonly finalAfterBlocks: bigint;
}

/** What public nodes answer in one go; fewer where they do not. */
const MOST_BLOCKS = 5_000n;

interface KnownEvent {
  readonly selector: Hex;
  /** Of what is not in its topics. */
  readonly inputs: AbiEvent['inputs'];
}

function eventNamed(name: 'EscrowOpened' | 'HeadPosted'): KnownEvent {
  const event = settlementAbi.find((item) => item.type === 'event' && item.name === name) as AbiEvent;
  return { selector: toEventSelector(event), inputs: event.inputs.filter(({ indexed }) => indexed !== true) };
}

const OPENED = eventNamed('EscrowOpened');
const POSTED = eventNamed('HeadPosted');

/** Requests that need no receipt are for provers, who are others. */
function openedIn(log: Log): readonly OpenedEscrow[] {
  const [, needsReceipt, , input] = valuesIn(OPENED, log) as readonly [bigint, boolean, unknown, Hex] | [];
  const id = log.topics[1];
  return needsReceipt === true && id !== undefined && log.blockNumber !== null
    ? [{ id, input: input as Hex, block: log.blockNumber, hash: keccak256(log.data) }]
    : [];
}

function postedIn(log: Log): Found['posted'] {
  const [size] = valuesIn(POSTED, log) as readonly [bigint, Hex] | [];
  const [, of] = log.topics;
  return size !== undefined && of !== undefined ? [{ log: of, size }] : [];
}

/** The contract makes no event that cannot be read: whatever cannot was made up by a node, and is left out. */
function valuesIn({ inputs }: KnownEvent, { data }: Log): readonly unknown[] {
  try {
    return decodeAbiParameters(inputs, data);
  } catch {
    return [];
  }
}

export function createScan({ chain, settlement, fromBlock, finalAfterBlocks, ...start }: ScanOptions): Scan {
  let nextBlock = start.nextBlock;
  let span = MOST_BLOCKS;

  async function read(from: bigint, to: bigint): Promise<Found> {
    const logs = await chain.logs(settlement, [[OPENED.selector, POSTED.selector]], from, to);
    const opened = logs.filter(({ topics }) => topics[0] === OPENED.selector).flatMap(openedIn);
    return { opened, posted: logs.filter(({ topics }) => topics[0] === POSTED.selector).flatMap(postedIn) };
  }

  return {
    async next(newest) {
      // A node may have said that the chain was longer than it is: what comes next is read when it is there.
      if (nextBlock > newest + 1n) nextBlock = newest + 1n;
      const back = finalAfterBlocks < span ? finalAfterBlocks : span;
      const again = nextBlock - back - 1n;
      const from = again < fromBlock ? fromBlock : again;
      if (from > newest) return { opened: [], posted: [] };
      const last = from + back + span;
      const to = smaller(last, newest);
      try {
        const found = await read(from, to);
        nextBlock = to + 1n;
        if (span < MOST_BLOCKS) span = 2n * span;
        return found;
      } catch (error) {
        // Too much in one answer, perhaps: fewer blocks are asked for next.
        if (error instanceof PaymentError && span > 1n) span /= 2n;
        throw error;
      }
    },
    async recall(id, block) {
      return (await chain.logs(settlement, [[OPENED.selector], [id]], block, block)).flatMap(openedIn);
    },
    returnTo(block) {
      if (block < nextBlock) nextBlock = block;
    },
    get nextBlock() {
      return nextBlock;
    },
  };
}
