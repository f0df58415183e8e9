import { setTimeout as pause } from 'node:timers/promises';
import { openJournal } from '../../../../host/journal/index.ts';
import { openPayments } from '../../../../host/settlement/open.ts';
import type { ServedContracts } from '../../../../host/settlement/terms.ts';
import type { OperatorAccount } from '../../../../host/settlement/transactions.ts';
import type { WorkerPool } from '../../../../host/workers/pool.ts';
import type { ChannelFields } from '../../../../wire/message/authorisations.ts';
import type { VoucherRaise } from '../../../../wire/message/channel.ts';
import { decodeConfiguration } from '../../../../wire/message/configuration.ts';
import type { Attested, Entries, PlainAnswer, ReadyInfo } from '../../../../wire/message/link.ts';
import { believedProof } from './world.ts';

/** A settling process that is killed. Its worker is its parent, which outlives it. */
export interface ChildStart {
  readonly directory: string;
  readonly url: string;
  readonly account: OperatorAccount;
  readonly served: ServedContracts;
  readonly fromBlock: bigint;
  readonly chainId: bigint;
  readonly settlement: Uint8Array;
  readonly ready: ReadyInfo;
  readonly log: Uint8Array;
  readonly channels: readonly ChannelFields[];
  readonly entries: readonly Entries[];
  readonly vouchers: readonly VoucherRaise[];
}

export type ChildQuestion =
  | { readonly attest: Uint8Array; readonly number: number }
  | { readonly plain: Uint8Array; readonly number: number };

export type ChildAnswer =
  | { readonly number: number; readonly attested: Attested }
  | { readonly number: number; readonly answer: PlainAnswer; readonly entries: Entries };

const waiting = new Map<number, (answer: ChildAnswer) => void>();
let asked = 0;

function ask(question: { readonly attest: Uint8Array } | { readonly plain: Uint8Array }): Promise<ChildAnswer> {
  asked += 1;
  const number = asked;
  process.send?.({ ...question, number });
  return new Promise((resolve) => waiting.set(number, resolve));
}

async function settle(start: ChildStart): Promise<void> {
  const { directory, url, account, served, fromBlock, chainId, settlement, ready, log } = start;
  const journal = openJournal(`${directory}/journal`, { maxBytes: 2 ** 27 });
  await journal.openLog(ready);
  for (const fields of start.channels) await journal.saveChannel(fields);
  for (const entries of start.entries) await journal.append(log, entries).durable;
  for (const voucher of start.vouchers) await journal.saveVoucher(log, voucher);
  const configuration = decodeConfiguration(ready.configuration);
  const worker = { log, info: ready, configuration };
  const workers = {
    configuration,
    members: [{ index: 0, state: { kind: 'ready' }, worker, models: [], underWay: 0 }],
    attest: async (challenge: Uint8Array) => {
      const answer = await ask({ attest: challenge });
      return { worker, attested: 'attested' in answer ? answer.attested : undefined };
    },
    plain: async (_: Uint8Array, request: Uint8Array) => {
      const answer = await ask({ plain: request });
      if (!('entries' in answer)) throw new TypeError('the answer to another question');
      await journal.append(log, answer.entries).durable;
      return { worker, answer: answer.answer };
    },
  } as unknown as WorkerPool;
  await openPayments({
    how: {
      ...{ rpc: [url], quorum: 1, account, fromBlock, finalAfterBlocks: 64n, serveAfterBlocks: 0n },
      ...{ pollMilliseconds: 20, claimAbove: 1n, renewBeforeSeconds: 60n, maxFeePerGas: 10n ** 12n, stuckSeconds: 1 },
      ...{ coinInTokens: 'any', unpaid: 'serve', serves: async () => served },
    },
    ...{ stateDirectory: directory, chainId, settlement, workers, journal },
    assemble: async () => ({}) as never,
    onEvent: () => undefined,
    prove: believedProof(log),
    patience: { callMs: 1_000, waitMs: 1_000 },
  });
  await pause(120_000);
}

process.on('message', (message: ChildStart | ChildAnswer) => {
  if ('directory' in message) void settle(message);
  else waiting.get(message.number)?.(message);
});
