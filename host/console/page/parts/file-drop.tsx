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
  readonly onFile: (file: DroppedFile) => void;
  /** As an `<input type="file">` takes it, where the platform's dialogue should show some files only. */
  readonly accept?: string;
}

/** A file to drop here or to choose. It is read in the browser and goes nowhere. */
export function FileDrop({ label, hint, maxBytes, onFile, accept }: FileDropProps): VNode {
  const id = useId();
  const [over, setOver] = useState<'over' | 'away'>('away');
  const [refused, setRefused] = useState<string>();
  const take = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    if (file.size > maxBytes) {
      setRefused(`${file.name} has ${countWords(file.size)} bytes; ${countWords(maxBytes)} are the most`);
      return;
    }
    setRefused(undefined);
    onFile({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
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
        void take(event.dataTransfer?.files[0]);
      }}
    >
      <legend class="visually-hidden">{label}</legend>
      <label for={id}>{label}</label>
      <input
        id={id}
        type="file"
        {...(accept === undefined ? {} : { accept })}
        aria-describedby={`${id}-hint`}
        onChange={({ currentTarget }) => {
          void take(currentTarget.files?.[0]);
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
