import { statusChecks, verifyStatus } from '../verifier/release/status.ts';
import type { Check, NotProven, Verdict } from '../verifier/result.ts';
import { toHex } from '../wire/bytes.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { limits } from '../wire/limits.ts';
import { decodeSignedStatus, type SignedStatus } from '../wire/message/hub.ts';
import { ClientError } from './errors.ts';
import type { HostTransport } from './transport.ts';
import { violation } from './violation.ts';

/** What a client does about owners who withdraw their releases. */
export type StatusRule =
  /** Whoever means one release, whatever becomes of it. Every answer says that it was not asked. */
  'not-asked' | StatusRules;

export interface StatusRules {
  /** Whose copy is asked for. A status is signed by the release's owner, so that nobody is believed. */
  readonly source: 'host' | StatusSource;
  /** `deprecated` refuses what is yanked as well. */
  readonly refuse: 'yanked' | 'deprecated';
  /** Where none is shown: a status that is kept back looks like one that was never signed. */
  readonly absent: 'accept' | 'refuse';
  /** For how long what was shown is not asked for again. */
  readonly maxAgeMs: number;
  readonly store: StatusStore;
}

/** The bytes of a signed status, or null where there is none: from a hub, a mirror, a chain. */
export type StatusSource = (modelId: Uint8Array) => Promise<Uint8Array | null>;

/**
 * Where the highest status of each release survives the process. Without that, a host that shows an older one to a client
 * that was started again is not noticed.
 */
export interface StatusStore {
  load(): Promise<readonly SignedStatus[]>;
  /** Replaces what was kept of that release; durable before it resolves. */
  save(status: SignedStatus): Promise<void>;
}

/** For clients that end with their process. */
export function memoryStatusStore(): StatusStore {
  const kept = new Map<string, SignedStatus>();
  return {
    load: async () => [...kept.values()],
    save: async (status) => {
      kept.set(toHex(status.modelId), status);
    },
  };
}

/** What a release's status adds to a proof. */
export interface Standing {
  readonly checks: readonly Check[];
  readonly notProven: readonly NotProven[];
}

/** A release that is proven to be of this owner. */
interface Owned {
  readonly modelId: Uint8Array;
  readonly manifest: { readonly owner: Uint8Array };
}

export interface Statuses {
  /** Throws where the rule refuses the release. */
  check(host: HostTransport, release: Owned): Promise<Standing>;
}

export interface StatusesOptions {
  readonly rule: StatusRule;
  readonly suite: Suite;
  readonly now: () => number;
}

const STATUS_AGE_MS = 600_000;

/** Where a caller says nothing: each host is asked, and what was yanked is refused. */
export function usualStatusRule(): StatusRule {
  return {
    source: 'host',
    refuse: 'yanked',
    absent: 'accept',
    maxAgeMs: STATUS_AGE_MS,
    store: memoryStatusStore(),
  };
}

/** Said before anything is sent. */
export function checkStatusRule(rule: StatusRule): void {
  if (rule === 'not-asked') return;
  const { source, refuse, absent, maxAgeMs, store } = rule;
  const right =
    (source === 'host' || typeof source === 'function') &&
    (refuse === 'yanked' || refuse === 'deprecated') &&
    (absent === 'accept' || absent === 'refuse') &&
    Number.isSafeInteger(maxAgeMs) &&
    maxAgeMs >= 0 &&
    typeof store.load === 'function' &&
    typeof store.save === 'function';
  if (!right) throw new ClientError('argument_invalid', 'statuses: every rule is named, with one of its words');
}

