import type { SoakReport } from './soak.ts';

/** What a soak has to show. Each claim can fail. */
export interface Claim {
  readonly name: string;
  readonly holds: boolean;
  readonly detail: string;
}

/**
 * `quiet` holds a report to the stated bounds. `busy` is for a machine that does other things meanwhile: all that counts
 * is the same, and what depends on those other things as well has room. Latencies are then compared in quiet seconds,
 * with 100 ms of room: other programs lengthen some seconds, while a host that waits for slow sockets lengthens all of
 * them, by seconds. And within a minute a heap may still be finding its size.
 */
export type SoakBounds = 'quiet' | 'busy';

/**
 * By the straight line through its samples a process may gain this much in the time after its warm-up, however long that
 * is: a collector that has not run yet fills some tens of megabytes, and a leak of ten bytes an answer passes it in hours.
 */
const MEMORY_GROWTH_BYTES: Readonly<Record<SoakBounds, number>> = { quiet: 48 * 2 ** 20, busy: 96 * 2 ** 20 };
/** Half the sockets of the clients, which come and go. */
const DESCRIPTOR_GROWTH = 24;
const LATENCY_RATIO = 2;
const BUSY_ROOM_MS = 100;

export function judgeSoak(report: SoakReport, bounds: SoakBounds): readonly Claim[] {
  const { calm, siege, ledger, peak, processes } = report;
  const [alone, besieged, room] =
    bounds === 'busy' ? [calm.quietP99Ms, siege.quietP99Ms, BUSY_ROOM_MS] : [calm.p99Ms, siege.p99Ms, 0];
  const p99 = `p99 ${besieged.toFixed(1)} ms besieged, ${alone.toFixed(1)} ms alone`;
  return [
    claim('no call met anything wrong', report.wrong.length === 0, report.wrong.join('; ') || 'every answer verified'),
    claim(
      'no receipt was lost',
      ledger.receipts > 0 && ledger.lost.length === 0 && ledger.claimedTwice === 0,
      ledger.lost.join('; ') || `${ledger.receipts} receipts of clients are in the journal`,
    ),
    ...processes.flatMap(({ role, memory, descriptors }) => [
      claim(
        `memory of ${role} is flat`,
        memory.growth <= MEMORY_GROWTH_BYTES[bounds],
        `${mebibytes(memory.growth)} of growth, ${mebibytes(memory.mean)} on average`,
      ),
      claim(
        `descriptors of ${role} are flat`,
        descriptors === null || descriptors.growth <= DESCRIPTOR_GROWTH,
        descriptors === null
          ? 'not for this user to count'
          : `${descriptors.growth.toFixed(1)} of ${descriptors.mean.toFixed(0)}`,
      ),
    ]),
    claim('slow sockets are cut off', siege.cutOff > 0, `${siege.cutOff} of ${siege.sockets} at a time`),
    claim('slow sockets slow nobody down', besieged < LATENCY_RATIO * alone + room, p99),
    claim(
      'who finds no place is told so',
      peak.turnedAway > 0 && peak.answered > 0 && peak.wrong.length === 0,
      peak.wrong.slice(0, 3).join('; ') ||
        `${peak.turnedAway} turned away, p50 ${peak.turnedAwayP50Ms.toFixed(1)} ms, p99 ${peak.turnedAwayP99Ms.toFixed(1)} ms`,
    ),
  ];
}

function claim(name: string, holds: boolean, detail: string): Claim {
  return { name, holds, detail };
}

function mebibytes(bytes: number): string {
  return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
}

export function describeSoak(report: SoakReport, claims: readonly Claim[]): string {
  const { calm, siege, answers } = report;
  const counts = Object.entries(answers).map(([name, count]) => `${count} ${name}`);
  const lines = [
    `${report.minutes} minutes, load of the machine ${report.loadAverage.toFixed(1)}`,
    `${report.capacityPerSecond.toFixed(0)} verified answers per second at most, ${report.perSecond.toFixed(0)} asked for`,
    `${counts.join(', ')}; ${report.turnedAway} turned away`,
    `alone     p50 ${calm.p50Ms.toFixed(1)} ms, p99 ${calm.p99Ms.toFixed(1)} ms (quiet ${calm.quietP99Ms.toFixed(1)}), of all calls ${calm.p99OverallMs.toFixed(1)} ms`,
    `besieged  p50 ${siege.p50Ms.toFixed(1)} ms, p99 ${siege.p99Ms.toFixed(1)} ms (quiet ${siege.quietP99Ms.toFixed(1)}), of all calls ${siege.p99OverallMs.toFixed(1)} ms`,
    ...claims.map(({ name, holds, detail }) => `${holds ? 'holds ' : 'BROKEN'}  ${name}: ${detail}`),
  ];
  return `${lines.join('\n')}\n`;
}
