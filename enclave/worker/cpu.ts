import { readFileSync } from 'node:fs';

export interface CpuFacts {
  readonly cpuFamily: string;
  readonly cpuIsa: string;
}

/** The extensions that decide which kernels the engine picks, so which bits come out. */
const ISA = [
  'avx',
  'avx2',
  'fma',
  'avx512f',
  'avx512bw',
  'avx512vl',
  'avx512_vnni',
  'avx_vnni',
  'amx_tile',
  'asimd',
  'sve',
];

/** As the kernel reports them: a host can lie about its processor, so receipts call these reported, not proven. */
export function readCpuFacts(path = '/proc/cpuinfo'): CpuFacts {
  let text = '';
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return { cpuFamily: 'unknown', cpuIsa: 'unknown' };
  }
  return parseCpuInfo(text);
}

export function parseCpuInfo(text: string): CpuFacts {
  // A hypervisor chooses what the processor says; unprintable bytes would make receipts that no verifier reads.
  const lines = text.replace(/[^\x20-\x7e\t\n]/g, '?').split('\n');
  const field = (name: string): string | undefined =>
    lines
      .find((line) => line.startsWith(name))
      ?.split(':')[1]
      ?.trim();
  const family = [
    field('vendor_id') ?? field('CPU implementer'),
    field('cpu family') ?? field('CPU part'),
    field('model\t'),
  ];
  const flags = new Set((field('flags') ?? field('Features') ?? '').split(' '));
  const isa = ISA.filter((name) => flags.has(name));
  const cpuFamily = family.filter((part) => part !== undefined && part !== '').join('/');
  return {
    cpuFamily: cpuFamily === '' ? 'unknown' : cpuFamily.slice(0, 128),
    cpuIsa: isa.length === 0 ? 'baseline' : isa.join(' '),
  };
}
