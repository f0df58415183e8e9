import type { Call } from './recording.ts';

/**
 * What a disk may hold after a power cut. Promised is only this: a write that had ended before a sync of its file began
 * is there once that sync has ended (a write through O_DSYNC: once it has ended itself), and the name of a file is
 * there once its folder was synced. Of everything else any part may be there, in any order, torn at sectors.
 */
export interface Disk {
  readonly folders: readonly string[];
  readonly files: ReadonlyMap<string, Uint8Array>;
}

/** How much of what was not synced is kept. */
export const fates = ['nothing', 'all', 'whole writes', 'pages', 'sectors', 'torn', 'only lengths'] as const;
export type Fate = (typeof fates)[number];

/** The recorded process, as far as it was let run. */
export interface Replay {
  /** Goes on until the first `count` events have happened. */
  advanceTo(count: number): void;
  /** The disk if the power failed now. */
  cut(fate: Fate, random: () => number): Disk;
}

const SECTOR = 512;
const PAGE = 4_096;

interface Write {
  readonly began: number;
  readonly offset: number;
  readonly bytes: Uint8Array;
  ended: number | undefined;
}

interface File {
  /** Longer than what is in it, so that growing it does not copy it each time. */
  durable: Uint8Array;
  durableLength: number;
  /** For each sector, how many writes had been made when what is durable of it was synced. */
  readonly versions: Map<number, number>;
  writes: Write[];
  length: number;
}

/** A change of names, which is durable once the folder that it happened in was synced. */
interface Naming {
  readonly folder: string;
  readonly path: string;
  /** What the name stands for from here on; undefined when it is taken away. */
  readonly what: number | 'folder' | undefined;
  durable: boolean;
}

/** `forgotten` is a disk that lies about its syncs: the control of the experiment. */
export function replay(calls: readonly Call[], syncs: 'kept' | 'forgotten'): Replay {
  const files = new Map<number, File>();
  const paths = new Map<number, string>();
  const namings: Naming[] = [];
  /** As the process sees them. */
  const names = new Map<string, number | 'folder'>();
  const syncing = new Map<number, { readonly began: number; readonly file: number }>();
  const writing = new Map<number, { readonly file: File; readonly write: Write; readonly synchronous: boolean }>();
  let now = 0;

  function fileOf(number: number): File {
    const fresh: File = { durable: new Uint8Array(0), durableLength: 0, versions: new Map(), writes: [], length: 0 };
    const file = files.get(number) ?? fresh;
    files.set(number, file);
    return file;
  }

  function name(path: string, what: Naming['what']): void {
    namings.push({ folder: path.slice(0, Math.max(0, path.lastIndexOf('/'))), path, what, durable: false });
    if (what === undefined) names.delete(path);
    else names.set(path, what);
  }

  function step(call: Call): void {
    switch (call.kind) {
      case 'open':
        fileOf(call.file);
        paths.set(call.file, call.path);
        if (call.created) name(call.path, call.file);
        break;
      case 'folder':
        name(call.path, 'folder');
        break;
      case 'rename':
        if (typeof names.get(call.from) !== 'number') throw new Error('only files are renamed here');
        // Two folders change, each of which has its own sync.
        name(call.to, names.get(call.from));
        name(call.from, undefined);
        break;
      case 'remove':
        name(call.path, undefined);
        break;
      case 'write': {
        const file = fileOf(call.file);
        const write: Write = { began: now, ended: undefined, offset: call.offset, bytes: call.bytes };
        file.writes.push(write);
        file.length = Math.max(file.length, call.offset + call.bytes.length);
        writing.set(call.call, { file, write, synchronous: call.synchronous });
        break;
      }
      case 'written': {
        const { file, write, synchronous } = writing.get(call.call) as NonNullable<ReturnType<typeof writing.get>>;
        write.ended = now;
        const range = [write.offset, write.offset + write.bytes.length] as const;
        if (synchronous && syncs === 'kept') flush(file, now, range);
        break;
      }
      case 'sync':
        syncing.set(call.call, { began: now, file: call.file });
        break;
      case 'synced': {
        const { began, file } = syncing.get(call.call) as NonNullable<ReturnType<typeof syncing.get>>;
        if (!call.good || syncs === 'forgotten') break;
        flush(fileOf(file), began, [0, Number.POSITIVE_INFINITY]);
        for (const naming of namings) if (naming.folder === paths.get(file)) naming.durable = true;
        break;
      }
      case 'mapped':
      case 'resize':
      case 'unfollowed':
        // Only the lock file, whose content is worth nothing: the test sees to that.
        break;
    }
  }

  return {
    advanceTo(count) {
      for (; now < count; now++) step(calls[now] as Call);
    },
    cut: (fate, random) => assemble(files, namings, fate, random),
  };
}

