import { createRequire } from 'node:module';

/**
 * The part of lmdb that the journal uses. Its own declarations do not compile under TypeScript 6 (TS1203), and a `paths`
 * entry for ours would also redirect tsx at run time, so the module is loaded without them.
 */
export interface Environment {
  openDB(options: { readonly name: string; readonly encoding: 'binary'; readonly keyEncoding: 'binary' }): Table;
  /** Everything that `action` puts is one transaction; resolves when it is committed. */
  batch(action: () => void): Promise<boolean>;
  /** The same at once: whoever waits is the process itself, at its start. */
  transactionSync(action: () => void): void;
  close(): Promise<void>;
}

export interface Table {
  getBinary(key: Uint8Array): Uint8Array | undefined;
  put(key: Uint8Array, value: Uint8Array): Promise<boolean>;
  remove(key: Uint8Array): Promise<boolean>;
  putSync(key: Uint8Array, value: Uint8Array): boolean;
  removeSync(key: Uint8Array): boolean;
  getStats(): Pages & { readonly pageSize: number; readonly root: Pages; readonly free: Pages };
  getRange(options: RangeOptions): Iterable<{ readonly key: Uint8Array; readonly value: Uint8Array }>;
}

/** How many pages a table has; `root` is the table of tables, `free` that of pages to be used again. */
export interface Pages {
  readonly treeBranchPageCount: number;
  readonly treeLeafPageCount: number;
  readonly overflowPages: number;
}

export interface RangeOptions {
  readonly start: Uint8Array;
  readonly end: Uint8Array;
  readonly limit: number;
  readonly reverse?: boolean;
}

interface EnvironmentOptions {
  readonly path: string;
  readonly maxDbs: number;
  readonly encoding: 'binary';
  readonly keyEncoding: 'binary';
  readonly noSubdir: boolean;
  readonly overlappingSync: boolean;
  readonly eventTurnBatching: boolean;
}

const lmdb = createRequire(import.meta.url)('lmdb') as { open(options: EnvironmentOptions): Environment };

/**
 * Plain LMDB commits: pages, fdatasync, then the page that makes them visible. The library's overlapping sync would not
 * answer sooner (measured: its commit promise also waits for fdatasync), and its flush promise never settles when a
 * write fails. Its batching per event turn leaves a rejected promise behind that nobody can catch.
 */
export function openEnvironment(path: string, tables: number): Environment {
  return lmdb.open({
    path,
    maxDbs: tables,
    encoding: 'binary',
    keyEncoding: 'binary',
    noSubdir: false,
    overlappingSync: false,
    eventTurnBatching: false,
  });
}
