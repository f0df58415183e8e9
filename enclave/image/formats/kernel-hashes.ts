import { createHash } from 'node:crypto';
import { utf8 } from '../../../wire/bytes.ts';
import { roundUp, viewOf } from './bytes.ts';
import { guidBytes } from './guid.ts';
import { PAGE_BYTES } from './launch-pages.ts';

/** What QEMU gives to a guest next to its firmware. */
export interface DirectBoot {
  readonly kernel: Uint8Array;
  /** All ramdisks, one after the other; empty without. */
  readonly initrd: Uint8Array;
  readonly commandLine: string;
}

const guids = {
  table: guidBytes('9438d606-4f22-4cc9-b479-a793d411fd21'),
  commandLine: guidBytes('97d02dd8-bd20-4c94-aa78-e7714d36ab2a'),
  initrd: guidBytes('44baf731-3a2f-4bd7-9af1-41e29169781d'),
  kernel: guidBytes('4de79437-abd2-427f-b835-d5b172d2045b'),
} as const;

const HEADER_BYTES = 18;
const ENTRY_BYTES = HEADER_BYTES + 32;
const TABLE_BYTES = HEADER_BYTES + 3 * ENTRY_BYTES;

/** QEMU pads the table to sixteen bytes (target/i386/sev.c, PaddedSevHashTable). */
export const HASH_TABLE_BYTES: number = roundUp(TABLE_BYTES, 16);

/**
 * The page through which firmware checks what it boots: QEMU writes the SHA-256 of each part, the page is measured,
 * and OVMF refuses parts that differ. `offset` is where in its page the firmware looks for the table.
 */
export function kernelHashesPage({ kernel, initrd, commandLine }: DirectBoot, offset: number): Uint8Array {
  const page = new Uint8Array(PAGE_BYTES);
  const view = viewOf(page);
  const put = (at: number, guid: Uint8Array, length: number): void => {
    page.set(guid, at);
    view.setUint16(at + guid.length, length, true);
  };
  put(offset, guids.table, TABLE_BYTES);
  const entries = [
    // The NUL at its end counts.
    [guids.commandLine, utf8(`${commandLine}\0`)],
    [guids.initrd, initrd],
    [guids.kernel, kernel],
  ] as const;
  for (const [index, [guid, content]] of entries.entries()) {
    const at = offset + HEADER_BYTES + index * ENTRY_BYTES;
    put(at, guid, ENTRY_BYTES);
    page.set(createHash('sha256').update(content).digest(), at + HEADER_BYTES);
  }
  return page;
}
