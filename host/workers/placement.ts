import { equalBytes } from '../../wire/bytes.ts';
import type { Configuration } from '../../wire/message/configuration.ts';
import { LinkError, type LinkErrorCode } from '../errors.ts';
import type { Leaving } from '../leaving.ts';
import type { Release } from '../releases.ts';
import { type Member, modelKey } from './member.ts';
import { type Pin, type Standing, standingAt } from './pins.ts';

/**
 * Which models are at which worker. A worker has room for so many (`limits.models` of its configuration); what does not
 * fit is loaded when somebody first asks for it, in the place of what was asked for longest ago.
 */
export interface Placement {
  /** What a worker that has just come is offered at once: what is pinned to it, then others, as far as there is room. */
  initial(worker: number, present: readonly Uint8Array[]): readonly Release[];
  /** Whether a request for it can go there now. */
  isAt(member: Member, model: string): boolean;
  /**
   * Resolves when one of the candidates has the model, or when none of them will: then a worker says so itself. Throws
   * `busy` where there was no room in time. Everybody who asks for one model waits for the same load.
   */
  bring(modelId: Uint8Array, candidates: () => readonly Member[], options: BringOptions): Promise<void>;
  /** A request has ended somewhere: there may be room now. */
  freed(): void;
  /** A worker is gone, and with it all that it had. */
  gone(worker: number): void;
  /** The releases are others now: what is new is loaded where it fits, what is gone leaves once nobody uses it. */
  changed(): Promise<void>;
}

export interface BringOptions {
  readonly signal: Leaving | undefined;
  /** Milliseconds. */
  readonly patience: number;
}

export interface PlacementOptions {
  readonly configuration: Configuration;
  readonly releases: () => readonly Release[];
  readonly pins: readonly Pin[];
  readonly members: () => readonly Member[];
}

