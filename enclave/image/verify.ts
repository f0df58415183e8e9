import { ImageError } from './errors.ts';
import type { CpioEntry } from './formats/cpio.ts';
import { type CpioMember, readCpio } from './formats/cpio-read.ts';
import { type Eif, readEif } from './formats/eif-read.ts';

/** The first place where two images differ, from the outside in. */
export interface Difference {
  /** A section of the image, or its header. */
  readonly section: string;
  /** A file in a ramdisk; null where the difference is not inside one. */
  readonly file: string | null;
  readonly detail: string;
}

/**
 * Compares an image with one that was just built. Equal means equal bytes; only an image that differs is taken apart, to
 * say where. The image may be anybody's, and its reader throws `ImageError` where it is none.
 */
export function compareImages(found: Uint8Array, built: Uint8Array): Difference | null {
  if (same(found, built)) return null;
  const [a, b] = [readEif(found), readEif(built)];
  return (
    compareBytes('kernel', a.kernel, b.kernel) ??
    compareBytes('command line', a.commandLine, b.commandLine) ??
    compareRamdisks(a, b) ??
    compareBytes('metadata', a.metadata ?? NOTHING, b.metadata ?? NOTHING) ??
    compareBytes('signature', a.signature ?? NOTHING, b.signature ?? NOTHING) ?? {
      section: 'header',
      file: null,
      detail: firstDifference(found, built),
    }
  );
}

/** The initrd of a direct boot, which is both ramdisks in one file, beside the ones that were just built. */
export function compareInitrd(
  found: Uint8Array,
  built: readonly [boot: Uint8Array, app: Uint8Array],
): Difference | null {
  const [boot, app] = built;
  const whole = new Uint8Array(Buffer.concat(built));
  if (same(found, whole)) return null;
  try {
    // Nothing says where the second one begins but the size of the first.
    const split = { ramdisks: [found.subarray(0, boot.length), found.subarray(boot.length)] };
    const difference = compareRamdisks(split, { ramdisks: [boot, app] });
    if (difference !== null) return difference;
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
  }
  return compareBytes('initrd', found, whole);
}

const NOTHING = new Uint8Array(0);

type Ramdisks = Pick<Eif, 'ramdisks'>;

function compareRamdisks(a: Ramdisks, b: Ramdisks): Difference | null {
  for (const [index, ramdisk] of b.ramdisks.entries()) {
    const other = a.ramdisks[index];
    const section = `ramdisk ${index}`;
    if (other === undefined) return { section, file: null, detail: 'is missing' };
    if (!same(other, ramdisk)) return compareRamdisk(section, other, ramdisk);
  }
  if (a.ramdisks.length === b.ramdisks.length) return null;
  return { section: `ramdisk ${b.ramdisks.length}`, file: null, detail: 'is one too many' };
}

function compareRamdisk(section: string, found: Uint8Array, built: Uint8Array): Difference {
  const members = byPath(readCpio(found));
  const expected = byPath(readCpio(built));
  for (const path of [...new Set([...members.keys(), ...expected.keys()])].sort()) {
    const detail = compareMembers(members.get(path), expected.get(path));
    if (detail !== null) return { section, file: `/${path}`, detail };
  }
  return { section, file: null, detail: `the same files in another form: ${firstDifference(found, built)}` };
}

function compareMembers(found: CpioMember | undefined, built: CpioMember | undefined): string | null {
  if (found === undefined) return 'is missing';
  if (built === undefined) return 'is one too many';
  if (found.entry.kind !== built.entry.kind) return `is a ${found.entry.kind}, and was built as a ${built.entry.kind}`;
  if (found.entry.kind === 'file' && built.entry.kind === 'file') {
    const { content } = built.entry;
    if (!same(found.entry.content, content)) return firstDifference(found.entry.content, content);
  }
  const [a, b] = [attributesOf(found), attributesOf(built)];
  return a === b ? null : `has ${a}, and was built with ${b}`;
}

function attributesOf({ entry, user, group, modified }: CpioMember): string {
  const own = 'permissions' in entry ? `mode ${entry.permissions.toString(8)}` : targetOf(entry);
  const device = 'major' in entry ? `, device ${entry.major}:${entry.minor}` : '';
  return `${own}${device}, owner ${user}:${group}, time ${modified}`;
}

function targetOf(entry: CpioEntry): string {
  return entry.kind === 'symlink' ? `target ${JSON.stringify(entry.target)}` : '';
}

function byPath(members: readonly CpioMember[]): ReadonlyMap<string, CpioMember> {
  return new Map(members.map((member) => [member.entry.path, member]));
}

function compareBytes(section: string, found: Uint8Array, built: Uint8Array): Difference | null {
  return same(found, built) ? null : { section, file: null, detail: firstDifference(found, built) };
}

function firstDifference(found: Uint8Array, built: Uint8Array): string {
  const length = Math.min(found.length, built.length);
  let at = 0;
  while (at < length && found[at] === built[at]) at += 1;
  const sizes = found.length === built.length ? '' : ` (${found.length} bytes, and ${built.length} were built)`;
  return `differs from byte ${at}${sizes}`;
}

/** Public bytes, hundreds of millions of them: compared as fast as the platform can. */
function same(a: Uint8Array, b: Uint8Array): boolean {
  return Buffer.compare(a, b) === 0;
}
