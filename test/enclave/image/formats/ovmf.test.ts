import { existsSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readOvmf } from '../../../../enclave/image/formats/ovmf.ts';
import {
  firmwareDigest,
  launchDigestAfterFirmware,
  type SnpLaunch,
} from '../../../../enclave/image/formats/snp-launch.ts';
import { limits } from '../../../../wire/limits.ts';
import { type SyntheticOvmf, syntheticOvmf } from './support/ovmf.ts';
import { refusalOf } from './support/refusal.ts';

const nothing = new Uint8Array(0);

describe('firmware', () => {
  const read = (firmware: Uint8Array): string => refusalOf(() => readOvmf(firmware));
  const made = (firmware: SyntheticOvmf): string => read(syntheticOvmf(firmware));
  const patched = (fromEnd: number, ...bytes: readonly number[]): Uint8Array => {
    const out = syntheticOvmf();
    out.set(bytes, out.length - fromEnd);
    return out;
  };

  it('is read where OVMF has its tables', () => {
    const { address, resetVector, hashTable, sections } = readOvmf(syntheticOvmf());
    expect({ address, resetVector, hashTable }).toEqual({
      address: 2 ** 32 - 8_192,
      resetVector: 0x80b004,
      hashTable: { address: 0x810c00, size: 0x400 },
    });
    expect(sections.map(({ kind }) => kind)).toEqual([
      ...['memory', 'memory', 'secrets', 'cpuid', 'svsm-calling-area', 'kernel-hashes', 'memory'],
    ]);
  });

  it.each<readonly [string, Uint8Array, string]>([
    ['empty', nothing, 'firmware_size'],
    ['not of whole pages', syntheticOvmf().subarray(1), 'firmware_size'],
    ['larger than what is mapped below 4 GiB', new Uint8Array(limits.firmwareBytes + 4096), 'firmware_size'],
    ['without a table', new Uint8Array(4096), 'firmware_table'],
    ['whose table is longer than itself', patched(50, 0xff, 0xff), 'firmware_table'],
    ['whose table is shorter than its end', patched(50, 0x11, 0x00), 'firmware_table'],
    ['whose entry is longer than the table', patched(68, 0xff, 0x00), 'firmware_table'],
    ['whose entry is shorter than itself', patched(68, 0x11, 0x00), 'firmware_table'],
    ['whose reset vector has no content', patched(68, 0x12, 0x00), 'firmware_table'],
    ["with bytes at the table's start that are no entry", patched(50, 0x75, 0x00), 'firmware_table'],
  ])('is refused %s', (_, firmware, code) => {
    expect(read(firmware)).toBe(code);
  });

  it('is refused with a GUID twice, and with more entries than any has', () => {
    const twice = syntheticOvmf({ hashTable: null });
    const resetBlock = Buffer.from('de71f7007e1acb4f890e68c77e2fb44e', 'hex');
    twice.set(resetBlock, twice.length - 32 - 18 - 22 - 16);
    expect(read(twice)).toBe('firmware_table');

    const many = new Uint8Array(4096);
    let end = many.length - 50;
    for (let index = 0; index <= limits.firmwareEntries; index++, end -= 18) {
      many.set([18, 0, index, 1], end - 18);
    }
    new DataView(many.buffer).setUint16(many.length - 50, many.length - 32 - end, true);
    many.set(Buffer.from('de82b596b21ff745baeaa366c55a082d', 'hex'), many.length - 48);
    expect(read(many)).toBe('firmware_table');
  });

  it.each<readonly [string, SyntheticOvmf]>([
    ['without metadata', { sections: null }],
    ['with a section of an unknown type', { sections: [[0x1000, 0x1000, 7]] }],
    ['with a section that does not begin with a page', { sections: [[0x1001, 0x1000, 1]] }],
    ['with a section of half a page', { sections: [[0x1000, 0x800, 1]] }],
    ['with a section of nothing', { sections: [[0x1000, 0, 1]] }],
    ['with two pages of secrets', { sections: [[0x1000, 0x2000, 2]] }],
    ['with two pages for CPUID', { sections: [[0x1000, 0x2000, 3]] }],
    ['with two pages of hashes', { sections: [[0x1000, 0x2000, 0x10]] }],
    [
      'with sections that overlap',
      {
        sections: [
          [0x1000, 0x2000, 1],
          [0x2000, 0x1000, 1],
        ],
      },
    ],
    ['with a section beyond 4 GiB', { sections: [[0xffff_f000, 0x2000, 1]] }],
    ['with more to be measured than any has', { sections: [[0, limits.firmwareMeasuredBytes + 4096, 1]] }],
    [
      'with more sections than any has',
      { sections: Array.from({ length: 65 }, (_, i) => [i * 4096, 4096, 1] as const) },
    ],
  ])('is refused %s', (_, firmware) => {
    expect(made(firmware)).toBe('firmware_metadata');
  });

  it.each<readonly [string, number, readonly number[]]>([
    ['magic', 0x554, [0x42]],
    ['length', 0x550, [0x10, 0x00]],
    ['version', 0x54c, [2]],
    ['number of sections', 0x548, [8]],
  ])('is refused when the %s of its metadata is another', (_, fromEnd, bytes) => {
    expect(read(patched(fromEnd, ...bytes))).toBe('firmware_metadata');
  });

  it('is refused when the table points outside of it', () => {
    const out = syntheticOvmf();
    const guid = Buffer.from('666588dc4a989847a75e5585a7bf67cc', 'hex');
    const entry = Buffer.from(out).indexOf(guid) - 6;
    for (const offset of [0, 15, 8_193, 0xffff_ffff]) {
      new DataView(out.buffer).setUint32(entry, offset, true);
      expect(read(out), `${offset}`).toBe('firmware_metadata');
    }
  });

  const debian = '/usr/share/ovmf/OVMF.fd';
  it.skipIf(!existsSync(debian))('of Debian is read (skipped where its package ovmf is not installed)', () => {
    const ovmf = readOvmf(new Uint8Array(readFileSync(debian)));
    expect(ovmf.sections.map(({ kind }) => kind)).toContain('cpuid');
    expect(ovmf.resetVector).not.toBeNull();
    const launch: SnpLaunch = {
      directBoot: { kernel: nothing, initrd: nothing, commandLine: '' },
      vcpus: 1,
      vcpuSignature: 0x800f12,
      guestFeatures: 0x1n,
      hypervisor: 'qemu',
    };
    const measure = (): Uint8Array => launchDigestAfterFirmware(ovmf, firmwareDigest(ovmf), launch);
    expect(refusalOf(measure)).toBe('firmware_without_kernel_hashes');
  });
});