export function createPlacement({ configuration, releases, pins, members }: PlacementOptions): Placement {
  const slots = configuration.limits.models;
  const loads = new Map<string, Promise<void>>();
  /** Just loaded: whoever waited for it is about to be sent, and it may not leave before that. */
  const arriving = new Set<string>();
  /** Nothing new goes to these: they leave as soon as what they do is done. */
  const leaving = new Set<string>();
  /** What a worker would not take, so that not every request sends it a gigabyte again. */
  const refused = new Map<number, { readonly log: Uint8Array; readonly models: Set<string> }>();
  /** One load or unload at a time at each worker. */
  const turns = new Map<number, Promise<void>>();
  let waiters: (() => void)[] = [];

  const place = ({ index }: Member, key: string): string => `${index}/${key}`;
  const isOffered = ({ modelId }: Release): boolean =>
    configuration.models === 'any' || configuration.models.some((allowed) => equalBytes(allowed, modelId));
  const offered = (): readonly Release[] => releases().filter(isOffered);
  const standing = (release: Release, { index }: Pick<Member, 'index'>): Standing => standingAt(pins, release, index);

  function find(modelId: Uint8Array): Release | undefined {
    return offered().find((release) => equalBytes(release.modelId, modelId));
  }

  function isAt(member: Member, model: string): boolean {
    return member.link.has(model) && (leaving.size === 0 || !leaving.has(place(member, model)));
  }

  function initial(worker: number, present: readonly Uint8Array[]): readonly Release[] {
    const isPresent = ({ modelId }: Release): boolean => present.some((id) => equalBytes(id, modelId));
    const missing = offered().filter((release) => !isPresent(release));
    const pinned = missing.filter((release) => standing(release, { index: worker }) === 'pinned');
    const others = missing.filter((release) => standing(release, { index: worker }) === 'allowed');
    // Where not all fit, each worker begins with others, so that together they have as many as they can.
    const start = others.length > slots ? (worker * slots) % others.length : 0;
    const rotated = [...others.slice(start), ...others.slice(0, start)];
    return [...pinned, ...rotated].slice(0, Math.max(0, slots - present.length));
  }

  /** Workers that could take it: not those that refused it, nor those that are full of what must stay. */
  function targets(release: Release, candidates: readonly Member[]): readonly Member[] {
    return candidates.filter((member) => {
      if (standing(release, member) === 'elsewhere' || isRefused(member, modelKey(release.modelId))) return false;
      return member.link.models.length < slots || leavers(member).length > 0;
    });
  }

  function isRefused(member: Member, key: string): boolean {
    const kept = refused.get(member.index);
    const log = member.worker?.log;
    return kept !== undefined && log !== undefined && equalBytes(kept.log, log) && kept.models.has(key);
  }

  function remember(member: Member, key: string): void {
    const log = member.worker?.log;
    if (log === undefined) return;
    const kept = refused.get(member.index);
    if (kept !== undefined && equalBytes(kept.log, log)) kept.models.add(key);
    else refused.set(member.index, { log, models: new Set([key]) });
  }

  /** What may leave a worker, the one that was asked for longest ago first. */
  function leavers(member: Member): readonly string[] {
    const pinned = new Set(
      offered().flatMap((release) => (standing(release, member) === 'pinned' ? [modelKey(release.modelId)] : [])),
    );
    const when = (key: string): number => member.lastUse.get(key) ?? 0;
    return member.link.models
      .map(modelKey)
      .filter((key) => !pinned.has(key))
      .sort((one, other) => when(one) - when(other));
  }

  function freed(): void {
    const woken = waiters;
    waiters = [];
    for (const wake of woken) wake();
  }

  function somethingEnds(): Promise<void> {
    return new Promise((resolve) => waiters.push(resolve));
  }

  function inTurn(member: Member, work: () => Promise<void>): Promise<void> {
    const turn = (turns.get(member.index) ?? Promise.resolve()).then(work);
    turns.set(
      member.index,
      turn.catch(() => undefined),
    );
    return turn;
  }

  /** Nothing that was begun is lost for this: a model leaves when none of its requests is under way. */
  async function makeRoom(member: Member): Promise<void> {
    let chosen: string | undefined;
    try {
      while (member.worker !== undefined && member.link.models.length >= slots) {
        const candidates = leavers(member).filter((key) => !arriving.has(key));
        const idle = candidates.find((key) => !member.uses.has(key));
        if (idle !== undefined) {
          await remove(member, idle);
          continue;
        }
        // All are at work: the first of them takes nothing new from here on, or others would wait for ever.
        if (chosen === undefined && candidates[0] !== undefined) {
          chosen = place(member, candidates[0]);
          leaving.add(chosen);
        }
        await somethingEnds();
      }
    } finally {
      if (chosen !== undefined) leaving.delete(chosen);
    }
  }

  async function remove(member: Member, key: string): Promise<void> {
    leaving.add(place(member, key));
    try {
      const modelId = member.link.models.find((id) => modelKey(id) === key);
      if (modelId !== undefined) await member.link.unload(modelId);
    } finally {
      leaving.delete(place(member, key));
    }
  }

  async function loadAt(member: Member, release: Release): Promise<void> {
    await member.link.settled();
    if (member.link.has(modelKey(release.modelId))) return;
    await makeRoom(member);
    const key = modelKey(release.modelId);
    const outcome = await member.link.load(release).catch((error: unknown) => {
      // A worker that stays connected and cannot be given it would be given it for ever.
      if (error instanceof LinkError && error.code === 'worker_protocol') remember(member, key);
      throw error;
    });
    if (outcome === 'loaded') arrive(key);
    else if (PASSING.has(outcome)) throw new LinkError('busy', `the release cannot be loaded now: ${outcome}`);
    else remember(member, key);
  }

  function startLoad(release: Release, candidates: readonly Member[]): Promise<void> {
    const key = modelKey(release.modelId);
    const room = ({ link: { models } }: Member): number => slots - models.length;
    const [target] = [...candidates].sort(
      (one, other) => room(other) - room(one) || one.underWay - other.underWay || one.index - other.index,
    );
    const load = inTurn(target as Member, () => loadAt(target as Member, release)).finally(() => loads.delete(key));
    load.catch(() => undefined);
    loads.set(key, load);
    return load;
  }

  function arrive(key: string): void {
    arriving.add(key);
    // By then all who waited have gone on, and are counted as uses.
    setImmediate(() => {
      arriving.delete(key);
      freed();
    });
  }

  async function bring(
    modelId: Uint8Array,
    candidates: () => readonly Member[],
    { signal, patience }: BringOptions,
  ): Promise<void> {
    const deadline = performance.now() + patience;
    const model = modelKey(modelId);
    for (;;) {
      const now = candidates();
      if (now.some((member) => isAt(member, model))) return;
      const release = find(modelId);
      if (release === undefined) return;
      const able = targets(release, now);
      if (able.length === 0) return checkIsNowhere(release, now);
      const load = loads.get(model) ?? startLoad(release, able);
      try {
        await within(load, deadline - performance.now(), signal);
      } catch (error) {
        // The worker was lost on the way; there may be others.
        if (!(error instanceof LinkError) || !LOST.has(error.code)) throw error;
      }
    }
  }

  /** A worker that may not have it would say that it is unknown, and with a receipt; it is only not here now. */
  function checkIsNowhere(release: Release, candidates: readonly Member[]): void {
    if (candidates.some((member) => standing(release, member) !== 'elsewhere')) return;
    if (candidates.length > 0) throw new LinkError('worker_unreachable', 'no worker that it is pinned to is here');
  }

  return {
    initial,
    isAt,
    bring,
    freed,
    gone(worker) {
      for (const key of leaving) if (key.startsWith(`${worker}/`)) leaving.delete(key);
      freed();
    },
    async changed() {
      refused.clear();
      const known = new Set(offered().map(({ modelId }) => modelKey(modelId)));
      const work = members().flatMap((member) => {
        if (member.worker === undefined) return [];
        const gone = member.link.models.filter((modelId) => !known.has(modelKey(modelId)));
        const fresh = initial(
          member.index,
          member.link.models.filter((modelId) => known.has(modelKey(modelId))),
        );
        return [
          ...gone.map((modelId) => inTurn(member, () => leave(member, modelKey(modelId)))),
          ...fresh.map((release) => inTurn(member, () => loadAt(member, release))),
        ];
      });
      await Promise.allSettled(work);
    },
  };

  async function leave(member: Member, key: string): Promise<void> {
    leaving.add(place(member, key));
    while (member.worker !== undefined && member.uses.has(key)) await somethingEnds();
    await remove(member, key);
  }
}

/** What passes by itself; everything else that a worker says of a release it will say again. */
const PASSING: ReadonlySet<string> = new Set(['kms_unavailable', 'too_many_models', 'busy']);

const LOST: ReadonlySet<LinkErrorCode> = new Set([
  'worker_unreachable',
  'worker_lost',
  'worker_timeout',
  'worker_protocol',
]);

/** Waits as long as there is patience and somebody who waits; what is waited for goes on without them. */
function within(work: Promise<void>, milliseconds: number, signal: Leaving | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const onAbort = (): void => settle(() => reject(new LinkError('cancelled', 'nobody waits for the answer')));
    const timer = setTimeout(
      () => settle(() => reject(new LinkError('busy', 'the model did not find room in time'))),
      Math.max(0, milliseconds),
    );
    function settle(how: () => void): void {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      how();
    }
    signal?.addEventListener('abort', onAbort, { once: true });
    if (signal?.aborted === true) onAbort();
    work.then(
      () => settle(resolve),
      (error: unknown) => settle(() => reject(error)),
    );
  });
}
