import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeEach, describe, expect, it } from 'vitest';
import { kernelDirectory, openReportDirectory, openReports } from '../../../../enclave/worker/snp-attester-configfs.ts';
import { utf8 } from '../../../../wire/bytes.ts';
import { limits } from '../../../../wire/limits.ts';
import { codeOf } from './harness.ts';
import { createKernelReports, errno, fakeReport, type KernelReports } from './kernel-reports.ts';

const reportData = Uint8Array.from({ length: 64 }, (_, index) => index + 1);
const others = new Uint8Array(64).fill(0xee);
let kernel: KernelReports;

beforeEach(() => {
  kernel = createKernelReports();
});

describe('reports from the kernel', () => {
  it('are asked for in an entry of their own, which goes away', async () => {
    kernel.auxblob = Uint8Array.of(1, 2, 3);
    const source = await openReports(kernel);
    expect(await source.report({ reportData, vmpl: source.vmpl })).toEqual({
      document: fakeReport(reportData, 0),
      certificateTable: Uint8Array.of(1, 2, 3),
    });
    expect(kernel.made).toEqual([{ inblob: reportData, privlevel: 0 }]);
    expect(kernel.entries.size).toBe(0);
  });

  it('name the level at which the guest runs', async () => {
    kernel.floor = 2;
    const source = await openReports(kernel);
    expect(source.vmpl).toBe(2);
    await source.report({ reportData, vmpl: source.vmpl });
    expect(kernel.made).toEqual([{ inblob: reportData, privlevel: 2 }]);
  });

  it('come without a table where the owner of the machine keeps none', async () => {
    const source = await openReports(kernel);
    expect((await source.report({ reportData, vmpl: 0 })).certificateTable).toBeNull();
  });

  it.each([41n, 2n ** 64n - 1n, 2n ** 64n - 2n])('are taken whatever the count begins with: %d', async (first) => {
    kernel.firstGeneration = first;
    const source = await openReports(kernel);
    expect((await source.report({ reportData, vmpl: 0 })).document).toEqual(fakeReport(reportData, 0));
  });

  it('are made one at a time, each in an entry of another name', async () => {
    const names = new Set<string>();
    let most = 0;
    kernel.before = (call, entry) => {
      if (call === 'create') names.add(entry);
      most = Math.max(most, kernel.entries.size);
    };
    const source = await openReports(kernel);
    const data = Array.from({ length: 8 }, (_, index) => new Uint8Array(64).fill(index));
    const reports = await Promise.all(data.map((bytes) => source.report({ reportData: bytes, vmpl: 0 })));
    expect(reports.map(({ document }) => document)).toEqual(data.map((bytes) => fakeReport(bytes, 0)));
    expect(most).toBe(1);
    expect(names.size).toBe(9);
  });
});

describe('another process that writes into an entry', () => {
  it.each<[string, 'write' | 'read', string]>([
    ['before the level is set', 'write', 'privlevel'],
    ['before the data is written', 'write', 'inblob'],
    ['before the report is read', 'read', 'outblob'],
    ['between report and table', 'read', 'auxblob'],
    // The count is read a second time only after everything else.
  ])('%s is noticed, and the request is made again', async (_, call, attribute) => {
    const source = await openReports(kernel);
    let interfered = 0;
    kernel.before = (now, entry, what) => {
      if (now !== call || what !== attribute || interfered === 2) return;
      interfered += 1;
      kernel.interfere(entry, others);
    };
    const { document } = await source.report({ reportData, vmpl: 0 });
    expect(document).toEqual(fakeReport(reportData, 0));
    expect(interfered).toBe(2);
    expect(kernel.entries.size).toBe(0);
  });

  it('again and again leaves no report, after a bounded time', async () => {
    const source = await openReports(kernel);
    let attempts = 0;
    kernel.before = (call, entry, attribute) => {
      if (call !== 'read' || attribute !== 'outblob') return;
      attempts += 1;
      kernel.interfere(entry, others);
    };
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('device_busy');
    expect(attempts).toBe(7);
    expect(kernel.entries.size).toBe(0);
  });

  it('cannot make a report of the wrong data pass by undoing the count', async () => {
    const source = await openReports(kernel);
    // 2^64 - 2 writes later the count would agree again; the kernel stops writers before that.
    kernel.before = (call, entry, attribute) => {
      if (call !== 'read' || attribute !== 'outblob') return;
      const state = kernel.entries.get(entry);
      if (state !== undefined) state.writeGeneration = BigInt.asUintN(64, state.readGeneration - 1n);
      expect(() => kernel.interfere(entry, others)).toThrow('EBUSY');
    };
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('device_busy');
  });
});