export function createStatuses({ rule, suite, now }: StatusesOptions): Statuses {
  if (rule === 'not-asked') {
    const standing = unknown('it was not asked for');
    return { check: async () => standing };
  }
  const rules = rule;
  const seen = new Map<string, SignedStatus>();
  const standings = new Map<string, { readonly standing: Standing; readonly until: number }>();
  const underWay = new Map<string, Promise<Standing>>();
  let loaded: Promise<void> | undefined;

  async function load(): Promise<void> {
    for (const status of await stored(rules.store.load())) seen.set(toHex(status.modelId), status);
  }

  async function shownBy(host: HostTransport, modelId: Uint8Array): Promise<SignedStatus | null> {
    const bytes = rules.source === 'host' ? await askHost(host, modelId) : await askSource(rules.source, modelId);
    return bytes === null ? null : violation(() => decodeSignedStatus(bytes));
  }

  const judge = (given: SignedStatus, before: SignedStatus | undefined, { modelId, manifest }: Owned) =>
    verifyStatus(given, {
      modelId,
      owner: manifest.owner,
      seen: before ?? 'nothing',
      refuse: rules.refuse,
      suite,
    });

  async function ask(host: HostTransport, release: Owned): Promise<Standing> {
    loaded ??= load();
    await loaded;
    const key = toHex(release.modelId);
    const shown = await shownBy(host, release.modelId);
    const before = seen.get(key);
    let why = 'none is shown';
    if (shown !== null) {
      const verdict = await judge(shown, before, release);
      const genuine = verdict.verdict === 'accepted' || isWithdrawal(verdict.code);
      if (genuine && before?.sequence !== shown.sequence) {
        // Before anybody acts on it: what was acted on once is never forgotten.
        await stored(rules.store.save(shown));
        seen.set(key, shown);
      }
      if (verdict.verdict === 'accepted') return verdict;
      if (verdict.code !== 'status_replayed' || rules.absent === 'refuse') throw refusal(verdict);
      why = 'an older one is shown';
    } else if (rules.absent === 'refuse') {
      throw new ClientError('status_missing', 'no status of the release is shown here');
    }
    if (before === undefined) return unknown(why);
    // The owner's word holds, whoever shows it now.
    const verdict = await judge(before, undefined, release);
    if (verdict.verdict !== 'accepted') throw refusal(verdict);
    const reason = `that status ${before.sequence} of the release is the last one: it was seen before, and ${why} now`;
    return { checks: verdict.checks, notProven: [...verdict.notProven, { id: 'status', reason }] };
  }

  return {
    async check(host, release) {
      const key = toHex(release.modelId);
      const known = standings.get(key);
      if (known !== undefined && now() < known.until) return known.standing;
      let pending = underWay.get(key);
      if (pending === undefined) {
        pending = ask(host, release).finally(() => underWay.delete(key));
        underWay.set(key, pending);
      }
      const standing = await pending;
      // A caller asks for a handful of models; whoever asks for thousands asks for some of them again.
      if (standings.size >= limits.configurationModels) standings.clear();
      standings.set(key, { standing, until: now() + rules.maxAgeMs });
      return standing;
    },
  };
}

/** A host without the route keeps none either. */
const NONE: ReadonlySet<string> = new Set(['status_unknown', 'model_unknown', 'not_found']);

async function askHost(host: HostTransport, modelId: Uint8Array): Promise<Uint8Array | null> {
  try {
    return await host.get(`/v1/releases/${toHex(modelId)}/status`, limits.signedStatusBytes);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'host_error' && NONE.has(error.reason)) return null;
    throw error;
  }
}

async function askSource(source: StatusSource, modelId: Uint8Array): Promise<Uint8Array | null> {
  try {
    return await source(Uint8Array.from(modelId));
  } catch (cause) {
    if (cause instanceof ClientError) throw cause;
    throw new ClientError('status_missing', `the source of statuses failed: ${String(cause)}`, {
      reason: 'source_failed',
    });
  }
}

async function stored<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new ClientError('store_failed', `the statuses seen before: ${String(cause)}`);
  }
}

function isWithdrawal(code: string): boolean {
  return code === 'release_yanked' || code === 'release_deprecated';
}

function refusal(verdict: Exclude<Verdict<unknown>, { readonly verdict: 'accepted' }>): ClientError {
  const { code: reason, checks } = verdict;
  const detail = checks.find(({ outcome }) => outcome === 'failed')?.detail ?? reason;
  if (isWithdrawal(reason)) return new ClientError('release_withdrawn', detail, { reason, verdict });
  // An operator may have forgotten to replace a file: elsewhere the later one may be shown.
  const code = reason === 'status_replayed' ? 'status_missing' : 'status_refused';
  return new ClientError(code, `${reason}: ${detail}`, { reason, verdict });
}

function unknown(why: string): Standing {
  return {
    checks: statusChecks.map(({ id, title }) => ({ id, title, outcome: 'not-asked', detail: why })),
    notProven: [{ id: 'status', reason: `whether the owner has withdrawn the release: ${why}` }],
  };
}
