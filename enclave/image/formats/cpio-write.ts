import { utf8 } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { ImageError } from '../errors.ts';
import { roundUp } from './bytes.ts';
import { ALIGNMENT, type CpioEntry, entryTypes, HEADER_BYTES, PERMISSIONS, TRAILER_NAME } from './cpio.ts';
import { parentOf, requireCpioPath } from './cpio-path.ts';

/**
 * The kernel needs the next ramdisk to begin at a multiple of four and reads zeros in between. cpio pads to 512, its
 * block, and so do we: every tool that knows the format then takes the archive for a complete one.
 */
const BLOCK_BYTES = 512;

const DIRECTORY_PERMISSIONS = 0o755;
const SYMLINK_PERMISSIONS = 0o777;

/**
 * Writes the one archive that a set of entries has: sorted by the bytes of their paths, inode numbers in that order,
 * time, user and group zero, no hard links. Directories that no entry names are added as root's own, because the
 * kernel does not make them and would lose what lies in them without a word.
 */
export function writeCpio(entries: readonly CpioEntry[]): Uint8Array {
  const members = [...complete(entries)].map(([path, entry]) => ({ name: utf8(path), entry }));
  if (members.length > limits.cpioEntries) {
    throw new ImageError('cpio_too_large', `more than ${limits.cpioEntries} entries`);
  }
  members.sort((a, b) => Buffer.compare(a.name, b.name));

  const records = members.map(({ name, entry }, index) => recordOf(name, entry, index + 1));
  records.push({
    header: header({ mode: 0, links: 1, inode: 0, size: 0, device: [0, 0] }, TRAILER),
    name: TRAILER,
    content: NOTHING,
  });

  const length = records.reduce((end, record) => placeOf(record, end).end, 0);
  const total = roundUp(length, BLOCK_BYTES);
  if (total > limits.eifBytes) throw new ImageError('cpio_too_large', `${total} bytes`);
  const out = new Uint8Array(total);
  let offset = 0;
  for (const record of records) {
    const { content, end } = placeOf(record, offset);
    out.set(record.header, offset);
    out.set(record.name, offset + HEADER_BYTES);
    out.set(record.content, content);
    offset = end;
  }
  return out;
}

interface Record {
  readonly header: Uint8Array;
  readonly name: Uint8Array;
  readonly content: Uint8Array;
}

interface Attributes {
  readonly mode: number;
  readonly links: number;
  readonly inode: number;
  readonly size: number;
  readonly device: readonly [major: number, minor: number];
}

const NOTHING = new Uint8Array(0);
const TRAILER = utf8(TRAILER_NAME);

function complete(entries: readonly CpioEntry[]): ReadonlyMap<string, CpioEntry> {
  const all = new Map<string, CpioEntry>();
  for (const entry of entries) {
    requireCpioPath(entry.path);
    if (all.has(entry.path)) throw new ImageError('cpio_duplicate', 'two entries have one path', { name: entry.path });
    all.set(entry.path, entry);
  }
  for (const { path } of entries) {
    for (let parent = parentOf(path); parent !== null; parent = parentOf(parent)) {
      const found = all.get(parent);
      if (found === undefined) {
        all.set(parent, { kind: 'directory', path: parent, permissions: DIRECTORY_PERMISSIONS });
      } else if (found.kind !== 'directory') {
        throw new ImageError('cpio_path', `lies under a ${found.kind}`, { name: path });
      }
    }
  }
  return all;
}

function recordOf(name: Uint8Array, entry: CpioEntry, inode: number): Record {
  const content = contentOf(entry);
  const permissions = entry.kind === 'symlink' ? SYMLINK_PERMISSIONS : entry.permissions;
  if (!Number.isInteger(permissions) || permissions < 0 || permissions > PERMISSIONS) {
    throw new ImageError('cpio_entry', 'permissions are twelve bits', { name: entry.path });
  }
  const attributes = {
    mode: entryTypes[entry.kind] | permissions,
    // What a file system would say of a directory without subdirectories. The kernel looks for hard links at two.
    links: entry.kind === 'directory' ? 2 : 1,
    inode,
    size: content.length,
    device: 'major' in entry ? ([entry.major, entry.minor] as const) : ([0, 0] as const),
  };
  return { header: header(attributes, name), name, content };
}

function contentOf(entry: CpioEntry): Uint8Array {
  if (entry.kind === 'file') return entry.content;
  if (entry.kind !== 'symlink') return NOTHING;
  const target = utf8(entry.target);
  if (target.length === 0 || target.length >= limits.cpioPathBytes || target.includes(0)) {
    throw new ImageError('cpio_entry', 'a link leads nowhere', { name: entry.path });
  }
  return target;
}

/** In the order of the format; the checksum is zero in this variant. */
function header({ mode, links, inode, size, device: [major, minor] }: Attributes, name: Uint8Array): Uint8Array {
  const fields = [inode, mode, 0, 0, links, 0, size, 0, 0, major, minor, name.length + 1, 0];
  return utf8(`070701${fields.map(hexField).join('')}`);
}

function hexField(value: number): string {
  if (!Number.isInteger(value) || value < 0 || value > 0xffff_ffff) {
    throw new ImageError('cpio_entry', `${value} does not fit into a field of 32 bits`);
  }
  return value.toString(16).toUpperCase().padStart(8, '0');
}

/** Where a record's content begins and the next record may begin. */
function placeOf(record: Record, offset: number): { readonly content: number; readonly end: number } {
  const content = roundUp(offset + HEADER_BYTES + record.name.length + 1, ALIGNMENT);
  return { content, end: roundUp(content + record.content.length, ALIGNMENT) };
}
