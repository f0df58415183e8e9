import { deepStrictEqual } from 'node:assert/strict';
import committed from '../../../attestations/images/vm.lock.json' with { type: 'json' };
import { ImageBuildError } from '../../../enclave/image/build-error.ts';
import { parseImageLock, renderImageLock } from '../../../enclave/image/lock.ts';
import { concatBytes, utf8 } from '../../../wire/bytes.ts';

const whole = utf8(`${JSON.stringify(committed, undefined, 2)}\n`);

/** A lock is longer than what a fuzzer makes, so that input is also read as a change of one: place, length, new text. */
export function fuzz(data: Uint8Array): void {
  isSpelledAsRead(data);
  const [high = 0, low = 0, length = 0] = data;
  const at = ((high << 8) | low) % whole.length;
  isSpelledAsRead(concatBytes(whole.subarray(0, at), data.subarray(3), whole.subarray(at + length)));
}

/** What is a lock at all is spelled as a lock is. */
function isSpelledAsRead(data: Uint8Array): void {
  let text: string;
  try {
    text = renderImageLock(parseImageLock(data));
  } catch (error) {
    if (error instanceof ImageBuildError && error.code === 'lock_invalid') return;
    throw error;
  }
  deepStrictEqual(utf8(text), Uint8Array.from(data));
}

const change = (at: number, length: number, text: string): Uint8Array =>
  concatBytes(Uint8Array.of(at >> 8, at & 0xff, length), utf8(text));

export const seeds: readonly Uint8Array[] = [
  change(0, 0, ''),
  ...['"size": ', '"sha256": "', '"member": "', '"version": "', '"name": "libm.so.6"'].map((text) => {
    const at = new TextDecoder().decode(whole).indexOf(text);
    return change(at, text.length, text);
  }),
];
