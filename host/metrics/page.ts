import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { toHex } from '../../wire/bytes.ts';
import { type CounterName, counterNames } from '../../wire/message/telemetry.ts';
import type { HealthSnapshot } from '../health.ts';
import type { WorkerPool } from '../workers/pool.ts';
import { memberStates } from '../workers/state.ts';
import type { EventCounters } from './events.ts';
import { type Family, type Labels, writeFamilies } from './text.ts';
import type { Traffic } from './traffic.ts';

export interface PageSources {
  readonly traffic: Pick<Traffic, 'families'>;
  readonly events: Pick<EventCounters, 'families'>;
  readonly workers: Pick<WorkerPool, 'members'>;
  readonly health: () => HealthSnapshot;
  /** Leaves that the journal has of a log. */
  readonly logSize: (log: Uint8Array) => number;
  readonly journalDirectory: string;
  /** Undefined where nothing is settled. */
  readonly settlement: () => SettlementFigures | undefined;
  /** Milliseconds of the pool's clock. */
  readonly now: () => number;
}

/** How far settlement is behind. Amounts above 2^53 are rounded. */
export interface SettlementFigures {
  /** Receipts that no posted head stands above, over all logs. */
  readonly unpostedLeaves: number;
  /** What vouchers are worth and nobody has claimed yet, in the token's smallest unit. */
  readonly unclaimedAmount: number;
  readonly pendingTransactions: number;
  /** Since a round in which nothing failed. */
  readonly lastSuccessSeconds: number;
}

/** Everything at once, as it stands when somebody asks. */
export function writePage(sources: PageSources): string {
  return writeFamilies([
    ...sources.traffic.families,
    ...sources.events.families,
    ...poolFamilies(sources),
    ...telemetryFamilies(sources.health()),
    ...settlementFamilies(sources.settlement()),
    ...hostFamilies(sources),
  ]);
}

function poolFamilies({ workers: { members }, logSize, now }: PageSources): readonly Family[] {
  const each = (
    name: string,
    help: string,
    value: (member: WorkerPool['members'][number]) => number | undefined,
  ): Family => ({
    name,
    help,
    type: 'gauge',
    samples: members.flatMap((member) => {
      const found = value(member);
      return found === undefined ? [] : [{ labels: workerLabel(member.index), value: found }];
    }),
  });
  return [
    {
      name: 'proofmark_worker_state',
      help: 'One for the state that a worker is in, zero for all others.',
      type: 'gauge',
      samples: members.flatMap(({ index, state: { kind } }) =>
        memberStates.map((state) => ({ labels: { ...workerLabel(index), state }, value: kind === state ? 1 : 0 })),
      ),
    },
    {
      name: 'proofmark_worker_log_info',
      help: 'The log of the worker that is connected; a worker that was started again has another.',
      type: 'gauge',
      samples: members.flatMap(({ index, worker }) =>
        worker === undefined ? [] : [{ labels: { ...workerLabel(index), log: toHex(worker.log) }, value: 1 }],
      ),
    },
    each('proofmark_worker_requests', 'Requests sent to a worker and not yet answered.', ({ underWay }) => underWay),
    each('proofmark_worker_models', 'Models that a worker has loaded.', ({ models }) => models.length),
    each('proofmark_attestation_age_seconds', 'Since a worker last attested to this host.', ({ attestedAt }) =>
      attestedAt === undefined ? undefined : (now() - attestedAt) / 1_000,
    ),
    each('proofmark_log_size', 'Receipts of a worker that the journal has.', ({ worker }) =>
      worker === undefined ? undefined : logSize(worker.log),
    ),
  ];
}

/** Counters of the worker that go up and down. */
const gauges: ReadonlySet<CounterName> = new Set(['leaves', 'leavesAcknowledged', 'requestsUnderWay']);

const telemetryHelp: Readonly<Record<CounterName, string>> = {
  sealedRequests: 'Sealed requests that a worker took.',
  plainRequests: 'Unsealed requests that a worker took.',
  answersOk: 'Answers with status ok.',
  answersCancelled: 'Answers that their client cancelled.',
  answersModelError: 'Answers with status model error.',
  answersStopped: 'Answers that were stopped.',
  answersRefused: 'Requests that a worker refused with a receipt.',
  modelCrashes: 'Model processes that ended by themselves.',
  modelTimeouts: 'Model processes that took too long.',
  refusedBusy: 'Requests that a worker had no room for.',
  refusedLogFull: 'Requests refused because too many leaves were not acknowledged.',
  refusedRecords: 'Records that a worker could not open.',
  refusedOther: 'Requests refused for another reason.',
  sessionsOpened: 'Sessions that were opened.',
  handshakesRefused: 'Handshakes that were refused.',
  attestations: 'Documents that a worker made.',
  attestationsFailed: 'Documents that a worker could not make.',
  modelsLoaded: 'Releases that a worker loaded.',
  modelsRefused: 'Releases that a worker refused.',
  leaves: 'Leaves in the log of a worker.',
  leavesAcknowledged: 'Leaves that the host has acknowledged as durable.',
  requestsUnderWay: 'Requests that a worker took and has not yet answered.',
  modelRuns: 'Runs of tensor models.',
  modelRunRequests: 'Requests that runs of tensor models were for; by runs, this is the mean batch.',
  signatures: 'Heads that a worker signed; leaves by this are receipts under one signature.',
  modelsUnloaded: 'Models that a worker let go.',
};

