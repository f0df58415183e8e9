import type { Suite } from '../wire/crypto/suite.ts';
import { archiveOf, writeArchive } from './archive.ts';
import { type Answered, type Calls, createCalls } from './calls.ts';
import { ClientError } from './errors.ts';
import type { RetryRule } from './failover.ts';
import { createHeadMemory } from './heads.ts';
import { createGains, type Gains } from './levels/gain.ts';
import { createPayer } from './payment/payer.ts';
import { checkModels, createReleases, type KnownRelease, type NamedModel, type Releases } from './releases.ts';
import { createSessions, type Sessions } from './sessions.ts';
import { checkStatusRule, createStatuses, usualStatusRule } from './statuses.ts';
import type { HostTransport } from './transport.ts';
import type { ClientOptions, Proof } from './types.ts';

/** What every kind of call is made of. */
export interface Engine {
  readonly suite: Suite;
  readonly now: () => number;
  readonly sessions: Sessions;
  readonly releases: Releases;
  readonly retry: RetryRule | undefined;
  /** A repeat of a lost call may cost again. */
  readonly paid: boolean;
  readonly ask: Calls['ask'];
  readonly gains: Gains;
  /** Proven, from a host that has it. */
  release(modelId: Uint8Array): Promise<KnownRelease>;
  resolve(model: string): Promise<Uint8Array>;
  models(): Promise<readonly NamedModel[]>;
  /** Keeps a verified answer where the caller wants that, and says what was proven of it. */
  settle(answered: Answered): Promise<Omit<Proof, 'gained'>>;
}

const RENEW_MARGIN_MS = 60_000;

export function createEngine(options: ClientOptions): Engine {
  const { policy, suite, now, moments, payment, archive } = options;
  const models = options.models ?? {};
  checkModels(models);
  const rule = options.statuses ?? usualStatusRule();
  checkStatusRule(rule);
  const hosts = Array.isArray(options.host) ? options.host : [options.host];
  const [first, ...others] = hosts as readonly HostTransport[];
  if (first === undefined) throw new ClientError('argument_invalid', 'name at least one host');
  const renewMarginMs = options.renewMarginMs ?? RENEW_MARGIN_MS;
  const dated = moments === undefined ? {} : { moments };
  const sessions = createSessions({ hosts: [first, ...others], policy, suite, now, renewMarginMs, ...dated });
  const releases = createReleases({ policy, models, suite, statuses: createStatuses({ rule, suite, now }) });
  const payer = payment === undefined ? undefined : createPayer(payment, suite);
  const calls = createCalls({
    ...{ sessions, releases, payer, suite, now },
    pause: options.pause ?? ((ms) => new Promise((resolve) => setTimeout(resolve, ms))),
    heads: createHeadMemory(),
  });
  const anyHost = async (): Promise<HostTransport> => (await sessions.take()).host;

  return {
    suite,
    now,
    sessions,
    releases,
    retry: options.retry,
    paid: payment !== undefined,
    ask: calls.ask,
    gains: createGains({ reach: options.reach, worker: policy, suite, now }),
    release: async (modelId) => releases.known((await sessions.take({ modelId })).host, modelId),
    resolve: (model) => releases.resolve(model, anyHost),
    models: () => releases.all(anyHost),
    async settle(answered) {
      const { held, release, receipt, request, bundle } = answered;
      const { worker, checks, notProven } = held.session;
      const bodyHash = await suite.sha256(request.body);
      if (archive !== undefined) await writeArchive(archive, answered, bodyHash);
      return {
        receipt,
        worker,
        release: release.facts,
        checks: [...checks, ...release.checks, ...answered.checks],
        notProven: [...notProven, ...release.notProven, ...answered.notProven],
        header: request.header,
        bundle,
        archive: () => archiveOf(answered, bodyHash),
      };
    },
  };
}
