import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { limits } from '../wire/limits.ts';
import { decodeConfiguration } from '../wire/message/configuration.ts';
import { type Evidence, encodeEvidence } from '../wire/message/evidence.ts';
import type { Attested } from '../wire/message/link.ts';
import { describeEnd } from '../wire/message/telemetry.ts';
import { createApp } from './app.ts';
import { type EventSink, EvidenceError, LinkError, StartError } from './errors.ts';
import { type AssembleEvidence, createAssembler } from './evidence/assemble.ts';
import { openHealth } from './health.ts';
import { createHttpServer, type ServerTimes, serverTimes } from './http/server.ts';
import { JournalError, logOf, openJournal } from './journal/index.ts';
import type { KeyService } from './kms.ts';
import { type MetricsServer, serveMetrics } from './metrics.ts';
import type { Release } from './releases.ts';
import type { Payments } from './settlement/open.ts';
import type { SettlementOptions } from './settlement/options.ts';
import { openWorkerLink, type Patience, patience, type ReadyWorker } from './worker-link.ts';
import type { MemberWaits } from './workers/member.ts';
import { createWorkerPool } from './workers/pool.ts';

export interface HostOptions {
  /** Where the workers are, one path for each. */
  readonly links: readonly string[];
  readonly stateDirectory: string;
  readonly listen: ListenAddress;
  /** Where the operator reads counters and the worker's last ends; without it nobody can. */
  readonly metrics?: ListenAddress;
  readonly configuration: Uint8Array;
  /** A folder of AMD's certificates and lists, fetched beforehand, for machines that bring none of their own. */
  readonly certificates?: string;
  readonly releases: readonly Release[];
  /** Who opens the keys of encrypted releases for the worker. */
  readonly keys?: KeyService;
  readonly onEvent: EventSink;
  readonly patience?: Partial<Patience>;
  readonly memberWaits?: Partial<MemberWaits>;
  readonly times?: Partial<ServerTimes>;
  readonly evidencePerSecond?: number;
  /** Takes payment by channels and escrows of the settlement that the configuration names; without it, none. */
  readonly settlement?: SettlementOptions;
  readonly drainMs?: number;
}

export interface ListenAddress {
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
}

export interface Host {
  readonly url: string;
  /** Resolves once one configured worker was offered every release. */
  readonly ready: Promise<ReadyWorker>;
  /** Lets requests under way finish, then stops; whatever takes longer is cut off. */
  close(): Promise<void>;
}

const EVIDENCE_PER_SECOND = 8;
const DRAIN_MS = 10_000;
const SWEEP_MS = 50;

