import { deepStrictEqual } from 'node:assert/strict';
import { readCpio } from '../../../enclave/image/formats/cpio-read.ts';
import { writeCpio } from '../../../enclave/image/formats/cpio-write.ts';
import { utf8 } from '../../../wire/bytes.ts';
import { unlessImageRefused } from './image-refused.ts';

/** What is read can be written, and says the same then, unless an entry lies under what is no directory. */
export function fuzz(data: Uint8Array): void {
  const members = unlessImageRefused(() => readCpio(data));
  if (members === undefined) return;
  const entries = members.map(({ entry }) => entry);
  const archive = unlessImageRefused(() => writeCpio(entries));
  if (archive === undefined) return;
  const again = new Map(readCpio(archive).map(({ entry }) => [entry.path, entry]));
  for (const entry of entries) deepStrictEqual(again.get(entry.path), entry);
}

export const seeds: readonly Uint8Array[] = [
  writeCpio([]).subarray(0, 124),
  writeCpio([
    { kind: 'file', path: 'a/b', permissions: 0o755, content: utf8('c') },
    { kind: 'symlink', path: 'd', target: 'a/b' },
    { kind: 'character-device', path: 'e', permissions: 0o600, major: 5, minor: 1 },
    { kind: 'block-device', path: 'f', permissions: 0o600, major: 8, minor: 0 },
  ]),
];
