import { limits } from '../../../wire/limits.ts';
import { ImageError, type ImageErrorCode } from '../errors.ts';
import { startsWith, viewOf } from './bytes.ts';
import { guidBytes } from './guid.ts';
import { PAGE_BYTES } from './launch-pages.ts';

/**
 * What a hypervisor reads in OVMF before it launches a confidential guest: the table of GUIDed structures that ends 32
 * bytes before the firmware does (edk2, OvmfPkg/ResetVector/Ia16/ResetVectorVtf0.asm) and the list of pages to be
 * measured that it points to (OvmfPkg/ResetVector/X64/OvmfSevMetadata.asm).
 */
export interface Ovmf {
  readonly bytes: Uint8Array;
  /** The firmware ends at 4 GiB. */
  readonly address: number;
  /** Where all processors but the first begin; null in firmware without SEV-ES. */
  readonly resetVector: number | null;
  /** Where the firmware looks for the hashes of kernel, initrd and command line; null where it does not. */
  readonly hashTable: { readonly address: number; readonly size: number } | null;
  /** In the order of the file, which is the order in which they are measured. */
  readonly sections: readonly OvmfSection[];
}

export interface OvmfSection {
  readonly kind: OvmfSectionKind;
  readonly address: number;
  readonly size: number;
}

export type OvmfSectionKind = 'memory' | 'secrets' | 'cpuid' | 'svsm-calling-area' | 'kernel-hashes';

const sectionKinds: ReadonlyMap<number, OvmfSectionKind> = new Map([
  [1, 'memory'],
  [2, 'secrets'],
  [3, 'cpuid'],
  [4, 'svsm-calling-area'],
  [0x10, 'kernel-hashes'],
]);

/** Of which the processor's firmware, or the hypervisor, fills exactly one page. */
const singlePages: ReadonlySet<OvmfSectionKind> = new Set(['secrets', 'cpuid', 'kernel-hashes']);

const guids = {
  footer: guidBytes('96b582de-1fb2-45f7-baea-a366c55a082d'),
  resetBlock: guidBytes('00f771de-1a7e-4fcb-890e-68c77e2fb44e'),
  hashTable: guidBytes('7255371f-3a3b-4b04-927b-1da6efa8d454'),
  sevMetadata: guidBytes('dc886566-984a-4798-a75e-5585a7bf67cc'),
} as const;

const FOUR_GIB = 0x1_0000_0000;
/** Bytes of the reset vector, behind the table. */
const AFTER_TABLE = 32;
/** An entry's content lies before its length (u16, all of it) and its GUID: the table is read backwards. */
const ENTRY_TAIL = 18;

const METADATA_MAGIC = new TextEncoder().encode('ASEV');
const METADATA_HEADER_BYTES = 16;
const METADATA_ITEM_BYTES = 12;

export function readOvmf(bytes: Uint8Array): Ovmf {
  if (bytes.length === 0 || bytes.length > limits.firmwareBytes || bytes.length % PAGE_BYTES !== 0) {
    refuse('firmware_size', `${bytes.length} bytes; whole pages, ${limits.firmwareBytes} at most`);
  }
  const table = readTable(bytes);
  const number = (guid: Uint8Array): number | null => {
    const content = table.get(key(guid));
    if (content === undefined) return null;
    if (content.length < 4) refuse('firmware_table', 'an entry that is too short');
    return viewOf(content).getUint32(0, true);
  };
  const metadata = number(guids.sevMetadata);
  if (metadata === null) refuse('firmware_metadata', 'firmware without SEV metadata cannot start an SNP guest');
  return {
    bytes,
    address: FOUR_GIB - bytes.length,
    resetVector: number(guids.resetBlock),
    hashTable: hashTableOf(table.get(key(guids.hashTable))),
    sections: readSections(bytes, metadata),
  };
}

function hashTableOf(content: Uint8Array | undefined): Ovmf['hashTable'] {
  if (content === undefined) return null;
  if (content.length < 8) refuse('firmware_table', 'an entry that is too short');
  const view = viewOf(content);
  const table = { address: view.getUint32(0, true), size: view.getUint32(4, true) };
  // Builds without measured boot keep the entry and fill it with zeros.
  return table.address === 0 ? null : table;
}

