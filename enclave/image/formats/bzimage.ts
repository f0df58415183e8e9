import { constants, gunzipSync } from 'node:zlib';
import { utf8 } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError, type ImageErrorCode } from '../errors.ts';
import { startsWith, viewOf } from './bytes.ts';

/**
 * The bootable form of an x86 kernel (Documentation/arch/x86/boot.rst): a setup part with a header at 0x1f1, then the
 * protected-mode part, in which the compressed kernel, the payload, lies. Nitro boots this form only; an ELF vmlinux in
 * an image starts nothing and prints nothing.
 */
export interface BzImage {
  readonly protocol: { readonly major: number; readonly minor: number };
  readonly release: KernelRelease;
  readonly compression: Compression;
  readonly payload: Uint8Array;
}

export interface KernelRelease {
  readonly major: number;
  readonly minor: number;
  /** As the kernel says it: release, builder, build number and date. */
  readonly text: string;
}

export type Compression = 'gzip' | 'bzip2' | 'lzma' | 'xz' | 'lz4' | 'zstd' | 'lzo' | 'none' | 'unknown';

const at = {
  setupSectors: 0x1f1,
  bootFlag: 0x1fe,
  headerMagic: 0x202,
  protocol: 0x206,
  kernelVersion: 0x20e,
  loadFlags: 0x211,
  payloadOffset: 0x248,
  payloadLength: 0x24c,
} as const;

const SECTOR_BYTES = 512;
/** The header ends here in protocol 2.08, the first with a payload. */
const HEADER_END = 0x250;
const BOOT_FLAG = 0xaa55;
const HEADER_MAGIC = utf8('HdrS');
const ELF_MAGIC = Uint8Array.of(0x7f, 0x45, 0x4c, 0x46);
const LOADED_HIGH = 0x01;
/** What a zero stands for. */
const DEFAULT_SETUP_SECTORS = 4;

export function readBzImage(bytes: Uint8Array): BzImage {
  if (bytes.length > limits.kernelBytes) refuse('kernel_too_large', `${bytes.length} bytes`);
  if (startsWith(bytes, ELF_MAGIC)) refuse('kernel_is_elf', 'an ELF vmlinux; a bzImage is what a loader boots');
  if (bytes.length < HEADER_END) refuse('kernel_truncated', 'shorter than the header of a bzImage');
  const view = viewOf(bytes);
  if (view.getUint16(at.bootFlag, true) !== BOOT_FLAG || !startsWith(bytes, HEADER_MAGIC, at.headerMagic)) {
    refuse('kernel_not_bzimage', 'no x86 setup header');
  }
  const protocol = { minor: bytes[at.protocol] as number, major: bytes[at.protocol + 1] as number };
  if (protocol.major !== 2 || protocol.minor < 8) {
    refuse('kernel_protocol', `boot protocol ${protocol.major}.${protocol.minor}; 2.08 and later have a payload`);
  }
  // A zImage is loaded low; no kernel since 2009 is one.
  if (((bytes[at.loadFlags] as number) & LOADED_HIGH) === 0) refuse('kernel_not_bzimage', 'a zImage');

  const setupSectors = bytes[at.setupSectors] as number;
  const setupBytes = ((setupSectors === 0 ? DEFAULT_SETUP_SECTORS : setupSectors) + 1) * SECTOR_BYTES;
  const start = setupBytes + view.getUint32(at.payloadOffset, true);
  const end = start + view.getUint32(at.payloadLength, true);
  // The file's length is not compared with syssize: distributions pad and strip it for their signatures.
  if (end > bytes.length) refuse('kernel_truncated', 'the payload is cut off');
  const payload = bytes.subarray(start, end);
  return {
    protocol,
    release: readRelease(bytes.subarray(0, Math.min(setupBytes, bytes.length)), view.getUint16(at.kernelVersion, true)),
    compression: compressionOf(payload),
    payload,
  };
}

/** The kernel itself, for the one compression that every supported Node reads. */
export function unpackKernel({ compression, payload }: BzImage): Uint8Array {
  if (compression === 'none') return payload;
  if (compression !== 'gzip') {
    refuse('kernel_compression', `a kernel compressed as ${compression}: its configuration must lie beside it`);
  }
  try {
    const unpacked = gunzipSync(payload, {
      maxOutputLength: limits.kernelUnpackedBytes,
      finishFlush: constants.Z_FINISH,
    });
    return new Uint8Array(unpacked.buffer, unpacked.byteOffset, unpacked.length);
  } catch (error) {
    return refuse('kernel_payload', (error as Error).message);
  }
}

function readRelease(setup: Uint8Array, pointer: number): KernelRelease {
  const start = pointer + SECTOR_BYTES;
  const end = setup.indexOf(0, start);
  if (pointer === 0 || end === -1) refuse('kernel_version_unreadable', 'no version string in the setup part');
  const text = Buffer.from(setup.subarray(start, end)).toString('latin1');
  const match = /^(\d{1,3})\.(\d{1,3})(?![\d])[\x20-\x7e]*$/.exec(text);
  if (match === null) refuse('kernel_version_unreadable', 'the version string begins with no version');
  return { major: Number(match[1]), minor: Number(match[2]), text };
}

/** boot.rst, "payload_offset": what the payload begins with. */
const signatures: readonly (readonly [Compression, Uint8Array])[] = [
  ['gzip', Uint8Array.of(0x1f, 0x8b)],
  ['bzip2', Uint8Array.of(0x42, 0x5a)],
  ['lzma', Uint8Array.of(0x5d, 0x00)],
  ['xz', Uint8Array.of(0xfd, 0x37)],
  ['lz4', Uint8Array.of(0x02, 0x21)],
  ['zstd', Uint8Array.of(0x28, 0xb5)],
  ['lzo', Uint8Array.of(0x89, 0x4c)],
  ['none', ELF_MAGIC],
];

function compressionOf(payload: Uint8Array): Compression {
  return signatures.find(([, magic]) => startsWith(payload, magic))?.[0] ?? 'unknown';
}

function refuse(code: ImageErrorCode, detail: string): never {
  throw new ImageError(code, detail);
}
