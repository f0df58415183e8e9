import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { limits } from '../wire/limits.ts';
import { decodeConfiguration } from '../wire/message/configuration.ts';
import type { PriceList } from '../wire/message/price-list.ts';
import { describeEnd } from '../wire/message/telemetry.ts';
import { createApp } from './app.ts';
import type { HostAuditors } from './disclosed/auditors.ts';
import { type DisclosedRules, type OpenAuditing, openAuditing } from './disclosed/open.ts';
import { type EventSink, StartError } from './errors.ts';
import { createEvidenceKeeper } from './evidence/keep.ts';
import { openAssembler } from './evidence/open.ts';
import { openHealth } from './health.ts';
import { createConsoleRoute } from './http/console.ts';
import { createGuard } from './http/guard.ts';
import type { ApiKey } from './http/keys.ts';
import type { AllowedOrigins } from './http/origins.ts';
import type { Rate } from './http/rate.ts';
import { createHttpServer, type ServerTimes, serverTimes } from './http/server.ts';
import { openJournal } from './journal/index.ts';
import type { KeyService } from './kms.ts';
import { createEventCounters } from './metrics/events.ts';
import { type ListenAddress, type OperatorServer, serveOperator } from './metrics/operator.ts';
import type { SettlementFigures } from './metrics/page.ts';
import { createStatistics, MOMENT_SECONDS } from './metrics/statistics.ts';
import { createTraffic, type EndedRequest } from './metrics/traffic.ts';
import { operatorPages } from './operations.ts';
import { type Patience, patience } from './patience.ts';
import { priceListOf } from './price-list.ts';
import type { Release } from './releases.ts';
import {
  dropsSomething,
  keepAll,
  policyFor,
  type Retention,
  type RetentionOptions,
  startRetention,
} from './retention.ts';
import type { Payments } from './settlement/open.ts';
import type { SettlementOptions } from './settlement/options.ts';
import { openWorkerLink, type ReadyWorker } from './worker-link.ts';
import type { MemberWaits } from './workers/member.ts';
import type { Pin } from './workers/pins.ts';
import { createWorkerPool } from './workers/pool.ts';

export interface HostOptions {
  /** Where the workers are, one path for each. */
  readonly links: readonly string[];
  readonly stateDirectory: string;
  readonly listen: ListenAddress;
  /** Where the operator reads figures and takes workers out of service; without it nobody can. */
  readonly metrics?: ListenAddress;
  readonly configuration: Uint8Array;
  /** A folder of AMD's certificates and lists, fetched beforehand, for machines that bring none of their own. */
  readonly certificates?: string;
  readonly releases: readonly Release[];
  /** Which of them stay where. */
  readonly pins?: readonly Pin[];
  /** Whose requests are answered; without it, everybody's. */
  readonly apiKeys?: readonly ApiKey[] | 'none';
  /** Whose findings count, and who may read what was disclosed; without it, nobody. */
  readonly auditors?: HostAuditors | 'none';
  /** Reads again what may change while the host runs; throws a `StartError`. */
  readonly reload?: () => Reloaded;
  /** Who opens the keys of encrypted releases for the worker. */
  readonly keys?: KeyService;
  readonly onEvent: EventSink;
  /** Told of each request once it has ended. */
  readonly onRequest?: (ended: EndedRequest) => void;
  readonly patience?: Partial<Patience>;
  readonly memberWaits?: Partial<MemberWaits>;
  readonly times?: Partial<ServerTimes>;
  readonly evidencePerSecond?: number;
  /** Of callers without a key, by their address. */
  readonly addressRate?: Rate | 'any';
  readonly trustedProxies?: number;
  /** Pages of which origins may read answers; without it, none. */
  readonly allowedOrigins?: AllowedOrigins;
  readonly pending?: number;
  readonly pendingPerWorker?: number;
  /** Milliseconds that a request waits for its model to be loaded. */
  readonly loadPatience?: number;
  /** What of ended logs is kept; without it, all. */
  readonly retention?: RetentionOptions;
  /** Takes payment by channels and escrows of the settlement that the configuration names; without it, none. */
  readonly settlement?: SettlementOptions;
  /** Of requests that were disclosed to named auditors; without it, a month's worth of a gigabyte. */
  readonly disclosed?: Partial<DisclosedRules>;
  /** What is offered beyond the hardware's level; without it, nothing. */
  readonly offers?: PriceList;
  readonly drainMs?: number;
  /** Whether `/console/` has the page for people; without it, not. */
  readonly console?: 'on' | 'off';
  /** Whether everybody may read sums over all callers; without it, nobody. */
  readonly statistics?: 'public' | 'none';
}

