import { fromBase64url, toBase64url } from './bytes.ts';

/** RFC 4648 section 4, with padding: for text forms of others (signed notes, content security policies). */
export function toBase64(bytes: Uint8Array): string {
  const text = toBase64url(bytes).replaceAll('-', '+').replaceAll('_', '/');
  return text.padEnd(4 * Math.ceil(text.length / 4), '=');
}

/** Takes more than one spelling: whoever needs one writes the value again and compares. */
export function fromBase64(text: string): Uint8Array {
  return fromBase64url(text.replace(/=+$/, '').replaceAll('+', '-').replaceAll('/', '_'));
}
