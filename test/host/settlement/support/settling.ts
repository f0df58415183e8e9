import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { EventSink, HostEvent } from '../../../../host/errors.ts';
import { type Journal, openJournal } from '../../../../host/journal/index.ts';
import { openPayments, type Payments } from '../../../../host/settlement/open.ts';
import type { SettlementOptions } from '../../../../host/settlement/options.ts';
import type { ReadyWorker } from '../../../../host/worker-link.ts';
import type { WorkerPool } from '../../../../host/workers/pool.ts';
import { bytesOf } from '../../../contracts/support/settlement.ts';
import { believedProof, configurationOf, type PaidLog, type PaidWorld } from './world.ts';

/** The settling half of a host in this process, with a worker whose answers are known. */
export interface Settling {
  readonly payments: Payments;
  readonly journal: Journal;
  readonly events: readonly HostEvent[];
  /** Gives the journal what the worker has said since. */
  catchUp(): Promise<void>;
  stop(): Promise<void>;
}

export interface SettlingOptions {
  readonly directory: string;
  readonly settlement: SettlementOptions;
  readonly callMs?: number;
  readonly waitMs?: number;
  /** Told of everything, as it happens. */
  readonly onEvent?: EventSink;
}

export async function startSettling(world: PaidWorld, paid: PaidLog, options: SettlingOptions): Promise<Settling> {
  const events: HostEvent[] = [];
  const journal = openJournal(join(options.directory, 'journal'), { maxBytes: 2 ** 27 });
  await journal.openLog(paid.log.ready);
  let known = 0;
  let last: Promise<void> = Promise.resolve();
  async function readOn(): Promise<void> {
    for (const channel of paid.channels) await journal.saveChannel(channel.fields);
    for (; known < paid.entries.length; known++) {
      await journal.append(paid.log.log, paid.entries[known] as (typeof paid.entries)[number]).durable;
    }
    for (const voucher of paid.vouchers) await journal.saveVoucher(paid.log.log, voucher);
  }
  /** One after the other: the journal takes entries in their order only. */
  function catchUp(): Promise<void> {
    last = last.then(readOn);
    return last;
  }
  await catchUp();
  const worker: ReadyWorker = {
    log: paid.log.log,
    info: paid.log.ready,
    configuration: configurationOf(paid),
  };
  const workers = {
    configuration: worker.configuration,
    members: [{ index: 0, state: { kind: 'ready' }, worker, models: [], underWay: 0 }],
    attest: async (challenge: Uint8Array) => ({ worker, attested: paid.attest(challenge) }),
    plain: async (_: Uint8Array, request: Uint8Array) => {
      const { answer } = paid.plain(request);
      await catchUp();
      return { worker, answer };
    },
  } as unknown as WorkerPool;
  const payments = await openPayments({
    how: options.settlement,
    stateDirectory: options.directory,
    chainId: world.chainId,
    settlement: bytesOf(world.settlement.address.toLowerCase() as `0x${string}`),
    workers,
    journal,
    assemble: async () => ({}) as never,
    onEvent: (event) => {
      events.push(event);
      options.onEvent?.(event);
    },
    prove: believedProof(paid.log.log),
    patience: { callMs: options.callMs ?? 400, waitMs: options.waitMs ?? 2_000 },
  });
  return {
    payments,
    journal,
    events,
    catchUp,
    async stop() {
      await payments.settler.stop();
      await journal.close();
    },
  };
}

export function temporaryFolder(): { readonly path: string; remove(): void } {
  const path = mkdtempSync(join(tmpdir(), 'pm-settling-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

/** Waits for what should become true; a test's own time limit is for what never does. */
export async function eventually(what: string, check: () => Promise<unknown>, milliseconds = 15_000): Promise<void> {
  const until = performance.now() + milliseconds;
  for (;;) {
    if ((await check()) === true) return;
    if (performance.now() > until) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
}
