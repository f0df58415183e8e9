import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import type { FuzzTarget } from '../target.ts';

/** Inputs by file name. The name is a digest, so that equal inputs are one file. */
export type Corpus = ReadonlyMap<string, Uint8Array>;

/** Inputs that once crashed a target. They stay whatever they cover: `make test` replays them for good. */
const CRASH = 'crash-';

/** Twenty targets fit what a reviewer would accept as data in a repository (see replay.test.ts). */
const TARGET_BYTES = 12_288;

export function corpusFolder(root: string, target: string): string {
  return join(root, 'test', 'fuzz', 'corpus', ...target.split('/'));
}

export function readCorpus(folder: string): Corpus {
  if (!existsSync(folder)) return new Map();
  const names = readdirSync(folder).sort();
  return new Map(names.map((name) => [name, new Uint8Array(readFileSync(join(folder, name)))]));
}

/** Makes the folder hold these inputs and no others. */
export function writeCorpus(folder: string, corpus: Corpus): void {
  mkdirSync(folder, { recursive: true });
  for (const name of readdirSync(folder)) if (!corpus.has(name)) rmSync(join(folder, name));
  for (const [name, input] of corpus) writeFileSync(join(folder, name), input);
}

export function fileName(input: Uint8Array): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 16);
}

export function addCrash(folder: string, input: Uint8Array): string {
  const path = join(folder, CRASH + fileName(input));
  mkdirSync(folder, { recursive: true });
  writeFileSync(path, input);
  return path;
}

/** Which counters of an instrumented bundle one input moves. */
export type Measure = (input: Uint8Array) => Promise<readonly string[]>;

interface FileCounters {
  readonly s: Record<string, number>;
  readonly f: Record<string, number>;
  readonly b: Record<string, number[]>;
}

export function measureBundle(file: string): Measure {
  const { fuzz } = createRequire(file)(file) as Pick<FuzzTarget, 'fuzz'>;
  const counted = (globalThis as { __coverage__?: Readonly<Record<string, FileCounters>> }).__coverage__ ?? {};
  return async (input) => {
    for (const { s, f, b } of Object.values(counted)) {
      for (const counters of [s, f]) for (const id of Object.keys(counters)) counters[id] = 0;
      for (const branches of Object.values(b)) branches.fill(0);
    }
    await fuzz(input);
    return Object.entries(counted).flatMap(([path, { s, f, b }]) => [
      ...moved(s).map((id) => `${path} s${id}`),
      ...moved(f).map((id) => `${path} f${id}`),
      ...Object.entries(b).flatMap(([id, branches]) =>
        branches.flatMap((count, branch) => (count > 0 ? [`${path} b${id}.${branch}`] : [])),
      ),
    ]);
  };
}

function moved(counters: Readonly<Record<string, number>>): readonly string[] {
  return Object.keys(counters).filter((id) => (counters[id] ?? 0) > 0);
}

export interface Candidates {
  /** In the target's own code; they cover without costing a file. */
  readonly seeds: readonly Uint8Array[];
  readonly kept: Corpus;
  readonly found: readonly Uint8Array[];
}

/**
 * The inputs that reach what nothing before them reached: what is kept already comes first, so that a run which finds
 * nothing changes nothing; then new ones, the shortest first.
 */
export async function minimise(measure: Measure, { seeds, kept, found }: Candidates): Promise<Corpus> {
  const covered = new Set<string>();
  for (const seed of seeds) for (const point of await measure(seed)) covered.add(point);
  const corpus = new Map([...kept].filter(([name]) => name.startsWith(CRASH)));
  let bytes = 0;
  const candidates = [
    ...[...kept].filter(([name]) => !name.startsWith(CRASH)).map(([, input]) => input),
    ...[...found].sort((a, b) => a.length - b.length),
  ];
  for (const input of candidates) {
    const fresh = (await measure(input)).filter((point) => !covered.has(point));
    if (fresh.length === 0 || bytes + input.length > TARGET_BYTES) continue;
    for (const point of fresh) covered.add(point);
    bytes += input.length;
    corpus.set(fileName(input), input);
  }
  return corpus;
}
