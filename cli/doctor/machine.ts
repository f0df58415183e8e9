/** Of a file of the kernel, or a manifest: what is looked for stands in the first processor's entry, or in a few lines. */
export const TEXT_BYTES = 65_536;
/** Of what a program prints about itself. */
export const OUTPUT_BYTES = 65_536;
/** Of a program that only tells its version, or starts another one for a moment. */
export const PROGRAM_MILLISECONDS = 20_000;

export interface Entry {
  readonly kind: 'file' | 'directory' | 'device' | 'other';
  /** Permission bits. */
  readonly mode: number;
  readonly owner: number;
}

export interface Ran {
  /** Null where it was killed, for taking too long or by somebody else. */
  readonly code: number | null;
  readonly output: string;
}

/** What package.json asks for. */
export interface Manifest {
  readonly node: string;
  readonly peers: Readonly<Record<string, string>>;
}

export type Trial = { readonly works: true } | { readonly works: false; readonly why: string };

/**
 * Everything that is asked of a machine. No call changes it; tests play machines that are not there. What cannot be
 * answered rejects, and becomes a finding.
 */
export interface Machine {
  readonly platform: string;
  readonly architecture: string;
  readonly nodeVersion: string;
  readonly nodeProgram: string;
  readonly pid: number;
  /** Undefined where the system knows no users. */
  readonly user: number | undefined;
  readonly form: 'checkout' | 'package';
  readonly stateFolder: string;
  readonly scratchFolder: string;
  /** Our helper that confines processes. */
  readonly confineProgram: string;
  /** Files of our own that every worker needs. */
  readonly workerFiles: readonly string[];
  readonly now: number;
  readonly manifest: () => Promise<Manifest>;
  /** Undefined where nothing is there. */
  readonly entry: (path: string) => Promise<Entry | undefined>;
  readonly allows: (path: string, use: 'write' | 'read-write' | 'execute') => Promise<boolean>;
  /** The beginning of a text; undefined where no such file is. */
  readonly text: (path: string) => Promise<string | undefined>;
  readonly freeMemoryBytes: () => Promise<number>;
  readonly freeBytes: (folder: string) => Promise<number>;
  /** Undefined where the package is not installed. */
  readonly packageVersion: (name: string) => Promise<string | undefined>;
  /** The engine's native file for this machine, where its package has one. */
  readonly engineFile: () => Promise<string | undefined>;
  /** Where PATH has a program. */
  readonly which: (program: string) => Promise<string | undefined>;
  readonly run: (program: string, args: readonly string[]) => Promise<Ran>;
  readonly port: (port: number) => Promise<'free' | 'taken'>;
  readonly trySandbox: () => Promise<Trial>;
  readonly missingImageInputs: () => Promise<number>;
  readonly chain: () => Promise<Trial>;
}