export async function startHost(options: HostOptions): Promise<Host> {
  const { onEvent } = options;
  const assemble = openAssembler(options);
  const journal = openJournal(join(options.stateDirectory, 'journal'), { maxBytes: limits.journalBytes });
  const health = openHealth({ stateDirectory: options.stateDirectory, now: () => new Date() });
  let draining = false;
  let paid: Payments | undefined;
  const workers = createWorkerPool({
    configuration: options.configuration,
    size: options.links.length,
    openLink: (index, releases, hear) =>
      openWorkerLink({
        path: options.links[index] as string,
        configuration: options.configuration,
        releases,
        ...(options.keys === undefined ? {} : { keys: options.keys }),
        journal,
        health: {
          counters: (latest) => health.counters(latest),
          ended: (exitStatus) => {
            health.ended(exitStatus);
            onEvent({ event: 'worker_ended', end: describeEnd(exitStatus) });
          },
        },
        onEvent: hear,
        ...(options.patience === undefined ? {} : { patience: options.patience }),
      }),
    releases: () => options.releases,
    onEvent,
    onAttested: (worker, attested) => void saveFirstEvidence(worker, attested),
    now: () => performance.now(),
    ...(options.memberWaits === undefined ? {} : { waits: options.memberWaits }),
  });

  /** Long after a worker is gone, its receipts are worth what the evidence of its time is worth. */
  async function saveFirstEvidence({ log, info }: ReadyWorker, attested: Attested): Promise<void> {
    if (journal.evidence(log) === undefined) await keepFirst(log, async () => assemble(attested, info));
  }

  /** A client's evidence is as good as the host's own, which may have come too early: certificates can be missing. */
  const assembleAndKeep: AssembleEvidence = async (attested, info) => {
    const evidence = await assemble(attested, info);
    const log = logOf(info);
    if (journal.evidence(log) === undefined) void keepFirst(log, async () => evidence);
    return evidence;
  };

  async function keepFirst(log: Uint8Array, make: () => Promise<Evidence>): Promise<void> {
    try {
      await journal.saveEvidence(log, encodeEvidence(await make()));
      onEvent({ event: 'evidence_saved', log: Buffer.from(log).toString('hex') });
    } catch (error) {
      const known = error instanceof LinkError || error instanceof JournalError || error instanceof EvidenceError;
      const code = known ? error.code : 'internal';
      onEvent({ event: 'evidence_failed', code });
    }
  }

  if (options.settlement !== undefined) paid = await takePayments(options.settlement);

  async function takePayments(how: SettlementOptions): Promise<Payments> {
    const { chainId, settlement } = decodeConfiguration(options.configuration);
    try {
      const { openPayments } = await import('./settlement/open.ts');
      return await openPayments({ how, chainId, settlement, workers, journal, assemble, onEvent });
    } catch (cause) {
      await stopWorkersAndJournal();
      throw new StartError('chain_unavailable', how.rpc, { cause });
    }
  }

  const app = createApp({
    workers,
    journal,
    releases: () => options.releases,
    onEvent,
    assemble: assembleAndKeep,
    ...(paid === undefined ? {} : { admission: paid.admission, unpaid: paid.unpaid }),
    evidencePerSecond: options.evidencePerSecond ?? EVIDENCE_PER_SECOND,
    now: () => performance.now(),
    isDraining: () => draining,
  });
  const server = createHttpServer(app, { ...serverTimes, silenceMs: silenceFor(options), ...options.times });

  async function stopWorkersAndJournal(): Promise<void> {
    await paid?.settler.stop();
    await workers.close();
    await journal.close();
  }

  try {
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(options.listen.port, options.listen.host, resolve);
    });
  } catch (cause) {
    await stopWorkersAndJournal();
    throw new StartError('listen_failed', `${options.listen.host}:${options.listen.port}`, { cause });
  }
  const url = urlOf(server.address() as AddressInfo);
  onEvent({ event: 'listening', url });
  const metrics = await openMetrics(options.metrics);

  async function openMetrics(listen: ListenAddress | undefined): Promise<MetricsServer | undefined> {
    if (listen === undefined) return undefined;
    try {
      const opened = await serveMetrics({ listen, read: () => health.snapshot });
      onEvent({ event: 'metrics', url: opened.url });
      return opened;
    } catch (cause) {
      server.close();
      await stopWorkersAndJournal();
      throw new StartError('listen_failed', `${listen.host}:${listen.port}`, { cause });
    }
  }

  return {
    url,
    ready: workers.ready,
    async close() {
      draining = true;
      onEvent({ event: 'draining' });
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve());
      });
      // A connection that has just been answered is idle again, and Node closes only those that are idle when asked.
      const sweeping = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
      const cutting = setTimeout(() => server.closeAllConnections(), options.drainMs ?? DRAIN_MS);
      await closed;
      clearInterval(sweeping);
      clearTimeout(cutting);
      await metrics?.close();
      await stopWorkersAndJournal();
      onEvent({ event: 'stopped' });
    },
  };
}

function openAssembler({ certificates, onEvent }: HostOptions): AssembleEvidence {
  try {
    return createAssembler({ certificates: certificates ?? null, onEvent, now: () => performance.now() });
  } catch (error) {
    if (error instanceof EvidenceError)
      throw new StartError('certificates_unreadable', error.message, { cause: error });
    throw error;
  }
}

/** A client may rightly wait for as long as the configuration lets a model run. */
function silenceFor({ configuration, patience: waits }: HostOptions): number {
  const { runMilliseconds } = decodeConfiguration(configuration).limits;
  return Math.max(serverTimes.silenceMs, runMilliseconds + { ...patience, ...waits }.queueMs + serverTimes.requestMs);
}

function urlOf({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
