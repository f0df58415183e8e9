import { crc32 } from 'node:zlib';
import { utf8 } from '../../../wire/bytes.ts';

/**
 * The Enclave Image Format of AWS Nitro Enclaves, as aws-nitro-enclaves-image-format defines it (src/defs/mod.rs): a
 * header of 548 bytes, then sections, each behind a header of twelve. All numbers are big-endian. Version 2 brought
 * the checksum, 3 the signature, 4 the metadata.
 */
export const MAGIC: Uint8Array = utf8('.eif');
export const HEADER_BYTES = 548;
export const SECTION_HEADER_BYTES = 12;
/** Places in the header's two tables. */
export const SECTIONS = 32;

/** Offsets in the header. */
export const at = {
  version: 4,
  flags: 6,
  defaultMemory: 8,
  defaultCpus: 16,
  reserved: 24,
  sectionCount: 26,
  sectionOffsets: 28,
  sectionSizes: 284,
  unused: 540,
  checksum: 544,
} as const;

export const FLAG_ARM64 = 0x1;

export const sectionTypes = { kernel: 1, 'command-line': 2, ramdisk: 3, signature: 4, metadata: 5 } as const;

export type EifSectionType = keyof typeof sectionTypes;
export type EifArchitecture = 'x86_64' | 'aarch64';

/** Where a section lies: its content, behind its header. */
export interface EifSection {
  readonly type: EifSectionType;
  readonly offset: number;
  readonly size: number;
}

/** CRC-32 over everything but the checksum itself. */
export function checksumOf(eif: Uint8Array): number {
  return crc32(eif.subarray(HEADER_BYTES), crc32(eif.subarray(0, at.checksum)));
}
