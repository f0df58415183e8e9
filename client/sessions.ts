import { createChainCache } from '../verifier/cache/chain-cache.ts';
import type { WorkerPolicy } from '../verifier/policy/worker-policy.ts';
import { toHex } from '../wire/bytes.ts';
import type { Suite } from '../wire/crypto/suite.ts';
import { limits } from '../wire/limits.ts';
import { ClientError, isDistrust } from './errors.ts';
import { type Hint, type HostHints, readHints } from './hints.ts';
import { type MomentSource, openSession, type Session } from './session.ts';
import type { HostTransport } from './transport.ts';

export interface SessionsOptions {
  readonly hosts: readonly [HostTransport, ...HostTransport[]];
  readonly policy: WorkerPolicy;
  readonly suite: Suite;
  readonly now: () => number;
  readonly moments?: MomentSource;
  /** How long before its end a session is replaced, in milliseconds. */
  readonly renewMarginMs: number;
}

/** A session and the host that it goes through: the same worker through another host is another way to it. */
export interface HeldSession {
  readonly session: Session;
  readonly host: HostTransport;
  readonly place: string;
}

export interface Wanted {
  readonly modelId?: Uint8Array;
  /** Places that have just failed: used only if there is nobody else. */
  readonly avoid?: ReadonlySet<string>;
}

/**
 * The proven workers of one client. There are no timers: whoever finds a session near its end opens the next one, and
 * goes on with the old one meanwhile.
 */
export interface Sessions {
  take(wanted?: Wanted): Promise<HeldSession>;
  /** It is of no more use. One that others opened meanwhile is left. */
  forget(held: HeldSession): void;
  /** This worker, by this way, has shown something that cannot be genuine: it is not asked again. */
  distrust(held: HeldSession, error: ClientError): void;
  /** A worker that does not have a model is not asked for it while another may have it. */
  lacks(held: HeldSession, modelId: Uint8Array): void;
}

interface Search {
  readonly modelId: Uint8Array | undefined;
  readonly tainted: ReadonlySet<string>;
  /** Hosts that have chosen a worker themselves. */
  readonly asked: readonly HostTransport[];
}

/** Twenty instances' chains of CAs. */
const CHAIN_CACHE_ENTRIES = 64;

