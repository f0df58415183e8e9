import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Hex } from 'viem';
import type { HostEvent } from '../../../../host/errors.ts';
import { blocksInCalls } from './reorganisation.ts';
import { books, type PaidWorld } from './world.ts';

/** What was done to a settler and what it said, so that a schedule which fails once can be understood from its report. */
export interface Timeline {
  step(what: string): void;
  deed(method: string, deed: string): void;
  event(event: HostEvent): void;
  /** Of every failure that was told. */
  codes(): readonly string[];
  /** Everything that decides what a settler does next: what it said, what it wrote down, and how the chain is. */
  report(subject: Subject): Promise<string>;
}

interface Subject {
  readonly world: PaidWorld;
  readonly directory: string;
  readonly escrows: readonly Hex[];
  readonly owed: bigint;
  readonly fromBlock: bigint;
}

const LINES = 200;
const TURNS = 6;

export function timeline(): Timeline {
  const start = performance.now();
  const lines: string[] = [];
  const codes = new Set<string>();
  let before: readonly string[] = [];
  /** What is said again and again is told once, and so is what comes in turns with it. */
  const say = (line: string): void => {
    if (!before.includes(line)) lines.push(`${(performance.now() - start).toFixed(0).padStart(6)} ${line}`);
    before = [line, ...before.slice(0, TURNS - 1)];
  };

  return {
    step: (what) => say(`-- ${what}`),
    deed: (method, deed) => say(`   node: ${deed} ${method}`),
    event(event) {
      if (event.event === 'settlement_failed') codes.add(event.code);
      say(`   ${JSON.stringify(event)}`);
    },
    codes: () => [...codes],
    async report({ world, directory, escrows, owed, fromBlock }) {
      const operator = world.accounts.operator;
      const count = async (tag: string): Promise<number> =>
        Number(await world.rpc<Hex>('eth_getTransactionCount', [operator, tag]));
      const chain = {
        block: Number(await world.rpc<Hex>('eth_blockNumber')),
        counts: { latest: await count('latest'), pending: await count('pending') },
        pool: await world.rpc<unknown>('txpool_inspect'),
        calls: await blocksInCalls(world),
      };
      const { fulfilled, ...sums } = await books(world, fromBlock);
      const open = escrows.filter((id) => !fulfilled.includes(id));
      return [
        lines.slice(-LINES).join('\n'),
        `owed ${owed}; now ${textOf(sums)}; from block ${fromBlock}; not fulfilled: ${textOf(open)}`,
        `chain: ${textOf(chain)}`,
        ...written(directory),
      ].join('\n');
    },
  };
}

function written(directory: string): readonly string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => `${name}: ${readFileSync(join(directory, name), 'utf8').replaceAll(/0x[0-9a-f]{130,}/g, '0x...')}`);
}

function textOf(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) => (typeof item === 'bigint' ? String(item) : item));
}
