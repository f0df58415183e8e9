/**
 * What a ramdisk holds: an archive in cpio's "newc" format, the one that Linux unpacks (Documentation/driver-api/
 * early-userspace/buffer-format.rst). cpio-write.ts makes the one spelling that our images have, cpio-read.ts
 * reads those of others too.
 */
export type CpioEntry =
  | { readonly kind: 'directory'; readonly path: string; readonly permissions: number }
  | { readonly kind: 'file'; readonly path: string; readonly permissions: number; readonly content: Uint8Array }
  | { readonly kind: 'symlink'; readonly path: string; readonly target: string }
  | {
      readonly kind: 'character-device' | 'block-device';
      readonly path: string;
      readonly permissions: number;
      readonly major: number;
      readonly minor: number;
    };

/** `S_IFMT` values of stat(2). */
export const entryTypes = {
  directory: 0o040_000,
  file: 0o100_000,
  symlink: 0o120_000,
  'character-device': 0o020_000,
  'block-device': 0o060_000,
} as const;

export const PERMISSIONS = 0o7_777;

/** "070701", then thirteen numbers of eight hexadecimal digits. */
export const HEADER_BYTES = 110;

export const TRAILER_NAME = 'TRAILER!!!';

/** Names and contents end on multiples of four, counted from the archive's start. */
export const ALIGNMENT = 4;
