import type { VNode } from 'preact';
import { useState } from 'preact/hooks';
import { toHex } from '../../../../wire/bytes.ts';

export interface HexProps {
  readonly value: Uint8Array | string;
  /** What it is, for whoever hears the button instead of seeing where it stands. */
  readonly name: string;
  /** `full` shows every digit, over several lines where it must. */
  readonly size?: 'short' | 'full';
}

const SHORT_DIGITS = 16;

/** A digest or key, with a button that copies all of it. */
export function Hex({ value, name, size = 'short' }: HexProps): VNode {
  const digits = typeof value === 'string' ? value : toHex(value);
  const short = size === 'short' && digits.length > 2 * SHORT_DIGITS;
  const [copied, setCopied] = useState<'no' | 'yes' | 'failed'>('no');
  const copy = (): void => {
    navigator.clipboard.writeText(digits).then(
      () => setCopied('yes'),
      () => setCopied('failed'),
    );
  };
  const words = { no: 'copy', yes: 'copied', failed: 'select it' }[copied];
  return (
    <span class="hex">
      <code title={short ? digits : undefined}>
        {short ? `${digits.slice(0, SHORT_DIGITS)}…${digits.slice(-6)}` : digits}
      </code>
      <button type="button" class="quiet" aria-label={`${words}: ${name}`} onClick={copy}>
        {words}
      </button>
    </span>
  );
}