function readTable(bytes: Uint8Array): ReadonlyMap<string, Uint8Array> {
  const view = viewOf(bytes);
  const footer = bytes.length - AFTER_TABLE - ENTRY_TAIL;
  if (!startsWith(bytes, guids.footer, footer + 2)) refuse('firmware_table', 'no table of GUIDs at its end');
  const start = footer + ENTRY_TAIL - view.getUint16(footer, true);
  if (start < 0 || start > footer)
    refuse('firmware_table', 'the table is longer than the firmware, or shorter than itself');
  const entries = new Map<string, Uint8Array>();
  let end = footer;
  while (end > start) {
    const tail = end - ENTRY_TAIL;
    const length = tail < start ? 0 : view.getUint16(tail, true);
    if (length < ENTRY_TAIL || end - length < start) refuse('firmware_table', 'an entry that does not fit', tail);
    const guid = key(bytes.subarray(tail + 2, end));
    if (entries.has(guid)) refuse('firmware_table', 'a GUID occurs twice', tail);
    if (entries.size === limits.firmwareEntries) refuse('firmware_table', 'too many entries', tail);
    entries.set(guid, bytes.subarray(end - length, tail));
    end -= length;
  }
  return entries;
}

function readSections(bytes: Uint8Array, fromEnd: number): readonly OvmfSection[] {
  const start = bytes.length - fromEnd;
  const view = viewOf(bytes);
  if (start < 0 || fromEnd < METADATA_HEADER_BYTES || !startsWith(bytes, METADATA_MAGIC, start)) {
    refuse('firmware_metadata', 'the table points to no SEV metadata', start);
  }
  const [size, version, count] = [4, 8, 12].map((offset) => view.getUint32(start + offset, true)) as [
    number,
    number,
    number,
  ];
  if (version !== 1) refuse('firmware_metadata', `version ${version}`, start);
  if (count > limits.firmwareEntries) refuse('firmware_metadata', `${count} sections`, start);
  if (size !== METADATA_HEADER_BYTES + count * METADATA_ITEM_BYTES || size > fromEnd) {
    refuse('firmware_metadata', 'its length is not that of its sections', start);
  }
  const sections = Array.from({ length: count }, (_, index) =>
    readSection(view, start + METADATA_HEADER_BYTES + index * METADATA_ITEM_BYTES),
  );
  requireApart(sections);
  return sections;
}

function readSection(view: DataView, offset: number): OvmfSection {
  const [address, size, number] = [0, 4, 8].map((step) => view.getUint32(offset + step, true)) as [
    number,
    number,
    number,
  ];
  const kind = sectionKinds.get(number);
  if (kind === undefined) refuse('firmware_metadata', `a section of type ${number}`, offset);
  if (address % PAGE_BYTES !== 0 || size % PAGE_BYTES !== 0 || size === 0) {
    refuse('firmware_metadata', 'a section that is not whole pages', offset);
  }
  if (singlePages.has(kind) && size !== PAGE_BYTES) refuse('firmware_metadata', `more than a page of ${kind}`, offset);
  return { kind, address, size };
}

/** The processor refuses a page that is added twice; we would print a digest that no guest can have. */
function requireApart(sections: readonly OvmfSection[]): void {
  const sorted = [...sections].sort((a, b) => a.address - b.address);
  let end = 0;
  let measured = 0;
  for (const { address, size } of sorted) {
    if (address < end) refuse('firmware_metadata', 'two sections overlap');
    end = address + size;
    measured += size;
  }
  if (end > FOUR_GIB) refuse('firmware_metadata', 'a section passes 4 GiB');
  if (measured > limits.firmwareMeasuredBytes) refuse('firmware_metadata', `${measured} bytes to be measured`);
}

function key(guid: Uint8Array): string {
  return Buffer.from(guid).toString('hex');
}

function refuse(code: ImageErrorCode, detail: string, offset?: number): never {
  throw new ImageError(code, detail, offset === undefined ? {} : { offset });
}
