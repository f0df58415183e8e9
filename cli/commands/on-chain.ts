import { join } from 'node:path';
import type { InferResult, PaymentOptions } from '../../client/index.ts';
import type { Done } from '../../contracts/deploy/index.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { CommandError, UsageError } from '../exit-codes.ts';
import { heading, rowLines } from '../report.ts';
import { DEMO_PRICE } from '../stack/demo-files.ts';
import type { DemoRelease } from '../stack/demo-release.ts';
import {
  type ChainChoice,
  findChain,
  type HostTransactions,
  hex,
  type OnChain,
  openChannel,
  writeServed,
} from '../stack/on-chain.ts';
import type { Stack } from '../stack/stack.ts';
import { type Parsed, textOption } from './arguments.ts';
import type { CommandContext } from './context.ts';

/** `--chain local|none`: where the worker is registered and paid. Without Foundry there is none, and that is said. */
export async function chainOption(parsed: Parsed): Promise<ChainChoice> {
  const text = textOption(parsed, 'chain') ?? 'local';
  if (text === 'none') return { kind: 'none', why: '--chain none' };
  if (text !== 'local') throw new UsageError(`--chain ${text} is not local or none`);
  return findChain();
}

const CHANNEL_AMOUNT = 100n * DEMO_PRICE;

export interface ChainRound {
  readonly payment: PaymentOptions;
  /** After a paid call: waits for its claim, and has a contract ask and be answered. */
  finish(result: InferResult): Promise<PoolStory>;
}

/** What a forecast changed in the example pool. Fees are in millionths of what is traded. */
export interface PoolStory {
  readonly pool: string;
  readonly feeBefore: number;
  readonly feeAfter: number;
  /** In units of 10^-18. */
  readonly volatility: bigint;
}

/** The owner's word that this is its release of that version, which no other release can be there any more. */
export async function listRelease(
  { local }: OnChain,
  { modelId, manifest, signed, sign }: DemoRelease,
): Promise<string | null> {
  const { openModelChain } = await import('../model/chain.ts');
  const chain = await openModelChain({ rpc: local.url, registry: local.deployment.models });
  const hash = await chain.list({ modelId, manifest, signed }, { unlocked: local.requester }, sign);
  if (hash !== null) await local.note('list the release', hash);
  return hash;
}

/** The worker is registered by its evidence, and somebody puts money aside for its operator. */
export async function beginRound(stack: Stack, onChain: OnChain, host: HostTransactions): Promise<ChainRound> {
  const { local } = onChain;
  // Nobody else makes blocks here. A registration names one that has another above it, and a simulated chip's certificates
  // may be younger than all that there are.
  for (let blocks = 0; blocks < 2; blocks++) await local.chain.rpc('evm_mine', []);
  await host.next('register');
  const storeFile = join(stack.policyFile, '..', 'payments.json');
  const payment = await openChannel(onChain, { amount: CHANNEL_AMOUNT, maxUnitPrice: DEMO_PRICE, storeFile });

  return {
    payment,
    async finish(result) {
      await host.next('claim');
      const claimed = await local.call('TestToken', local.token, 'balanceOf', [local.operator]);
      if (claimed !== result.receipt.fee) throw new CommandError(`${claimed} was claimed for ${result.receipt.fee}`);

      const { deployExamplePool, deploySimulatorPolicy } = await import('../../contracts/deploy/index.ts');
      const policy = await deploySimulatorPolicy(local, {
        registry: local.deployment.registry,
        image: hex(result.worker.imageId),
        provenance: hex(sha256(result.worker.imageId)),
        config: hex(result.worker.identity.config),
        operator: local.operator,
        expiresAt: Math.floor(Date.now() / 1_000) + DAY_SECONDS,
      });
      await writeServed(onChain, [policy]);
      const pool = await deployExamplePool(local, { modelId: hex(stack.files.modelId), policy, price: DEMO_PRICE });
      const feeBefore = await pool.fee();
      await pool.ask();
      await host.next('fulfil');
      const credit = await local.call('Settlement', local.deployment.settlement, 'creditOf', [local.operator]);
      if (credit !== DEMO_PRICE) throw new CommandError(`the escrow credited ${credit} instead of ${DEMO_PRICE}`);
      const volatility = await pool.volatility();
      if (volatility === null) throw new CommandError('the pool was answered and took no forecast');
      return { pool: pool.address, feeBefore, feeAfter: await pool.fee(), volatility };
    },
  };
}

const DAY_SECONDS = 86_400;

/** In the order in which they were mined: the receipts' gasUsed, calldata included. */
export async function transactionsOf({ local }: OnChain, host: HostTransactions): Promise<readonly Done[]> {
  const sent: readonly Done[] = [...local.done, ...host.sent()];
  const blocks = new Map<string, bigint>();
  for (const { hash } of sent) {
    const found = await local.chain.rpc<{ readonly blockNumber: string } | null>('eth_getTransactionReceipt', [hash]);
    if (found === null) throw new CommandError(`the chain does not know ${hash}`);
    blocks.set(hash, BigInt(found.blockNumber));
  }
  return [...sent].sort((a, b) => Number((blocks.get(a.hash) ?? 0n) - (blocks.get(b.hash) ?? 0n)));
}

export function writeTransactions(
  { style, write }: CommandContext,
  { local }: OnChain,
  inOrder: readonly Done[],
): void {
  write(heading(`Chain ${local.chainId} (this machine, Osaka rules)`, style));
  write(
    rowLines([
      ['registry', local.deployment.registry],
      ['settlement', local.deployment.settlement],
    ]),
  );
  for (const [at, { what, gasUsed, hash }] of inOrder.entries()) {
    // Trades are alike: the first of a row stands for all.
    if (what === inOrder[at - 1]?.what) continue;
    const alike = inOrder.slice(at).findIndex((done) => done.what !== what);
    const count = alike < 0 ? inOrder.length - at : alike;
    const times = count === 1 ? '' : ` (first of ${count})`;
    write(`  ${`${what}${times}`.padEnd(28)} ${gasUsed.toLocaleString('en-US').padStart(11)} gas  ${hash}\n`);
  }
}

export function writePool(
  { style, write }: CommandContext,
  { pool, feeBefore, feeAfter, volatility }: PoolStory,
): void {
  const percent = (millionths: number): string => `${(millionths / 10_000).toFixed(4)} %`;
  write(heading('A contract that asked', style));
  write(
    rowLines([
      ['pool', pool],
      ['asked about', 'its own last sixteen price changes, which nobody hands in'],
      ['forecast', `${(Number(volatility) / 1e16).toFixed(4)} % within twelve steps`],
      ['fee', `${percent(feeBefore)} before, ${percent(feeAfter)} now`],
    ]),
  );
}

export function writeNoChain({ style, write }: CommandContext, why: string): void {
  write(heading('Chain', style));
  write(`  NOT RUN: ${why}. Nothing was registered, paid or settled.\n`);
}
