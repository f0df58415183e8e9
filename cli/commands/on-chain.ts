import { join } from 'node:path';
import type { InferResult, PaymentOptions } from '../../client/index.ts';
import type { Done } from '../../contracts/deploy/index.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { encodeIntegers } from '../../wire/message/integers.ts';
import { CommandError, UsageError } from '../exit-codes.ts';
import { heading, rowLines } from '../report.ts';
import { DEMO_PRICE } from '../stack/demo-files.ts';
import {
  type ChainChoice,
  findChain,
  type HostTransactions,
  hex,
  type OnChain,
  openChannel,
  openEscrow,
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
  /** After a paid call: waits for its claim, and has one request made and answered on the chain. */
  finish(result: InferResult, values: readonly number[]): Promise<void>;
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
    async finish(result, values) {
      await host.next('claim');
      const claimed = await local.call('TestToken', local.token, 'balanceOf', [local.operator]);
      if (claimed !== result.receipt.fee) throw new CommandError(`${claimed} was claimed for ${result.receipt.fee}`);

      const { deploySimulatorPolicy } = await import('../../contracts/deploy/index.ts');
      const policy = await deploySimulatorPolicy(local, {
        registry: local.deployment.registry,
        image: hex(result.worker.imageId),
        provenance: hex(sha256(result.worker.imageId)),
        config: hex(result.worker.identity.config),
        operator: local.operator,
        expiresAt: Math.floor(Date.now() / 1_000) + DAY_SECONDS,
      });
      await writeServed(onChain, [policy]);
      const input = encodeIntegers([
        { decimals: INPUT_DECIMALS, shape: [1, values.length], values: values.map((value) => scaled(value)) },
      ]);
      await openEscrow(onChain, { modelId: stack.files.modelId, policy, price: DEMO_PRICE, input });
      await host.next('fulfil');
      const credit = await local.call('Settlement', local.deployment.settlement, 'creditOf', [local.operator]);
      if (credit !== DEMO_PRICE) throw new CommandError(`the escrow credited ${credit} instead of ${DEMO_PRICE}`);
    },
  };
}

const INPUT_DECIMALS = 6;
const DAY_SECONDS = 86_400;

function scaled(value: number): bigint {
  return BigInt(Math.round(value * 10 ** INPUT_DECIMALS));
}

/** Each transaction with what it cost: the receipts' gasUsed, calldata included. */
export async function writeTransactions(
  { style, write }: CommandContext,
  { local }: OnChain,
  host: HostTransactions,
): Promise<void> {
  const sent: readonly Done[] = [...local.done, ...host.sent()];
  const blocks = new Map<string, bigint>();
  for (const { hash } of sent) {
    const found = await local.chain.rpc<{ readonly blockNumber: string } | null>('eth_getTransactionReceipt', [hash]);
    if (found === null) throw new CommandError(`the chain does not know ${hash}`);
    blocks.set(hash, BigInt(found.blockNumber));
  }
  const inOrder = [...sent].sort((a, b) => Number((blocks.get(a.hash) ?? 0n) - (blocks.get(b.hash) ?? 0n)));
  write(heading(`Chain ${local.chainId} (this machine, Osaka rules)`, style));
  write(
    rowLines([
      ['registry', local.deployment.registry],
      ['settlement', local.deployment.settlement],
    ]),
  );
  for (const { what, gasUsed, hash } of inOrder) {
    write(`  ${what.padEnd(28)} ${gasUsed.toLocaleString('en-US').padStart(11)} gas  ${hash}\n`);
  }
}

export function writeNoChain({ style, write }: CommandContext, why: string): void {
  write(heading('Chain', style));
  write(`  NOT RUN: ${why}. Nothing was registered, paid or settled.\n`);
}