export interface Reloaded {
  readonly releases: readonly Release[];
  readonly apiKeys: readonly ApiKey[] | 'none';
  /** Whose findings count. A host that was started without any needs a restart to know some. */
  readonly auditors: HostAuditors | 'none';
}

export interface Host {
  readonly url: string;
  /** Resolves once one configured worker was offered every release. */
  readonly ready: Promise<ReadyWorker>;
  /** Takes up releases and keys that have changed; what was in use stays so where they cannot be read. */
  reload(): Promise<void>;
  /** Lets requests under way finish, then stops; whatever takes longer is cut off. */
  close(): Promise<void>;
}

const EVIDENCE_PER_SECOND = 8;
const [DRAIN_MS, SWEEP_MS] = [10_000, 50];

export async function startHost(options: HostOptions): Promise<Host> {
  const events = createEventCounters();
  const onEvent: EventSink = (event) => {
    events.count(event);
    options.onEvent(event);
  };
  const now = (): number => performance.now();
  const assemble = openAssembler(options.certificates, onEvent);
  const journalDirectory = join(options.stateDirectory, 'journal');
  const journal = openJournal(journalDirectory, { maxBytes: limits.journalBytes });
  const health = openHealth({ stateDirectory: options.stateDirectory, now: () => new Date() });
  const evidence = createEvidenceKeeper({ journal, assemble, onEvent });
  const traffic = createTraffic({ now, ...(options.onRequest === undefined ? {} : { onEnded: options.onRequest }) });
  let current: Reloaded = { apiKeys: 'none', auditors: 'none', ...options };
  let draining = false;
  let paid: Payments | undefined;
  let retention: Retention | undefined;
  let audited: OpenAuditing | undefined;
  const pool = createWorkerPool({
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
          counters: (latest) => health.of(index).counters(latest),
          ended(exitStatus) {
            health.of(index).ended(exitStatus);
            onEvent({ event: 'worker_ended', worker: index, end: describeEnd(exitStatus) });
          },
        },
        onEvent: hear,
        ...(options.patience === undefined ? {} : { patience: options.patience }),
      }),
    releases: () => current.releases,
    pins: options.pins ?? [],
    onEvent,
    onAttested: (worker, attested) => {
      void evidence.attested(worker, attested);
      audited?.auditing.findings.enforce();
    },
    observer: traffic,
    now,
    ...(options.memberWaits === undefined ? {} : { waits: options.memberWaits }),
    ...(options.loadPatience === undefined ? {} : { loadPatience: options.loadPatience }),
    ...(options.pending === undefined ? {} : { pending: options.pending }),
    ...(options.pendingPerWorker === undefined ? {} : { pendingPerWorker: options.pendingPerWorker }),
  });
  if (current.auditors !== 'none') {
    const { stateDirectory, disclosed: rules = {} } = options;
    audited = openAuditing({
      auditors: () => current.auditors,
      rules,
      stateDirectory,
      journal,
      onEvent,
      workers: pool,
    });
  }
  const workers = audited?.workers ?? pool;
  const guard = createGuard({
    keys: () => (current.apiKeys === 'none' ? undefined : current.apiKeys),
    addressRate: options.addressRate ?? 'any',
    trustedProxies: options.trustedProxies ?? 0,
    now,
    onRefused: traffic.refused,
  });

  if (options.settlement !== undefined) paid = await takePayments(options.settlement);

  async function takePayments(how: SettlementOptions): Promise<Payments> {
    const { chainId, settlement } = decodeConfiguration(options.configuration);
    try {
      const { openPayments } = await import('./settlement/open.ts');
      return await openPayments({
        ...{ how, chainId, settlement, workers, journal, assemble, onEvent },
        stateDirectory: options.stateDirectory,
      });
    } catch (cause) {
      await stopWorkersAndJournal();
      throw new StartError('chain_unavailable', how.rpc.join(), { cause });
    }
  }

  retention = await keep(options.retention ?? keepAll);

  async function keep({ rules, everyMs }: RetentionOptions): Promise<Retention> {
    try {
      const claimableMs = dropsSomething(rules) ? await paid?.claimableMs() : undefined;
      const policy = policyFor(rules, claimableMs ?? 0);
      return startRetention({ journal, workers, policy, everyMs, onEvent });
    } catch (cause) {
      await stopWorkersAndJournal();
      if (cause instanceof StartError) throw cause;
      throw new StartError('chain_unavailable', 'it does not say for how long receipts can be claimed', { cause });
    }
  }

  const statistics = createStatistics({
    traffic,
    workers,
    logSize: (log) => journal.size(log),
    settlement: () => paid?.settler.figures,
    now: () => Date.now(),
  });
  const noting = options.statistics === 'public' ? setInterval(statistics.note, 1_000 * MOMENT_SECONDS) : undefined;
  noting?.unref();
  const configured = decodeConfiguration(options.configuration);
  const app = createApp({
    workers,
    journal,
    releases: () => current.releases,
    onEvent,
    assemble: evidence.assemble,
    ...(paid === undefined ? {} : { admission: paid.admission, unpaid: paid.unpaid }),
    evidencePerSecond: options.evidencePerSecond ?? EVIDENCE_PER_SECOND,
    now,
    isDraining: () => draining,
    guard,
    origins: options.allowedOrigins ?? [],
    settlement: () => paid?.settler.word,
    priceList: () => priceListOf(current.releases, configured, options.offers),
    traffic,
    ...(options.console === 'on' ? { console: createConsoleRoute() } : {}),
    ...(options.statistics === 'public' ? { statistics } : {}),
    ...(audited === undefined ? {} : { auditing: audited.auditing }),
  });
  const server = createHttpServer(app, { ...serverTimes, silenceMs: silenceFor(options), ...options.times });

  async function stopWorkersAndJournal(): Promise<void> {
    clearInterval(noting);
    await retention?.stop();
    await paid?.settler.stop();
    await audited?.stop();
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
  onEvent({ event: 'api_keys', keys: countOf(current.apiKeys) });
  const operator = await openOperator(options.metrics);

  async function openOperator(listen: ListenAddress | undefined): Promise<OperatorServer | undefined> {
    if (listen === undefined) return undefined;
    try {
      const logSize = (log: Uint8Array): number => journal.size(log);
      const settlement = (): SettlementFigures | undefined => paid?.settler.figures;
      const sources = {
        traffic,
        events,
        workers,
        onResumed: (index: number) => audited?.forgive(index),
        settlement,
        health: () => health.snapshot,
        logSize,
        journalDirectory,
        now,
      };
      const opened = await serveOperator(listen, operatorPages(sources));
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
    async reload() {
      if (options.reload === undefined) return;
      try {
        current = options.reload();
      } catch (error) {
        if (!(error instanceof StartError)) throw error;
        onEvent({ event: 'reload_failed', code: error.code });
        return;
      }
      onEvent({ event: 'reloaded', releases: current.releases.length, keys: countOf(current.apiKeys) });
      await workers.releasesChanged();
    },
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
      await operator?.close();
      await stopWorkersAndJournal();
      onEvent({ event: 'stopped' });
    },
  };
}

function countOf(keys: Reloaded['apiKeys']): number | 'none' {
  return keys === 'none' ? 'none' : keys.length;
}

/** A client may rightly wait for as long as the configuration lets a model run. */
function silenceFor({ configuration, patience: waits }: HostOptions): number {
  const { runMilliseconds } = decodeConfiguration(configuration).limits;
  return Math.max(serverTimes.silenceMs, runMilliseconds + { ...patience, ...waits }.queueMs + serverTimes.requestMs);
}

function urlOf({ address, family, port }: AddressInfo): string {
  return family === 'IPv6' ? `http://[${address}]:${port}` : `http://${address}:${port}`;
}
