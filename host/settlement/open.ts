import { join } from 'node:path';
import { type EncodeFunctionDataParameters, encodeFunctionData } from 'viem';
import type { EventSink } from '../errors.ts';
import type { AssembleEvidence } from '../evidence/assemble.ts';
import type { Journal } from '../journal/index.ts';
import { type Admission, createAdmission } from '../payments/admission.ts';
import { PaymentError } from '../payments/errors.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { type ChainReader, createChainReader, type OnRefused, type SettlementChain } from './chain.ts';
import { claimableMs } from './claimable.ts';
import { fundsOf } from './funds.ts';
import { createInFlight } from './in-flight.ts';
import type { SettlementOptions } from './options.ts';
import { type Prove, prove } from './register.ts';
import { revertReason } from './reverts.ts';
import { createEndpoints } from './rpc/endpoints.ts';
import { createSender } from './sender.ts';
import { type Settler, startSettler } from './settler.ts';
import { openState } from './state.ts';
import { createTransactions } from './transactions.ts';
import { createWatch } from './watch.ts';
import { hex } from './words.ts';

export interface Payments {
  readonly admission: Admission;
  readonly settler: Settler;
  readonly unpaid: 'serve' | 'refuse';
  /** How long after a worker was last heard of its receipts may still be claimed. */
  claimableMs(): Promise<number>;
}

export interface PaymentsOptions {
  readonly how: SettlementOptions;
  /** The host's, in which the settler has a folder. */
  readonly stateDirectory: string;
  /** As the worker's configuration names them. */
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly workers: Pick<WorkerPool, 'members' | 'attest' | 'plain' | 'configuration'>;
  readonly journal: Journal;
  readonly assemble: AssembleEvidence;
  readonly onEvent: EventSink;
  /** How evidence is made into calldata; tests have contracts that take other evidence. */
  readonly prove?: Prove;
  /** How long a transaction is waited for, and a node: both are looked after again later. */
  readonly patience?: Partial<ChainPatience>;
}

export interface ChainPatience {
  readonly callMs: number;
  readonly waitMs: number;
}

/** Simulating a registration is a second of work for a node, and many for a busy one. */
const patience: ChainPatience = { callMs: 20_000, waitMs: 15_000 };

/** Everything of the host that needs a chain, and with it the chain's library, which no other host has to install. */
export async function openPayments({ how, chainId, settlement, ...parts }: PaymentsOptions): Promise<Payments> {
  const { onEvent } = parts;
  const { finalAfterBlocks, maxFeePerGas, quorum } = how;
  const { callMs, waitMs } = { ...patience, ...parts.patience };
  const now = (): number => performance.now();
  const endpoints = createEndpoints({
    urls: how.rpc,
    chainId,
    quorum,
    callMs,
    onFault: (endpoint, code) => onEvent({ event: 'chain_fault', endpoint, code }),
    now,
  });
  const onRefused: OnRefused = (call, data, block) =>
    onEvent({ event: 'contract_refused', call, reason: revertReason(data), block: String(block) });
  const reader = createChainReader({ endpoints, finalAfterBlocks, onRefused });
  const transactions = createTransactions({ endpoints, chainId, account: how.account });
  const state = openState({
    directory: join(parts.stateDirectory, 'settlement'),
    name: await nameOf(reader, how.fromBlock, [chainId, hex(settlement), transactions.operator]),
  });
  const table = createInFlight(state, now);
  const watch = createWatch({
    ...{ table, chain: reader, transactions, maxFeePerGas, finalAfterBlocks, now },
    stuckMs: 1_000 * how.stuckSeconds,
    events: {
      mined: (what, { hash, gasUsed }) => onEvent({ event: 'transaction', what, hash, gas: String(gasUsed) }),
      reverted: (what, hash, block) => onEvent({ event: 'transaction_reverted', what, hash, block: String(block) }),
      vanished: (what, hash) => onEvent({ event: 'transaction_vanished', what, hash }),
      replaced: (what, { max }) => onEvent({ event: 'transaction_replaced', what, maxFeePerGas: String(max) }),
      capped: (what) => onEvent({ event: 'transaction_capped', what }),
    },
  });
  const sender = createSender({
    ...{ table, watch, transactions, maxFeePerGas, waitMs, now },
    onRefused: (what, data) => onRefused(what, data, reader.heard()),
  });
  const chain: SettlementChain = {
    ...reader,
    operator: transactions.operator,
    send: (call, intent) =>
      sender.send({ to: call.to, data: encodeFunctionData(call as unknown as EncodeFunctionDataParameters) }, intent),
  };
  return {
    admission: createAdmission({
      journal: parts.journal,
      fundsOf: (channel, log) => fundsOf({ chain, settlement: hex(settlement), quorum }, channel, log),
      now,
    }),
    settler: startSettler({
      ...{ ...how, ...parts, chain, sender, state, settlement, now },
      configuration: parts.workers.configuration,
      prove: parts.prove ?? prove,
    }),
    unpaid: how.unpaid,
    claimableMs: () => claimableMs(reader, hex(parts.workers.configuration.registry)),
  };
}

/**
 * What was written down is of one account, on one chain: a chain that began anew with the same number, as those of a
 * developer do, has another block where this settlement was created.
 */
async function nameOf(reader: ChainReader, fromBlock: bigint, words: readonly unknown[]): Promise<string> {
  const first = await reader.blockAt(fromBlock);
  if (first === undefined) throw new PaymentError('chain_unavailable', `it has no block ${fromBlock}`);
  return [...words, first.hash.slice(2, 18)].join('-').toLowerCase();
}
