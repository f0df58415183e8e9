import { execFileSync, spawnSync } from 'node:child_process';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { CpioEntry } from '../../../../enclave/image/formats/cpio.ts';
import { readCpio } from '../../../../enclave/image/formats/cpio-read.ts';
import { writeCpio } from '../../../../enclave/image/formats/cpio-write.ts';
import { concatBytes, toHex, utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import { runs } from '../../../support/runs.ts';
import { refusalOf } from './support/refusal.ts';

const init: CpioEntry = { kind: 'file', path: 'init', permissions: 0o755, content: utf8('#!') };
const folder: CpioEntry = { kind: 'directory', path: 'dev', permissions: 0o755 };
const device: CpioEntry = { kind: 'character-device', path: 'dev/console', permissions: 0o600, major: 5, minor: 1 };
const link: CpioEntry = { kind: 'symlink', path: 'lib64', target: 'usr/lib64' };
const disk: CpioEntry = { kind: 'block-device', path: 'dev/vda', permissions: 0o660, major: 254, minor: 0 };
const some: readonly CpioEntry[] = [init, folder, device, link, disk];

const entriesOf = (archive: Uint8Array): readonly CpioEntry[] => readCpio(archive).map(({ entry }) => entry);

const segment = fc.stringMatching(/^[a-zé.-]{1,6}$/).filter((part) => part !== '.' && part !== '..');
const entry: fc.Arbitrary<CpioEntry> = fc
  .tuple(
    fc.array(segment, { minLength: 1, maxLength: 3 }),
    fc.integer({ min: 0, max: 0o7777 }),
    fc.uint8Array({ maxLength: 9 }),
    fc.nat(4),
  )
  .map(([parts, permissions, content, kind]): CpioEntry => {
    const path = parts.join('/');
    if (kind === 0) return { kind: 'directory', path, permissions };
    if (kind === 1) return { kind: 'symlink', path, target: `to/${path}` };
    if (kind === 2) return { kind: 'character-device', path, permissions, major: permissions, minor: content.length };
    if (kind === 3) return { kind: 'block-device', path, permissions, major: 8, minor: permissions };
    return { kind: 'file', path, permissions, content };
  });
/** No two of one path, and nothing under what is no directory. */
const tree: fc.Arbitrary<readonly CpioEntry[]> = fc
  .uniqueArray(entry, { selector: ({ path }) => path, maxLength: 8 })
  .map((entries) => {
    const leaves = new Set(entries.filter(({ kind }) => kind !== 'directory').map(({ path }) => path));
    return entries.filter(
      ({ path }) => !path.split('/').some((_, i, parts) => i > 0 && leaves.has(parts.slice(0, i).join('/'))),
    );
  });

describe('an archive', () => {
  it('loses nothing, and does not depend on the order of its entries', () => {
    fc.assert(
      fc.property(tree, fc.infiniteStream(fc.nat()), (entries, chance) => {
        const archive = writeCpio(entries);
        const shuffled = entries
          .map((item) => ({ item, key: chance.next().value as number }))
          .sort((a, b) => a.key - b.key)
          .map(({ item }) => item);
        expect(toHex(writeCpio(shuffled))).toBe(toHex(archive));
        const read = entriesOf(archive);
        expect(read).toEqual(expect.arrayContaining([...entries]));
        // What was added are the directories that entries lie in, and nothing else.
        const given = new Set(entries.map(({ path }) => path));
        for (const { path, kind } of read.filter((found) => !given.has(found.path))) {
          expect(kind).toBe('directory');
          expect(entries.some((other) => other.path.startsWith(`${path}/`))).toBe(true);
        }
        expect(toHex(writeCpio(read))).toBe(toHex(archive));
      }),
      { numRuns: runs(300) },
    );
  });

  it('is sorted by bytes, with parents before what lies in them', () => {
    const paths = ['b', 'a-b', 'a/b', 'a', 'é', 'z', 'B'];
    const archive = writeCpio(paths.map((path) => (path === 'a' ? { ...folder, path } : { ...init, path })));
    expect(entriesOf(archive).map(({ path }) => path)).toEqual(['B', 'a', 'a-b', 'a/b', 'b', 'z', 'é']);
  });

  it('has the bytes that the format says, written down once more', () => {
    const hex = (value: number): string => value.toString(16).toUpperCase().padStart(8, '0');
    const head = (fields: readonly number[]): string => `070701${fields.map(hex).join('')}`;
    const expected =
      `${head([1, 0o100755, 0, 0, 1, 0, 2, 0, 0, 0, 0, 5, 0])}init\0\0#!\0\0` +
      `${head([0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 11, 0])}TRAILER!!!\0\0\0\0`;
    const archive = writeCpio([init]);
    expect(Buffer.from(archive).toString('latin1')).toBe(expected.padEnd(512, '\0'));
  });

  it('belongs to root, and to no time', () => {
    for (const { user, group, modified } of readCpio(writeCpio(some))) {
      expect([user, group, modified]).toEqual([0, 0, 0]);
    }
  });

  it.skipIf(spawnSync('cpio', ['--version']).status !== 0)(
    'is what GNU cpio reads too (skipped where cpio is not installed)',
    () => {
      const list = execFileSync('cpio', ['--list', '--verbose', '--numeric-uid-gid', '--quiet'], {
        input: writeCpio(some),
        env: { PATH: process.env['PATH'], TZ: 'UTC', LC_ALL: 'C' },
        encoding: 'utf8',
      });
      expect(
        list
          .trimEnd()
          .split('\n')
          .map((line) => line.replaceAll(/\s+/g, ' ')),
      ).toEqual([
        'drwxr-xr-x 2 0 0 0 Jan 1 1970 dev',
        'crw------- 1 0 0 5, 1 Jan 1 1970 dev/console',
        'brw-rw---- 1 0 0 254, 0 Jan 1 1970 dev/vda',
        '-rwxr-xr-x 1 0 0 2 Jan 1 1970 init',
        'lrwxrwxrwx 1 0 0 9 Jan 1 1970 lib64 -> usr/lib64',
      ]);
    },
  );
});

describe('writing is refused', () => {
  it.each<readonly [string, readonly CpioEntry[], string]>([
    ...['', '/init', 'init/', 'a//b', './init', 'a/../b', '..', 'a\0b', 'TRAILER!!!', '\ud800', 'x'.repeat(4096)].map(
      (path) => [`for the path ${JSON.stringify(path.slice(0, 20))}`, [{ ...init, path }], 'cpio_path'] as const,
    ),
    ['for a path twice', [init, init], 'cpio_duplicate'],
    ['for a file in a file', [init, { ...init, path: 'init/a' }], 'cpio_path'],
    ['for a file behind a link', [link, { ...init, path: 'lib64/a/b' }], 'cpio_path'],
    ['for permissions of thirteen bits', [{ ...init, permissions: 0o10000 }], 'cpio_entry'],
    ['for half a permission', [{ ...init, permissions: 0.5 }], 'cpio_entry'],
    ['for a link to nowhere', [{ ...link, target: '' }], 'cpio_entry'],
    ['for a link that no kernel follows', [{ ...link, target: 'x'.repeat(4096) }], 'cpio_entry'],
    ['for a device of 33 bits', [{ ...device, major: 2 ** 32 }], 'cpio_entry'],
    ['for a device below zero', [{ ...device, minor: -1 }], 'cpio_entry'],
    [
      'for more entries than a ramdisk has',
      Array.from({ length: limits.cpioEntries + 1 }, (_, index) => ({ ...init, path: `f${index}`, content: utf8('') })),
      'cpio_too_large',
    ],
    [
      'for more than an image holds',
      [{ ...init, content: Object.defineProperty(new Uint8Array(0), 'length', { value: limits.eifBytes }) }],
      'cpio_too_large',
    ],
  ])('%s', (_, entries, code) => {
    expect(refusalOf(() => writeCpio(entries))).toBe(code);
  });
});

const FIELDS = [
  'inode',
  'mode',
  'user',
  'group',
  'links',
  'time',
  'size',
  'devmajor',
  'devminor',
  'major',
  'minor',
  'name',
  'check',
];

/** The archive of one file, with a field of its header changed. */
function changed(field: string, value: string, archive: Uint8Array = writeCpio([init])): Uint8Array {
  const out = Uint8Array.from(archive);
  out.set(utf8(value), 6 + 8 * FIELDS.indexOf(field));
  return out;
}

function patched(offset: number, bytes: Uint8Array, archive: Uint8Array = writeCpio([init])): Uint8Array {
  const out = Uint8Array.from(archive);
  out.set(bytes, offset);
  return out;
}

describe('reading', () => {
  it('takes what other writers write: lower case, a leading "./", the root, owners and times', () => {
    const record = (name: string, mode: string): string => {
      const head = `07070100000001${mode}000003e8000003e800000001655e8f00${'0'.repeat(40)}${(name.length + 1).toString(16).padStart(8, '0')}00000000`;
      return `${head}${name}\0`.padEnd(Math.ceil((head.length + name.length + 1) / 4) * 4, '\0');
    };
    const archive = utf8(`${record('.', '000041ed')}${record('./a', '000081a4')}${record('TRAILER!!!', '00000000')}`);
    expect(readCpio(archive)).toEqual([
      {
        entry: { kind: 'file', path: 'a', permissions: 0o644, content: utf8('') },
        user: 1000,
        group: 1000,
        modified: 0x655e8f00,
      },
    ]);
  });

  it.each<readonly [string, Uint8Array, string]>([
    ['of nothing', utf8(''), 'cpio_truncated'],
    ['of a compressed ramdisk', concatBytes(Uint8Array.of(0x1f, 0x8b), new Uint8Array(200)), 'cpio_format'],
    ['of the variant with checksums', patched(5, utf8('2')), 'cpio_format'],
    ['with a digit that is none', changed('mode', '0000x000'), 'cpio_format'],
    ['with a checksum', changed('check', '00000001'), 'cpio_format'],
    ['with an empty name', changed('name', '00000001'), 'cpio_format'],
    ['with a name beyond PATH_MAX', changed('name', '00001001'), 'cpio_format'],
    ['with a name without its end', patched(114, utf8('x')), 'cpio_format'],
    ['with something in the padding of a name', patched(115, utf8('x')), 'cpio_format'],
    ['with something in the padding of a content', patched(118, utf8('x')), 'cpio_format'],
    ['with a NUL in a name', patched(112, utf8('\0')), 'cpio_path'],
    ['with a name that is not UTF-8', patched(110, Uint8Array.of(0xff)), 'cpio_path'],
    ['with a name from the root', patched(110, utf8('/')), 'cpio_path'],
    ['with a content beyond its end', changed('size', '00001000'), 'cpio_truncated'],
    ['with a socket', changed('mode', '0000C1ED'), 'cpio_entry'],
    ['with a directory that has content', changed('mode', '000041ED'), 'cpio_entry'],
    ['with a device that has content', changed('mode', '000021ED'), 'cpio_entry'],
    [
      'with a link to nowhere',
      changed('size', '00000000', changed('mode', '0000A1FF', writeCpio([{ ...init, content: utf8('') }]))),
      'cpio_entry',
    ],
    ['with a hard link', changed('links', '00000002'), 'cpio_entry'],
    ['with something behind its end', concatBytes(writeCpio([init]), utf8('070701')), 'cpio_trailing_bytes'],
  ])('is refused %s', (_, archive, code) => {
    expect(refusalOf(() => readCpio(archive))).toBe(code);
  });

  it('is refused with a path twice', () => {
    const one = writeCpio([init]).subarray(0, 120);
    expect(refusalOf(() => readCpio(concatBytes(one, writeCpio([init]))))).toBe('cpio_duplicate');
  });

  it('is refused for a trailer or a root with content', () => {
    const trailer = changed('size', '00000004', writeCpio([]));
    expect(refusalOf(() => readCpio(trailer))).toBe('cpio_entry');
    const root = writeCpio([{ ...init, path: 'x' }]);
    expect(refusalOf(() => readCpio(patched(110, utf8('.'), root)))).toBe('cpio_entry');
  });

  it('is refused beyond the size of an image', () => {
    const huge = Object.defineProperty(new Uint8Array(0), 'length', { value: limits.eifBytes + 1 });
    expect(refusalOf(() => readCpio(huge))).toBe('cpio_too_large');
  });

  it('is refused with too many entries', () => {
    const one = writeCpio([{ ...init, path: 'aaaaa', content: utf8('') }]).subarray(0, 116);
    const archive = new Uint8Array(one.length * (limits.cpioEntries + 1));
    for (let i = 0; i <= limits.cpioEntries; i++) {
      archive.set(one, i * one.length);
      archive.set(utf8(i.toString(36).padStart(5, '0')), i * one.length + 110);
    }
    expect(refusalOf(() => readCpio(concatBytes(archive, writeCpio([]))))).toBe('cpio_too_large');
  });

  it('is refused wherever an archive is cut off before its trailer', () => {
    const archive = writeCpio(some);
    const end = Buffer.from(archive).indexOf('TRAILER!!!') + 11;
    for (let length = 0; length < end; length++) {
      expect(
        refusalOf(() => readCpio(archive.subarray(0, length))),
        `${length} bytes`,
      ).toBe('cpio_truncated');
    }
  });
});
