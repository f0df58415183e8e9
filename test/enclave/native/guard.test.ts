import { execFileSync } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { prebuiltFolder } from '../../../enclave/native/build.ts';
import { hardwareRandom, NativeError, nsmExchange, sevReport } from '../../../enclave/worker/native.ts';

const EINVAL = -constants.errno.EINVAL;
type Call = (...values: unknown[]) => unknown;
const names = [
  'nsmExchange',
  'sevReport',
  'hardwareRandom',
  'protectProcess',
  'confineWorker',
  'confineModel',
] as const;

let guard: Record<(typeof names)[number], Call>;
let device: number;
beforeAll(() => {
  const module = { exports: {} };
  process.dlopen(module, join(prebuiltFolder, 'guard.node'));
  guard = module.exports as typeof guard;
  device = openSync('/dev/null', 'r+');
});
afterAll(() => closeSync(device));

async function codeOf(work: () => unknown): Promise<string> {
  try {
    await work();
    return 'accepted';
  } catch (error) {
    if (error instanceof NativeError) return error.code;
    throw error;
  }
}

describe('the addon', () => {
  it('offers six calls and nothing else', () => {
    expect(Object.keys(guard).sort()).toEqual([...names].sort());
  });

  it('answers wrong arguments with EINVAL, whatever they are', () => {
    const detached = new Uint8Array(64);
    structuredClone(detached.buffer, { transfer: [detached.buffer] });
    const odd = fc.oneof(
      fc.constantFrom<unknown>(
        ...[undefined, null, true, '3', 3n, Symbol.iterator, {}, [], () => 1, detached, new Uint16Array(8)],
        ...[new DataView(new ArrayBuffer(8)), new ArrayBuffer(8), -1, 0.5, Number.NaN, Infinity, 2 ** 31, 2 ** 53],
      ),
    );
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.array(odd, { maxLength: 5 }), (name, values) => {
        // Nothing that would take effect: no call with wrong arguments does anything.
        if (name === 'protectProcess' && values.length === 0) return;
        expect(guard[name](...values)).toBe(EINVAL);
      }),
      { numRuns: 2_000 },
    );
  });

  it('bounds lengths', () => {
    const bytes = (length: number): Uint8Array => new Uint8Array(length);
    expect(guard.nsmExchange(device, bytes(0))).toBe(EINVAL);
    expect(guard.nsmExchange(device, bytes(0x1001))).toBe(EINVAL);
    expect(guard.sevReport(device, bytes(65), 0)).toBe(EINVAL);
    expect(guard.sevReport(device, bytes(64), 4)).toBe(EINVAL);
    expect(guard.hardwareRandom(bytes(4_097))).toBe(EINVAL);
    expect(guard.confineWorker(bytes(12))).toBe(EINVAL);
    expect(guard.confineWorker(bytes(8 * 4_097))).toBe(EINVAL);
    expect(guard.confineModel(Number.NaN, 1, bytes(8))).toBe(EINVAL);
    expect(guard.confineModel(1, -1, bytes(8))).toBe(EINVAL);
  });
});

describe('devices', () => {
  it('are asked off the main thread, and what they say is an errno by its name', async () => {
    const request = Uint8Array.of(0xa0);
    expect(await codeOf(() => nsmExchange(device, request, new Uint8Array(16)))).toBe('ENOTTY');
    expect(await codeOf(() => nsmExchange(9_999, request, new Uint8Array(16)))).toBe('EBADF');
    expect(await codeOf(() => nsmExchange(-1, request, new Uint8Array(16)))).toBe('EINVAL');
    expect(await codeOf(() => sevReport(device, new Uint8Array(64), 0))).toBe('ENOTTY');
    expect(await codeOf(() => sevReport(device, new Uint8Array(63), 0))).toBe('EINVAL');
  });

  it('may be asked often at once, with memory that is taken away meanwhile', async () => {
    const calls = Array.from({ length: 200 }, () => {
      const request = new Uint8Array(0x1000);
      const work = codeOf(() => nsmExchange(device, request, new Uint8Array(1)));
      structuredClone(request.buffer, { transfer: [request.buffer] });
      return work;
    });
    expect(new Set(await Promise.all(calls))).toEqual(new Set(['ENOTTY']));
  });
});

describe('random numbers of the processor', () => {
  const flags = readFileSync('/proc/cpuinfo', 'latin1');
  it.skipIf(!/\brdrand\b/.test(flags))('differ, at every length (skipped without RDRAND)', () => {
    const draws = [1, 7, 8, 9, 32, 4_096].map((length) => hardwareRandom(length));
    expect(draws.map((draw) => draw?.length)).toEqual([1, 7, 8, 9, 32, 4_096]);
    const [, , , , one] = draws;
    expect(hardwareRandom(32)).not.toEqual(one);
    const counts = new Set(draws.at(-1));
    expect(counts.size).toBeGreaterThan(200);
  });

  it('come in bounded lengths', async () => {
    for (const length of [0, -1, 4_097, 1.5, Number.NaN]) {
      expect(await codeOf(() => hardwareRandom(length))).toBe('EINVAL');
    }
  });
});

describe('a process that protects itself', () => {
  it('writes no core and shows neither memory nor descriptors to its own user', () => {
    const program = `
      const module = { exports: {} };
      process.dlopen(module, ${JSON.stringify(join(prebuiltFolder, 'guard.node'))});
      const { readFileSync, statSync } = require('node:fs');
      const result = module.exports.protectProcess();
      const core = /^Max core file size +(\\d+) +(\\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'));
      console.log(JSON.stringify([result, core[1], core[2], statSync('/proc/self/environ').uid]));
    `;
    const seen = JSON.parse(execFileSync(process.execPath, ['-e', program], { encoding: 'utf8' })) as unknown[];
    // The kernel gives the files of a process that is not dumpable to root.
    expect(seen).toEqual([0, '0', '0', 0]);
  });
});
