import { describe, expect, it } from 'vitest';
import { parseCpuInfo, readCpuFacts } from '../../../../enclave/worker/cpu.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { decodeExecution, encodeExecution } from '../../../../wire/message/execution.ts';

const intel = [
  'processor\t: 0',
  'vendor_id\t: GenuineIntel',
  'cpu family\t: 6',
  'model\t\t: 143',
  'model name\t: Intel(R) Xeon(R) Platinum 8488C',
  'flags\t\t: fpu sse avx fma avx2 avx512f amx_tile avx512_vnni',
].join('\n');

const graviton = ['processor\t: 0', 'Features\t: fp asimd sve', 'CPU implementer\t: 0x41', 'CPU part\t: 0xd40'].join(
  '\n',
);

describe('what the kernel reports', () => {
  it('is family, model and the extensions that choose kernels, in one order', () => {
    expect(parseCpuInfo(intel)).toEqual({
      cpuFamily: 'GenuineIntel/6/143',
      cpuIsa: 'avx avx2 fma avx512f avx512_vnni amx_tile',
    });
    expect(parseCpuInfo(graviton)).toEqual({ cpuFamily: '0x41/0xd40', cpuIsa: 'asimd sve' });
  });

  it('is said to be unknown where it is missing', () => {
    expect(parseCpuInfo('')).toEqual({ cpuFamily: 'unknown', cpuIsa: 'baseline' });
    expect(readCpuFacts('/nowhere/cpuinfo')).toEqual({ cpuFamily: 'unknown', cpuIsa: 'unknown' });
  });

  it('comes from this machine', () => {
    expect(readCpuFacts().cpuFamily).not.toBe('');
  });

  it.each([
    ['a vendor that is no text', intel.replace('GenuineIntel', '\u{FFFD}\u{1F600}\u0001é')],
    ['a vendor without end', intel.replace('GenuineIntel', 'é'.repeat(5_000))],
    ['nothing but colons', ':\n:::\nvendor_id:\nflags:'],
  ])('%s still makes an execution that verifiers read', (_, text) => {
    const execution = {
      ...runtime,
      ...parseCpuInfo(text),
      layout: 'release',
      schedule: 'single',
      generation: null,
    } as const;
    expect(decodeExecution(encodeExecution(execution))).toEqual(execution);
  });
});