describe('a kernel that does not give reports', () => {
  it('has no provider, or another vendor’s', async () => {
    kernel.provider = null;
    expect(await codeOf(openReports(kernel))).toBe('device_unreachable');
    kernel.provider = 'tdx_guest';
    expect(await codeOf(openReports(kernel))).toBe('device_unreachable');
    expect(kernel.entries.size).toBe(0);
  });

  it.each([4, 17])('names an unknown level: %d', async (floor) => {
    kernel.floor = floor;
    expect(await codeOf(openReports(kernel))).toBe('device_protocol');
  });

  it.each(['', 'x', '-1', '1.5', '1'.repeat(21)])('counts with no number: "%s"', async (text) => {
    const read = kernel.read;
    const directory = {
      ...kernel,
      read: async (entry: string, attribute: string, maxBytes: number) =>
        attribute === 'generation' ? utf8(`${text}\n`) : read(entry, attribute, maxBytes),
    };
    const source = await openReports(directory);
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('device_protocol');
  });

  it.each<[string, string, string]>([
    ['EACCES', 'create', 'device_denied'],
    ['EPERM', 'create', 'device_denied'],
    ['ENOENT', 'create', 'device_unreachable'],
    ['ENOMEM', 'create', 'device_refused'],
    ['ENXIO', 'outblob', 'device_unreachable'],
    ['EIO', 'outblob', 'device_refused'],
    ['ENOTTY', 'outblob', 'device_unreachable'],
    ['EINVAL', 'privlevel', 'device_refused'],
  ])('says %s at %s', async (code, at, expected) => {
    const source = await openReports(kernel);
    kernel.before = (call, _, attribute) => {
      if (call === at || attribute === at) throw errno(code);
    };
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe(expected);
    expect(kernel.entries.size).toBe(0);
  });

  it('is busy for a while, and then is not', async () => {
    const source = await openReports(kernel);
    let busy = 3;
    kernel.before = (call) => {
      if (call === 'create' && busy-- > 0) throw errno('EBUSY');
    };
    expect((await source.report({ reportData, vmpl: 0 })).document).toEqual(fakeReport(reportData, 0));
  });

  it('swallows the data without an error: a report of nothing is no report', async () => {
    const source = await openReports(kernel);
    kernel.before = (call, _, attribute) => {
      if (call === 'write' && attribute === 'inblob') throw errno('EBUSY');
    };
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('device_refused');
  });

  it.each([0, 1_183])('gives a report of %d bytes', async (length) => {
    const source = await openReports(kernel);
    kernel.report = () => new Uint8Array(length);
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('device_protocol');
  });

  it('keeps an entry: that is said, because entries hold memory', async () => {
    const source = await openReports(kernel);
    kernel.before = (call) => {
      if (call === 'remove') throw errno('EIO');
    };
    expect(await codeOf(source.report({ reportData, vmpl: 0 }))).toBe('device_refused');
  });
});

describe('the files of a directory', () => {
  const root = mkdtempSync(join(tmpdir(), 'pm-tsm-'));
  const directory = kernelDirectory(root);
  afterAll(() => rmSync(root, { recursive: true, force: true }));

  it('are made, written, read and removed', async () => {
    await directory.create('one');
    expect(await codeOf(directory.create('one').catch((error) => Promise.reject(error)))).toBe('EEXIST');
    await directory.remove('one');
    expect(await codeOf(directory.remove('one'))).toBe('ENOENT');
    mkdirSync(join(root, 'two'));
    writeFileSync(join(root, 'two', 'inblob'), 'longer than what is written');
    await directory.write('two', 'inblob', utf8('short'));
    // Not cut: an attribute of the kernel has no length to set.
    expect(readFileSync(join(root, 'two', 'inblob'), 'utf8')).toBe('shortr than what is written');
    expect(await codeOf(directory.write('two', 'outblob', utf8('x')))).toBe('ENOENT');
  });

  it('are read up to a bound, whatever size they say', async () => {
    mkdirSync(join(root, 'three'));
    const write = (length: number): void => writeFileSync(join(root, 'three', 'auxblob'), new Uint8Array(length));
    for (const length of [0, 1, limits.snpTableBytes]) {
      write(length);
      expect(await directory.read('three', 'auxblob', limits.snpTableBytes)).toHaveLength(length);
    }
    write(limits.snpTableBytes + 1);
    expect(await codeOf(directory.read('three', 'auxblob', limits.snpTableBytes))).toBe('device_protocol');
  });

  it('are never links to something else', async () => {
    mkdirSync(join(root, 'four'));
    writeFileSync(join(root, 'elsewhere'), 'secret');
    symlinkSync(join(root, 'elsewhere'), join(root, 'four', 'outblob'));
    expect(await codeOf(directory.read('four', 'outblob', 100))).toBe('ELOOP');
  });

  it('that are not there at all mean that this kernel has no such interface', async () => {
    expect(await codeOf(openReportDirectory(join(root, 'config', 'tsm', 'report')))).toBe('device_unreachable');
  });
});