/** Makes durable what had been written before `before`, within whole pages of the range: the page cache knows no less. */
function flush(file: File, before: number, [from, to]: readonly [number, number]): void {
  const first = Math.floor(from / PAGE) * PAGE;
  const last = Math.ceil(to / PAGE) * PAGE;
  for (const write of file.writes) {
    if (write.ended === undefined || write.ended > before) continue;
    for (const [start, end] of pieces(write, SECTOR)) {
      if (start < first || end > last || write.began < (file.versions.get(sectorOf(start)) ?? 0)) continue;
      file.durable = patched(file.durable, write, start, end);
      file.durableLength = Math.max(file.durableLength, end);
      file.versions.set(sectorOf(start), write.began);
    }
  }
  if (to === Number.POSITIVE_INFINITY) {
    file.writes = file.writes.filter(({ ended }) => ended === undefined || ended > before);
  }
}

function sectorOf(offset: number): number {
  return Math.floor(offset / SECTOR);
}

/** The parts of a write between borders of `unit`. */
function pieces({ offset, bytes }: Write, unit: number): readonly (readonly [number, number])[] {
  const parts: [number, number][] = [];
  const end = offset + bytes.length;
  for (let start = offset; start < end; ) {
    const next = Math.min(end, (Math.floor(start / unit) + 1) * unit);
    parts.push([start, next]);
    start = next;
  }
  return parts;
}

function patched(content: Uint8Array, write: Write, start: number, end: number): Uint8Array {
  let target = content;
  if (end > content.length) {
    target = new Uint8Array(2 * end);
    target.set(content);
  }
  target.set(write.bytes.subarray(start - write.offset, end - write.offset), start);
  return target;
}

function assemble(
  files: ReadonlyMap<number, File>,
  namings: readonly Naming[],
  fate: Fate,
  random: () => number,
): Disk {
  const names = new Map<string, number | 'folder'>();
  // Names that nothing promises are kept in the order in which they were made, up to one that was lost.
  const open = namings.filter(({ durable }) => !durable).length;
  let left = fate === 'nothing' ? 0 : fate === 'all' ? open : Math.floor(random() * (open + 1));
  for (const { durable, path, what } of namings) {
    if (!durable && left-- <= 0) continue;
    if (what === undefined) names.delete(path);
    else names.set(path, what);
  }
  const found = new Map<string, Uint8Array>();
  for (const [path, what] of names) {
    if (what !== 'folder') found.set(path, contentOf(files.get(what) as File, fate, random));
  }
  return { folders: [...names].filter(([, what]) => what === 'folder').map(([path]) => path), files: found };
}

function contentOf(file: File, fate: Fate, random: () => number): Uint8Array {
  let content: Uint8Array = Uint8Array.from(file.durable);
  let length = file.durableLength;
  const pages = new Map<string, boolean>();
  const torn = Math.floor(random() * (file.writes.length + 1));
  file.writes.forEach((write, number) => {
    const whole = random() < 0.5;
    const tornAt = random() * write.bytes.length;
    for (const [start, end] of pieces(write, SECTOR)) {
      if (write.began < (file.versions.get(sectorOf(start)) ?? 0)) continue;
      const page = `${number}/${Math.floor(start / PAGE)}`;
      if (!pages.has(page)) pages.set(page, random() < 0.5);
      const keep: Readonly<Record<Fate, boolean>> = {
        nothing: false,
        all: true,
        'whole writes': whole,
        pages: pages.get(page) === true,
        sectors: random() < 0.5,
        torn: number < torn || (number === torn && end - write.offset <= tornAt),
        'only lengths': false,
      };
      if (!keep[fate]) continue;
      content = patched(content, write, start, end);
      length = Math.max(length, end);
    }
  });
  // A length is a record of the file system, and may be ahead of the data: what lies between reads as zeros.
  const grown = fate === 'only lengths' ? Math.max(length, file.length) : length;
  const out = new Uint8Array(grown);
  out.set(content.subarray(0, Math.min(grown, length)));
  return out;
}
