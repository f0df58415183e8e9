/** Where a pull puts a release: a folder of Node's, or what a test has in its place. Everything throws HubError. */
export interface ReleaseFolder {
  /** The finished folder, as somebody has left it. */
  state(): Promise<'absent' | 'empty' | 'occupied'>;
  /** A small file of it, whole; undefined where there is none of at most that size. */
  small(path: string, maxBytes: number): Promise<Uint8Array | undefined>;
  file(path: string): Promise<KeptFile | undefined>;
  /** A place of this pull's own beside it. What an earlier pull of the same release has left behind is in it. */
  draft(modelId: Uint8Array): Promise<DraftFolder>;
}

/** A plain file that is there. */
export interface KeptFile {
  readonly size: number;
  readonly chunks: AsyncIterable<Uint8Array>;
}

/** Nobody else writes to it, and nobody takes what is in it for a release. */
export interface DraftFolder {
  file(path: string): Promise<KeptFile | undefined>;
  part(path: string): Promise<PartFile>;
  write(path: string, bytes: Uint8Array): Promise<void>;
  /** These files, and nothing that an earlier run left, appear under the final name at once; or none, since something stands there. */
  publish(paths: readonly string[]): Promise<'published' | 'occupied'>;
  /** One file goes into a folder that stands there, in place of what it has under that name. */
  mend(path: string): Promise<void>;
  /** Nobody needs it any more. */
  remove(): Promise<void>;
  /** Whoever pulls the same release next goes on with it. */
  leave(): Promise<void>;
}

/** A file on its way. Its bytes stay when everything ends, and have no meaning before their digest held. */
export interface PartFile {
  readonly size: number;
  /** What is there, from the beginning on. */
  chunks(): AsyncIterable<Uint8Array>;
  truncate(size: number): Promise<void>;
  append(bytes: Uint8Array): Promise<void>;
  /** On disk, and under its own name in the draft. */
  finish(): Promise<void>;
  close(): Promise<void>;
}
