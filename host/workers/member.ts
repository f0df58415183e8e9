import type { Attested } from '../../wire/message/link.ts';
import type { EventSink, HostEvent, Suspension } from '../errors.ts';
import type { ReadyWorker, WorkerLink } from '../worker-link.ts';
import { watchAttestation } from './attestation.ts';
import { createBackoff } from './backoff.ts';
import type { MemberState } from './state.ts';

/** One worker as the pool keeps it: its link, and what decides whether it is given work. */
export interface Member {
  readonly index: number;
  readonly link: WorkerLink;
  readonly state: MemberState;
  /** Who is connected, whether or not work goes there. */
  readonly worker: ReadyWorker | undefined;
  /** The same where new work may go there. */
  readonly usable: ReadyWorker | undefined;
  readonly draining: boolean;
  /** When it last attested, in milliseconds of the pool's clock; undefined before it did. */
  readonly attestedAt: number | undefined;
  /** Requests sent and not yet answered, in all and by model. */
  readonly underWay: number;
  readonly uses: ReadonlyMap<string, number>;
  /** When each model was last asked for here: a number that only grows. */
  readonly lastUse: ReadonlyMap<string, number>;
  /** Counts one request until the function that it returns is called. */
  begin(model: string | undefined): () => void;
  drain(): void;
  /** Auditors found other bits than it signed: no new work until the operator has looked. */
  suspect(): void;
  resume(): void;
  close(): Promise<void>;
}

export interface MemberWaits {
  readonly attestationMs: number;
  readonly attestationRetryMs: number;
  /** So many losses within this time are a crash loop. */
  readonly losses: number;
  readonly lossWindowMs: number;
  /** How long it is then left alone: doubles from the first to the second. */
  readonly suspensionMs: readonly [number, number];
}

/**
 * A worker that was lost once is worth another attempt at once; one that is lost every few seconds fails whatever it was
 * given each time, and whoever paid for that.
 */
export const memberWaits: MemberWaits = {
  attestationMs: 300_000,
  attestationRetryMs: 5_000,
  losses: 5,
  lossWindowMs: 60_000,
  suspensionMs: [5_000, 300_000],
};

export interface MemberOptions {
  readonly index: number;
  /** Opens the link, which tells what happens to it. */
  readonly openLink: (index: number, hear: EventSink) => WorkerLink;
  readonly waits: MemberWaits;
  readonly now: () => number;
  readonly onEvent: EventSink;
  readonly onAttested: (worker: ReadyWorker, attested: Attested) => void;
  /** A request has ended. */
  readonly onFreed: () => void;
  readonly onGone: () => void;
}

export function openMember(options: MemberOptions): Member {
  const { index, waits, now, onEvent } = options;
  const link = options.openLink(index, hear);
  const suspended = new Set<Suspension>();
  const uses = new Map<string, number>();
  const lastUse = new Map<string, number>();
  let begun = 0;
  const suspensions = createBackoff(waits.suspensionMs);
  let losses: readonly number[] = [];
  let isUp = false;
  let restoring: ReturnType<typeof setTimeout> | undefined;
  let draining = false;
  let attestedAt: number | undefined;
  let underWay = 0;

  const attestation = watchAttestation({
    link,
    intervalMs: waits.attestationMs,
    retryMs: waits.attestationRetryMs,
    onAttested(worker, attested) {
      attestedAt = now();
      restore('attestation_failed');
      options.onAttested(worker, attested);
    },
    onFailed: () => suspend('attestation_failed'),
  });

  function hear(event: HostEvent): void {
    onEvent({ ...event, worker: index } as HostEvent);
    if (event.event === 'link_up') {
      isUp = true;
      const worker = connected();
      if (worker !== undefined) attestation.begin(worker);
    } else if (event.event === 'link_down') {
      attestation.end();
      lastUse.clear();
      options.onGone();
      attestedAt = undefined;
      restore('attestation_failed');
      if (isUp) lost();
      isUp = false;
    }
  }

  function lost(): void {
    const recent = losses.filter((at) => now() - at < waits.lossWindowMs);
    if (recent.length === 0) suspensions.reset();
    losses = [...recent, now()];
    if (losses.length < waits.losses) return;
    suspend('keeps_failing');
    clearTimeout(restoring);
    // After its rest one more loss is enough.
    restoring = setTimeout(() => {
      losses = Array.from({ length: waits.losses - 1 }, now);
      restore('keeps_failing');
    }, suspensions.next()).unref();
  }

  function suspend(why: Suspension): void {
    if (suspended.has(why)) return;
    suspended.add(why);
    onEvent({ event: 'worker_suspended', worker: index, why });
  }

  function restore(why: Suspension): void {
    if (suspended.delete(why)) onEvent({ event: 'worker_restored', worker: index, why });
  }

  function connected(): ReadyWorker | undefined {
    return 'worker' in link.status ? link.status.worker : undefined;
  }

  function state(): MemberState {
    const { status } = link;
    if (status.kind === 'unusable') return { kind: 'unusable', fault: status.fault };
    if (status.kind === 'journal_failed') return { kind: 'unusable', fault: 'journal_failed' };
    const [fault] = suspended;
    if (fault !== undefined) return { kind: 'unusable', fault };
    if (status.kind === 'connecting' || status.kind === 'closed') return { kind: 'connecting' };
    return { kind: draining ? 'draining' : status.kind };
  }

  return {
    index,
    link,
    get state() {
      return state();
    },
    get worker() {
      return connected();
    },
    get usable() {
      return draining || suspended.size > 0 ? undefined : connected();
    },
    get draining() {
      return draining;
    },
    get attestedAt() {
      return attestedAt;
    },
    get underWay() {
      return underWay;
    },
    uses,
    lastUse,
    begin(model) {
      underWay += 1;
      begun += 1;
      if (model !== undefined) {
        uses.set(model, (uses.get(model) ?? 0) + 1);
        lastUse.set(model, begun);
      }
      return () => {
        underWay -= 1;
        if (model !== undefined) {
          const left = (uses.get(model) ?? 1) - 1;
          if (left === 0) uses.delete(model);
          else uses.set(model, left);
        }
        options.onFreed();
      };
    },
    drain() {
      if (!draining) onEvent({ event: 'worker_draining', worker: index });
      draining = true;
    },
    suspect: () => suspend('auditors_disagree'),
    resume() {
      restore('auditors_disagree');
      if (draining) onEvent({ event: 'worker_resumed', worker: index });
      draining = false;
    },
    async close() {
      attestation.end();
      clearTimeout(restoring);
      await link.close();
    },
  };
}

/** How models are named in the maps of this folder: hex, and as one flat string, since each request looks it up. */
export function modelKey({ buffer, byteOffset, length }: Uint8Array): string {
  return Buffer.from(buffer, byteOffset, length).toString('hex');
}
