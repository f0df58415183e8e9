import type { VNode } from 'preact';

export interface DownloadProps {
  readonly name: string;
  readonly type: string;
  readonly bytes: () => Uint8Array;
  /** What the button says. */
  readonly label: string;
}

/** Makes the file when it is asked for, and hands it to the browser: nothing is sent anywhere. */
export function Download({ name, type, bytes, label }: DownloadProps): VNode {
  const save = (): void => {
    const url = URL.createObjectURL(new Blob([Uint8Array.from(bytes())], { type }));
    const link = document.createElement('a');
    link.href = url;
    link.download = name;
    link.click();
    // The browser has begun to read it by then.
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <button type="button" onClick={save}>
      {label}
    </button>
  );
}
