import type { VNode } from 'preact';
import { useId, useState } from 'preact/hooks';
import { countWords } from './words.ts';

export interface DroppedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export interface FileDropProps {
  readonly label: string;
  /** What kinds of files, in a few words. */
  readonly hint: string;
  readonly maxBytes: number;
  /** Told of one file: of several that are dropped, the first. */
  readonly onFile?: (file: DroppedFile) => void;
  /** Told of all files that are dropped or chosen together. */
  readonly onFiles?: (files: readonly DroppedFile[]) => void;
  /** As an `<input type="file">` takes it, where the platform's dialogue should show some files only. */
  readonly accept?: string;
}

/** A file to drop here or to choose. It is read in the browser and goes nowhere. */
export function FileDrop({ label, hint, maxBytes, onFile, onFiles, accept }: FileDropProps): VNode {
  const id = useId();
  const [over, setOver] = useState<'over' | 'away'>('away');
  const [refused, setRefused] = useState<string>();
  const take = async (list: FileList | null | undefined): Promise<void> => {
    const files = [...(list ?? [])].slice(0, onFiles === undefined ? 1 : undefined);
    const large = files.find(({ size }) => size > maxBytes);
    if (large !== undefined) {
      setRefused(`${large.name} has ${countWords(large.size)} bytes; ${countWords(maxBytes)} are the most`);
      return;
    }
    setRefused(undefined);
    const read = await Promise.all(
      files.map(async (file) => ({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) })),
    );
    const [first] = read;
    if (first === undefined) return;
    onFiles?.(read);
    onFile?.(first);
  };
  return (
    <fieldset
      class={`file-drop ${over}`}
      onDragOver={(event) => {
        event.preventDefault();
        setOver('over');
      }}
      onDragLeave={() => setOver('away')}
      onDrop={(event) => {
        event.preventDefault();
        setOver('away');
        void take(event.dataTransfer?.files);
      }}
    >
      <legend class="visually-hidden">{label}</legend>
      <label for={id}>{label}</label>
      <input
        id={id}
        type="file"
        {...(accept === undefined ? {} : { accept })}
        multiple={onFiles !== undefined}
        aria-describedby={`${id}-hint`}
        onChange={({ currentTarget }) => {
          void take(currentTarget.files);
          // So that the same file can be chosen again after it was changed.
          currentTarget.value = '';
        }}
      />
      <p id={`${id}-hint`} class="soft">
        {hint}
      </p>
      {refused === undefined ? null : (
        <p class="problem" role="alert">
          <code>file_too_large</code> {refused}
        </p>
      )}
    </fieldset>
  );
}
