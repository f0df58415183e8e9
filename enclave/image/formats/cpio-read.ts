import { isZero, utf8 } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError, type ImageErrorCode } from '../errors.ts';
import { roundUp, startsWith } from './bytes.ts';
import { ALIGNMENT, type CpioEntry, entryTypes, HEADER_BYTES, PERMISSIONS, TRAILER_NAME } from './cpio.ts';
import { requireCpioPath } from './cpio-path.ts';

/** An entry with what our own archives fix at zero. */
export interface CpioMember {
  readonly entry: CpioEntry;
  readonly user: number;
  readonly group: number;
  /** Seconds since 1970. */
  readonly modified: number;
}

interface Header {
  readonly inode: number;
  readonly mode: number;
  readonly user: number;
  readonly group: number;
  readonly links: number;
  readonly modified: number;
  readonly size: number;
  readonly major: number;
  readonly minor: number;
  readonly nameBytes: number;
}

const MAGIC = utf8('070701');
const TRAILER = utf8(TRAILER_NAME);
const NUMBERS = 13;

/**
 * Reads an archive that has one meaning: padding is zero, no path occurs twice, nothing but zeros follows the end, and
 * no file shares its content with another (the kernel and cpio disagree on which of several hard links holds it).
 * Contents are views of `bytes`. An entry "." (what `find .` lists first) says nothing and is left out; a leading "./" too.
 */
export function readCpio(bytes: Uint8Array): readonly CpioMember[] {
  if (bytes.length > limits.eifBytes) refuse('cpio_too_large', `${bytes.length} bytes`, 0);
  const members: CpioMember[] = [];
  const paths = new Set<string>();
  let offset = 0;
  for (;;) {
    if (members.length > limits.cpioEntries) refuse('cpio_too_large', 'too many entries', offset);
    const header = readHeader(bytes, offset);
    const nameEnd = offset + HEADER_BYTES + header.nameBytes;
    const name = readName(bytes, offset + HEADER_BYTES, header.nameBytes);
    const start = requirePadding(bytes, nameEnd);
    if (isTrailer(name)) {
      if (header.size !== 0) refuse('cpio_entry', 'the trailer has content', offset);
      if (!isZero(bytes.subarray(start))) refuse('cpio_trailing_bytes', 'something follows the trailer', start);
      return members;
    }
    if (start + header.size > bytes.length) refuse('cpio_truncated', 'content is cut off', start);
    const content = bytes.subarray(start, start + header.size);
    const path = pathOf(name, offset);
    if (path === null) {
      if (header.size !== 0) refuse('cpio_entry', 'the root has content', offset);
    } else {
      if (paths.has(path)) throw new ImageError('cpio_duplicate', 'two entries have one path', { name: path, offset });
      paths.add(path);
      const { user, group, modified } = header;
      members.push({ entry: entryOf(path, header, content), user, group, modified });
    }
    offset = requirePadding(bytes, start + header.size);
  }
}

function readHeader(bytes: Uint8Array, offset: number): Header {
  if (offset + HEADER_BYTES > bytes.length) refuse('cpio_truncated', 'the archive has no trailer', offset);
  if (!startsWith(bytes, MAGIC, offset)) refuse('cpio_format', 'not a newc header', offset);
  const numbers = Array.from({ length: NUMBERS }, (_, index) => readHex(bytes, offset + MAGIC.length + 8 * index));
  const [inode, mode, user, group, links, modified, size, , , major, minor, nameBytes, checksum] = numbers as [
    ...(readonly [number, number, number, number, number, number, number]),
    ...(readonly [number, number, number, number, number, number]),
  ];
  if (checksum !== 0) refuse('cpio_format', 'a checksum, which newc does not have', offset);
  if (nameBytes < 2 || nameBytes > limits.cpioPathBytes) refuse('cpio_format', 'length of a name', offset);
  return { inode, mode, user, group, links, modified, size, major, minor, nameBytes };
}

/** Writers use either case; the kernel reads both. */
function readHex(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let i = offset; i < offset + 8; i++) {
    const code = bytes[i] as number;
    const lower = code | 0x20;
    if (code >= 0x30 && code <= 0x39) value = value * 16 + (code - 0x30);
    else if (lower >= 0x61 && lower <= 0x66) value = value * 16 + (lower - 0x57);
    else refuse('cpio_format', 'not a hexadecimal digit', i);
  }
  return value;
}

function readName(bytes: Uint8Array, start: number, length: number): Uint8Array {
  if (start + length > bytes.length) refuse('cpio_truncated', 'a name is cut off', start);
  if (bytes[start + length - 1] !== 0) refuse('cpio_format', 'a name without its NUL', start);
  return bytes.subarray(start, start + length - 1);
}

function requirePadding(bytes: Uint8Array, start: number): number {
  const end = roundUp(start, ALIGNMENT);
  if (end > bytes.length) refuse('cpio_truncated', 'padding is cut off', start);
  if (!isZero(bytes.subarray(start, end))) refuse('cpio_format', 'padding is not zero', start);
  return end;
}

function isTrailer(name: Uint8Array): boolean {
  return name.length === TRAILER.length && startsWith(name, TRAILER);
}

function pathOf(name: Uint8Array, offset: number): string | null {
  const text = textOf(name, offset);
  if (text === '.') return null;
  const path = text.startsWith('./') ? text.slice(2) : text;
  requireCpioPath(path);
  return path;
}

function entryOf(path: string, header: Header, content: Uint8Array): CpioEntry {
  const permissions = header.mode & PERMISSIONS;
  switch (header.mode - permissions) {
    case entryTypes.directory:
      if (content.length !== 0) break;
      return { kind: 'directory', path, permissions };
    case entryTypes.file:
      if (header.links > 1) throw new ImageError('cpio_entry', 'a hard link', { name: path });
      return { kind: 'file', path, permissions, content };
    case entryTypes.symlink: {
      const target = textOf(content, 0);
      if (target === '' || content.length >= limits.cpioPathBytes || target.includes('\0')) break;
      return { kind: 'symlink', path, target };
    }
    case entryTypes['character-device']:
    case entryTypes['block-device']: {
      if (content.length !== 0) break;
      const { major, minor } = header;
      const isBlock = header.mode - permissions === entryTypes['block-device'];
      return { kind: isBlock ? 'block-device' : 'character-device', path, permissions, major, minor };
    }
  }
  throw new ImageError('cpio_entry', `not an entry of a ramdisk (mode ${header.mode.toString(8)})`, { name: path });
}

function textOf(bytes: Uint8Array, offset: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return refuse('cpio_path', 'not UTF-8', offset);
  }
}

function refuse(code: ImageErrorCode, detail: string, offset: number): never {
  throw new ImageError(code, detail, { offset });
}
