import type { HubProgress } from '../../client/index.ts';
import { bar, bytesText, durationText, rateOver, type Sample } from '../model/amounts.ts';
import { printable } from '../report.ts';
import { createDrawnLines } from './drawn.ts';

export interface ProgressOptions {
  readonly write: (text: string) => void;
  readonly now: () => number;
  /** On a terminal each active file has a line that is drawn again; anywhere else a line says something now and then. */
  readonly terminal: { readonly columns: number } | 'none';
}

export interface ProgressView {
  readonly listen: (progress: HubProgress) => void;
  /** The lines that were drawn again go away; whatever is told next begins on its own line. */
  end(): void;
}

export const silent: ProgressView = { listen: () => {}, end: () => {} };

interface FileState {
  readonly path: string;
  readonly size: number;
  readonly samples: Sample[];
  bytes: number;
}

const REDRAW_MS = 100;
const LINE_MS = 5_000;
/** A rate over less is one of the moment, over more one of the past. */
const RATE_MS = 5_000;

export function createProgress({ write, now, terminal }: ProgressOptions): ProgressView {
  const active = new Map<string, FileState>();
  const all: FileState & { files: number; plannedFiles: number; plannedBytes: number; arrived: number } = {
    path: '',
    size: 0,
    samples: [],
    bytes: 0,
    files: 0,
    plannedFiles: 0,
    plannedBytes: 0,
    arrived: 0,
  };
  const lines = createDrawnLines(write);
  let lastTold = Number.NEGATIVE_INFINITY;

  function listen(progress: HubProgress): void {
    switch (progress.event) {
      case 'plan':
        all.plannedFiles = progress.files;
        all.plannedBytes = progress.bytes;
        // A wait begins with the first look, so that what is quick says nothing.
        lastTold = now();
        return;
      case 'file':
        active.set(progress.path, { path: progress.path, size: progress.size, bytes: progress.bytes, samples: [] });
        all.bytes += progress.bytes;
        break;
      case 'bytes':
        advance(progress.path, progress.bytes);
        break;
      case 'done':
        finish(progress.path);
        break;
      case 'again':
        tell(`  ${nameOf(progress.path)}: ${printable(progress.why)}, again in ${durationText(progress.waitMs)}\n`);
        break;
    }
    show();
  }

  function advance(path: string, bytes: number): void {
    const file = active.get(path);
    if (file === undefined) return;
    const more = bytes - file.bytes;
    file.bytes = bytes;
    all.bytes += more;
    // What is begun anew was not un-received.
    if (more > 0) all.arrived += more;
    sample(file.samples, bytes);
    sample(all.samples, all.arrived);
  }

  function sample(samples: Sample[], bytes: number): void {
    const time = now();
    samples.push({ time, bytes });
    while ((samples[1]?.time ?? time) < time - RATE_MS) samples.shift();
  }

  function finish(path: string): void {
    const file = active.get(path);
    active.delete(path);
    all.files += 1;
    if (terminal !== 'none' && file !== undefined) tell(`  ${printable(path)}  ${bytesText(file.size)}\n`);
  }

  /** Above the lines that are drawn again, for good. */
  function tell(line: string): void {
    lines.erase();
    write(line);
    lastTold = Number.NEGATIVE_INFINITY;
  }

  function show(): void {
    const wait = terminal === 'none' ? LINE_MS : REDRAW_MS;
    if (now() - lastTold < wait) return;
    if (terminal === 'none') write(`${summary(all)}\n`);
    else lines.draw([...active.values()].map((file) => fileLine(file, terminal.columns)));
    lastTold = now();
  }

  return { listen, end: lines.erase };
}

function nameOf(path: string | null): string {
  return path === null ? 'the hub' : printable(path);
}

function fileLine({ path, size, bytes, samples }: FileState, columns: number): string {
  const share = size === 0 ? 1 : bytes / size;
  const rate = rateOver(samples);
  const left = rate === undefined || rate === 0 ? '' : `  ${durationText((1_000 * (size - bytes)) / rate)} left`;
  const speed = rate === undefined ? '' : `  ${bytesText(rate)}/s`;
  const facts = `${bar(share)} ${String(Math.floor(100 * share)).padStart(3)}%  ${bytesText(bytes)} of ${bytesText(size)}${speed}${left}`;
  const room = Math.max(8, columns - facts.length - 5);
  const name = printable(path);
  const shown = name.length > room ? `…${name.slice(1 - room)}` : name.padEnd(Math.min(room, 28));
  return `  ${shown}  ${facts}`.slice(0, columns - 1);
}

function summary(all: {
  readonly files: number;
  readonly plannedFiles: number;
  readonly plannedBytes: number;
  readonly bytes: number;
  readonly samples: readonly Sample[];
}): string {
  const { files, plannedFiles, plannedBytes, bytes, samples } = all;
  const share = plannedBytes === 0 ? 100 : Math.min(100, Math.floor((100 * bytes) / plannedBytes));
  const rate = rateOver(samples);
  const speed = rate === undefined ? '' : `, ${bytesText(rate)}/s`;
  const left =
    rate === undefined || rate === 0 ? '' : `, ${durationText((1_000 * (plannedBytes - bytes)) / rate)} left`;
  return `${files} of ${plannedFiles} files, ${bytesText(bytes)} of ${bytesText(plannedBytes)} (${share}%)${speed}${left}`;
}