export function createSessions(options: SessionsOptions): Sessions {
  const { hosts, now } = options;
  /** The next session is most likely with a worker on the same instance, or at least in the same region. */
  const cache = createChainCache({ maxEntries: CHAIN_CACHE_ENTRIES });
  const open = new Map<string, HeldSession>();
  const distrusted = new Map<string, ClientError>();
  const lacking = new Map<string, Set<string>>();
  let opening: Promise<HeldSession> | undefined;
  /** A renewal that failed is not tried again at every call. */
  let restUntil = 0;

  const endOf = ({ session }: HeldSession): number => session.worker.acceptedUntil;

  /** The newest one that serves; a place to avoid only where the caller says so. */
  function choose({ modelId, avoid }: Wanted): HeldSession | undefined {
    const missing = missingOf(modelId);
    let found: HeldSession | undefined;
    for (const held of open.values()) {
      if (now() > endOf(held)) open.delete(held.place);
      else if (avoid?.has(held.place) !== true && !missing.has(held.place)) found = held;
    }
    return found;
  }

  async function take(wanted: Wanted = {}): Promise<HeldSession> {
    // Those who come while one is being opened wait for it, and open another only if it is not for them.
    for (let joined = opening; joined !== undefined && choose(wanted) === undefined; joined = opening) await joined;
    const held = choose(wanted);
    if (held === undefined) return begin(() => openAny(wanted));
    if (opening === undefined && isDue(held)) renew(held);
    return held;
  }

  function isDue(held: HeldSession): boolean {
    return endOf(held) - now() < options.renewMarginMs && now() >= restUntil;
  }

  function renew(held: HeldSession): void {
    begin(() => openAt(held.host, held.session.worker.log, undefined)).catch(() => {
      // The old session still serves; what stands in the way is told once it does not.
      restUntil = now() + options.renewMarginMs / 4;
    });
  }

  function begin(start: () => Promise<HeldSession>): Promise<HeldSession> {
    const mine = start().finally(() => {
      if (opening === mine) opening = undefined;
    });
    opening = mine;
    return mine;
  }

  async function openAt(
    host: HostTransport,
    log: Uint8Array | undefined,
    modelId: Uint8Array | undefined,
  ): Promise<HeldSession> {
    const { policy, suite, moments } = options;
    const dated = moments === undefined ? {} : { moments };
    const session = await openSession({ host, log, modelId, policy, suite, now, cache, ...dated });
    const held = { session, host, place: placeOf(hosts.indexOf(host), session.worker.log) };
    const found = distrusted.get(held.place);
    if (found !== undefined) throw found;
    // Behind the others, so that it is the newest also where it takes an old one's place.
    open.delete(held.place);
    open.set(held.place, held);
    return held;
  }

  /** Every candidate is a hint: it counts once its evidence was accepted. The first reason not to is the one told. */
  async function openAny({ modelId, avoid = new Set() }: Wanted): Promise<HeldSession> {
    const missing = missingOf(modelId);
    let first: unknown;
    let tried = 0;
    const attempt = async (host: HostTransport, log: Uint8Array | undefined): Promise<HeldSession | undefined> => {
      if (tried === limits.workerCandidates) return undefined;
      tried += 1;
      try {
        const held = await openAt(host, log, modelId);
        return missing.has(held.place) ? undefined : held;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        // Somebody who was caught matters more than somebody who is away.
        if (first === undefined || (isDistrust(error) && !isDistrust(first))) first = error;
        return undefined;
      }
    };
    const tainted = new Set([...avoid, ...missing, ...distrusted.keys()]);
    const untainted = hosts.filter((_, index) => !hasPlaceOf(tainted, index));
    for (const host of untainted) {
      const held = await attempt(host, undefined);
      if (held !== undefined) return held;
    }
    for (const { host, log } of await candidates({ modelId, tainted, asked: untainted })) {
      const held = await attempt(host, log);
      if (held !== undefined) return held;
    }
    // Nobody else: perhaps it was only the way there, or the model is being loaded.
    missing.clear();
    const again = choose({});
    if (again !== undefined) return again;
    for (const host of hosts.filter((each) => !untainted.includes(each))) {
      const held = await attempt(host, undefined);
      if (held !== undefined) return held;
    }
    throw first;
  }

  function missingOf(modelId: Uint8Array | undefined): Set<string> {
    return (modelId === undefined ? undefined : lacking.get(toHex(modelId))) ?? new Set();
  }

  async function candidates({ modelId, tainted, asked }: Search): Promise<readonly HostHints[]> {
    const lists = await Promise.all(hosts.map(readHints));
    const all = lists.flatMap((hints, index) => {
      const host = hosts[index] as HostTransport;
      // The only worker of a host is the one that was asked before.
      if (hints.length < 2 && asked.includes(host)) return [];
      return hints.filter(({ log }) => !tainted.has(placeOf(index, log))).map((hint) => ({ ...hint, host }));
    });
    const offers = (hint: Hint): number => (modelId === undefined || hint.models.includes(toHex(modelId)) ? 0 : 1);
    return all.sort((a, b) => offers(a) - offers(b));
  }

  function forget(held: HeldSession): void {
    if (open.get(held.place)?.session === held.session) open.delete(held.place);
  }

  return {
    take,
    forget,
    distrust(held, error) {
      forget(held);
      distrusted.set(held.place, error);
    },
    lacks({ place }, modelId) {
      const key = toHex(modelId);
      const places = lacking.get(key) ?? new Set();
      // A list that a host can make grow is started anew: what it forgets is learnt again.
      if (places.size >= limits.workerCandidates) places.clear();
      lacking.set(key, places.add(place));
    },
  };
}

function placeOf(host: number, log: Uint8Array): string {
  return `${host}/${toHex(log)}`;
}

function hasPlaceOf(places: ReadonlySet<string>, host: number): boolean {
  return [...places].some((place) => place.startsWith(`${host}/`));
}
