/** Where `.proofmark` files go: called for every verified answer, and waited for before the answer is handed out. */
export type ArchiveSink = (file: ArchiveFile) => void | Promise<void>;

export interface ArchiveFile {
  /** `<requestId>.proofmark`: one file for each answer, and none is written over. */
  readonly name: string;
  readonly bytes: Uint8Array;
}
