import type { EventSink } from '../errors.ts';
import type { AssembleEvidence } from '../evidence/assemble.ts';
import type { Journal } from '../journal/index.ts';
import { type Admission, createAdmission } from '../payments/admission.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { openChain } from './chain.ts';
import { fundsOf } from './claims.ts';
import type { SettlementOptions } from './options.ts';
import { type Settler, startSettler } from './settler.ts';
import { hex } from './words.ts';

export interface Payments {
  readonly admission: Admission;
  readonly settler: Settler;
  readonly unpaid: 'serve' | 'refuse';
}

export interface PaymentsOptions {
  readonly how: SettlementOptions;
  /** As the worker's configuration names them. */
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly workers: Omit<WorkerPool, 'close'>;
  readonly journal: Journal;
  readonly assemble: AssembleEvidence;
  readonly onEvent: EventSink;
}

/** Everything of the host that needs a chain, and with it the chain's library, which no other host has to install. */
export async function openPayments({ how, chainId, settlement, ...parts }: PaymentsOptions): Promise<Payments> {
  const chain = await openChain({ rpc: how.rpc, chainId, account: how.account });
  const at = { chain, settlement: hex(settlement) };
  return {
    admission: createAdmission({
      journal: parts.journal,
      fundsOf: (channel, log) => fundsOf(at, channel, log),
      now: () => performance.now(),
    }),
    settler: startSettler({ ...how, ...parts, chain, settlement }),
    unpaid: how.unpaid,
  };
}
