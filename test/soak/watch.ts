import type { Supervisor } from '../../enclave/simulator/supervisor.ts';
import { anonymousBytes, descriptors, processTree, roleOf } from '../support/processes.ts';
import { type Sample, type Trend, trendOf } from './flatness.ts';

/** Looks at every process of a stack now and then. */
export interface Watch {
  /** Only samples between `resume` and `pause` count: under siege there are more sockets, which is no leak. */
  resume(): void;
  pause(): void;
  stop(): readonly ProcessTrend[];
}

export interface ProcessTrend {
  readonly role: string;
  readonly pid: number;
  readonly samples: number;
  readonly memory: Trend;
  /** Absent where this user may not count them. */
  readonly descriptors: Trend | null;
}

const EVERY_MS = 250;
/** Of the first half a process's heap finds its size, and of a long soak's first minutes. */
const LONGEST_WARM_UP_SECONDS = 300;

export function watchProcesses(supervisor: Supervisor): Watch {
  const memory = new Map<number, Sample[]>();
  const files = new Map<number, Sample[]>();
  const roles = new Map<number, string>();
  const started = performance.now();
  let counting = false;

  function look(): void {
    if (!counting) return;
    const at = (performance.now() - started) / 1_000;
    const roots = Object.values(supervisor.pids()).filter((pid) => pid !== null);
    for (const pid of processTree(roots)) {
      if (!roles.has(pid)) roles.set(pid, roleOf(pid));
      note(memory, pid, at, anonymousBytes(pid));
      note(files, pid, at, descriptors(pid));
    }
  }

  const timer = setInterval(look, EVERY_MS);
  return {
    resume: () => {
      counting = true;
    },
    pause: () => {
      counting = false;
    },
    stop() {
      clearInterval(timer);
      return [...memory].map(([pid, samples]) => ({
        role: roles.get(pid) ?? 'other',
        pid,
        samples: samples.length,
        memory: trendOf(afterWarmUp(samples)),
        descriptors: files.has(pid) ? trendOf(afterWarmUp(files.get(pid) ?? [])) : null,
      }));
    },
  };
}

function afterWarmUp(samples: readonly Sample[]): readonly Sample[] {
  const from = Math.min(LONGEST_WARM_UP_SECONDS, (samples.at(-1)?.at ?? 0) / 2);
  return samples.filter(({ at }) => at >= from);
}

function note(into: Map<number, Sample[]>, pid: number, at: number, value: number | undefined): void {
  if (value === undefined) return;
  const samples = into.get(pid) ?? [];
  samples.push({ at, value });
  into.set(pid, samples);
}
