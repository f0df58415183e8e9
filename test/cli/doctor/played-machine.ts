import type { Entry, Machine, Ran, Trial } from '../../../cli/doctor/machine.ts';

/** A machine as a list of what is on it. */
export interface World {
  readonly platform: string;
  readonly architecture: string;
  readonly nodeVersion: string;
  readonly form: Machine['form'];
  readonly user: number;
  readonly now: number;
  readonly stateFolder: string;
  readonly scratchFolder: string;
  /** Paths that are there. */
  readonly entries: Readonly<Record<string, Entry>>;
  /** Paths that this user may not use. */
  readonly denied: readonly string[];
  readonly texts: Readonly<Record<string, string>>;
  readonly packages: Readonly<Record<string, string>>;
  readonly engine: boolean;
  /** What is on PATH, in /usr/bin. */
  readonly programs: readonly string[];
  /** What programs answer, by path and first argument. */
  readonly answers: Readonly<Record<string, Ran>>;
  readonly takenPorts: readonly number[];
  readonly freeMemoryBytes: number;
  readonly freeBytes: Readonly<Record<string, number>>;
  readonly sandbox: Trial;
  readonly missingInputs: number;
  readonly chain: Trial;
}

const GIB = 1_073_741_824;
export const STATE = '/users/u/state/proofmark';
export const ENGINE = '/modules/engine.node';
export const file: Entry = { kind: 'file', mode: 0o755, owner: 0 };
export const device: Entry = { kind: 'device', mode: 0o660, owner: 0 };
export const folder: Entry = { kind: 'directory', mode: 0o700, owner: 1_000 };

/** Everything that there can be, on one machine. */
export const bestWorld: World = {
  platform: 'linux',
  architecture: 'x64',
  nodeVersion: '22.3.1',
  form: 'checkout',
  user: 1_000,
  stateFolder: STATE,
  scratchFolder: '/scratch',
  now: Date.UTC(2026, 5, 1),
  entries: {
    '/': folder,
    '/users': folder,
    '/users/u': folder,
    [STATE]: folder,
    '/scratch': folder,
    '/usr/bin/bwrap': file,
    '/usr/bin/setpriv': file,
    '/usr/bin/qemu-system-x86_64': file,
    '/usr/share/qemu/bios-256k.bin': file,
    '/usr/share/qemu/linuxboot_dma.bin': file,
    '/usr/share/ovmf/OVMF.amdsev.fd': file,
    '/worker.mjs': file,
    '/guard.node': file,
    '/dev/kvm': device,
    '/dev/nsm': device,
    '/dev/nitro_enclaves': device,
    '/dev/vsock': device,
    '/dev/sev': device,
    '/dev/sev-guest': device,
    '/sys/kernel/config/tsm/report': folder,
  },
  denied: [],
  texts: {
    '/proc/cpuinfo': 'processor\t: 0\nflags\t\t: fpu rdrand avx2\nbugs\t\t: none\n',
    '/proc/self/limits':
      'Limit                     Soft Limit           Hard Limit           Units\n' +
      'Max open files            20000                20000                files\n' +
      'Max locked memory         unlimited            unlimited            bytes\n',
    '/proc/sys/kernel/seccomp/actions_avail': 'kill_process kill_thread trap errno allow\n',
    '/sys/module/kvm_amd/parameters/sev_snp': 'Y\n',
  },
  packages: {
    express: '5.4.0',
    lmdb: '3.5.6',
    'node-forge': '1.4.3',
    'onnxruntime-node': '1.30.0',
    viem: '2.57.1',
    '@aws-sdk/client-kms': '3.1162.0',
    esbuild: '0.28.2',
    '@huggingface/jinja': '0.5.11',
    '@huggingface/tokenizers': '0.2.0',
  },
  engine: true,
  programs: [
    ...['ldd', 'gcc', 'dpkg-deb', 'tar', 'apt-get', 'apt-cache', 'npm'],
    ...['nitro-cli', 'jq', 'socat', 'qemu-system-x86_64'],
  ],
  answers: {
    '/node -e': { code: 0, output: '' },
    '/usr/bin/ldd /node': { code: 0, output: 'libc.so.6 => /lib/libc.so.6 (0x00007f0000000000)\n' },
    '/confine --parent': { code: 64, output: 'usage' },
    '/usr/bin/qemu-system-x86_64 --version': { code: 0, output: 'QEMU emulator version 10.0.2 (Debian)\n' },
    '/usr/bin/qemu-system-x86_64 -L': { code: 0, output: '/usr/share/seabios\n/usr/share/qemu\n' },
  },
  takenPorts: [],
  freeMemoryBytes: 16 * GIB,
  freeBytes: { [STATE]: 100 * GIB, '/users/u': 100 * GIB, '/scratch': 100 * GIB },
  sandbox: { works: true },
  missingInputs: 0,
  chain: { works: true },
};

export function play(world: World): Machine {
  return {
    ...world,
    nodeProgram: '/node',
    pid: 4_242,
    confineProgram: '/confine',
    workerFiles: ['/worker.mjs', '/guard.node'],
    manifest: async () => ({
      node: '>=20.19',
      peers: {
        express: '^5.3.0',
        lmdb: '^3.5.6',
        'node-forge': '^1.4.3',
        'onnxruntime-node': '1.30.0',
        viem: '2.57.1',
        '@aws-sdk/client-kms': '^3.1162.0',
      },
    }),
    entry: async (path) => world.entries[path],
    allows: async (path) => path in world.entries && !world.denied.includes(path),
    text: async (path) => world.texts[path],
    freeMemoryBytes: async () => world.freeMemoryBytes,
    freeBytes: async (path) => known(world.freeBytes, path),
    packageVersion: async (name) => world.packages[name],
    engineFile: async () => (world.engine ? ENGINE : undefined),
    which: async (program) => (world.programs.includes(program) ? `/usr/bin/${program}` : undefined),
    run: async (program, args) => known(world.answers, `${program} ${args[0] ?? ''}`),
    port: async (port) => (world.takenPorts.includes(port) ? 'taken' : 'free'),
    trySandbox: async () => world.sandbox,
    missingImageInputs: async () => world.missingInputs,
    chain: async () => world.chain,
  };
}

function known<T>(answers: Readonly<Record<string, T>>, question: string): T {
  const answer = answers[question];
  if (answer === undefined) throw new RangeError(`this machine was not asked to answer "${question}"`);
  return answer;
}

export function without<T>(things: Readonly<Record<string, T>>, ...names: readonly string[]): Record<string, T> {
  return Object.fromEntries(Object.entries(things).filter(([name]) => !names.includes(name)));
}
