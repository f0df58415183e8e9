/** Where the files of a release are read from that is published. */
export interface ReleaseSource {
  file(path: string): Promise<SourceFile>;
}

export interface SourceFile {
  readonly size: number;
  /** Another one as soon as the file may have changed. */
  readonly stamp: string;
  chunks(from: number): AsyncIterable<Uint8Array>;
}