function telemetryFamilies({ counters, ends }: HealthSnapshot): readonly Family[] {
  const said = [...counters];
  const families = counterNames.map((name): Family => {
    const snake = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const isGauge = gauges.has(name);
    return {
      name: isGauge ? `proofmark_worker_${snake}` : `proofmark_worker_${snake}_total`,
      help: `${telemetryHelp[name]} The worker’s word.`,
      type: isGauge ? 'gauge' : 'counter',
      samples: said.map(([worker, { values }]) => ({ labels: workerLabel(worker), value: values[name] })),
    };
  });
  const byWorker = new Map<number, number>();
  const last = new Map<number, number>();
  for (const { worker, status } of ends) {
    byWorker.set(worker, (byWorker.get(worker) ?? 0) + 1);
    last.set(worker, status);
  }
  return [
    ...families,
    {
      name: 'proofmark_worker_ends',
      help: 'Recorded ends of a worker; the oldest are forgotten.',
      type: 'gauge',
      samples: [...byWorker].map(([worker, value]) => ({ labels: workerLabel(worker), value })),
    },
    {
      name: 'proofmark_worker_last_end_status',
      help: 'The exit status of the last end, as a shell reports it.',
      type: 'gauge',
      samples: [...last].map(([worker, value]) => ({ labels: workerLabel(worker), value })),
    },
  ];
}

function settlementFamilies(figures: SettlementFigures | undefined): readonly Family[] {
  if (figures === undefined) return [];
  return [
    gauge('proofmark_settlement_unposted_leaves', 'Receipts that no posted head stands above.', figures.unpostedLeaves),
    gauge(
      'proofmark_settlement_unclaimed',
      'What vouchers are worth and nobody has claimed, in the smallest unit of the token.',
      figures.unclaimedAmount,
    ),
    gauge('proofmark_settlement_pending', 'Transactions that are not mined yet.', figures.pendingTransactions),
    gauge(
      'proofmark_settlement_success_age_seconds',
      'Since a round of settlement in which nothing failed.',
      figures.lastSuccessSeconds,
    ),
  ];
}

function hostFamilies({ journalDirectory }: PageSources): readonly Family[] {
  const { user, system } = process.cpuUsage();
  return [
    gauge('proofmark_journal_bytes', 'Bytes of the journal on disk.', bytesIn(journalDirectory)),
    gauge('proofmark_process_resident_memory_bytes', 'Memory of the host.', process.memoryUsage.rss()),
    gauge('proofmark_process_heap_bytes', 'Memory of JavaScript values in the host.', process.memoryUsage().heapUsed),
    gauge('proofmark_process_open_fds', 'Open file descriptors of the host.', openDescriptors()),
    gauge('proofmark_process_max_fds', 'How many file descriptors the host may open.', mostDescriptors()),
    {
      ...gauge('proofmark_process_cpu_seconds_total', 'Processor time of the host.', (user + system) / 1e6),
      type: 'counter',
    },
    gauge('proofmark_process_uptime_seconds', 'Since the host was started.', process.uptime()),
  ];
}

function gauge(name: string, help: string, value: number): Family {
  return { name, help, type: 'gauge', samples: [{ value }] };
}

function workerLabel(index: number): Labels {
  return { worker: String(index) };
}

/** Files of one folder: what is gone between two looks counts nothing. */
function bytesIn(directory: string): number {
  try {
    return readdirSync(directory, { withFileTypes: true })
      .filter((entry) => entry.isFile())
      .reduce((sum, { name }) => sum + (statSync(join(directory, name), { throwIfNoEntry: false })?.size ?? 0), 0);
  } catch {
    return 0;
  }
}

function openDescriptors(): number {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return Number.NaN;
  }
}

function mostDescriptors(): number {
  try {
    const line = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'));
    return Number(line?.[1] ?? Number.NaN);
  } catch {
    return Number.NaN;
  }
}
