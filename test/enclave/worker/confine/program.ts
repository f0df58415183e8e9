import { readFileSync, writeSync } from 'node:fs';
import { connect } from 'node:net';
import { getSystemErrorName, parseArgs } from 'node:util';
import { refusedSyscalls } from '../../../../enclave/native/refused-syscalls.ts';
import { workerFilter } from '../../../../enclave/worker/confine/filters.ts';
import { assembleFilter } from '../../../../enclave/worker/confine/seccomp.ts';
import { syscalls as allowedSyscalls } from '../../../../enclave/worker/confine/syscalls.ts';
import { runModelChild } from '../../../../enclave/worker/model/child.ts';
import { confineWorker } from '../../../../enclave/worker/native.ts';

/**
 * The worker program with a model role and a worker role that are hostile from the first moment at which they could be:
 * a raw system call and a fault are at their hands. What each attempt gave is one line of JSON on descriptor 3.
 */
const syscalls = { ...allowedSyscalls, ...refusedSyscalls };

interface Probe {
  call(number: number, ...values: (number | Uint8Array)[]): number;
  crash(): void;
}

type Order = 'report' | 'crash' | 'allocate' | 'hang';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { memory: { type: 'string' }, link: { type: 'string' } },
});

function loadProbe(): Probe {
  const module = { exports: {} };
  process.dlopen(module, new URL('./probe.bin', import.meta.url).pathname);
  return module.exports as Probe;
}

const text = (value: string): Uint8Array => Buffer.from(`${value}\0`);
const AT_FDCWD = -100;

function attempts(probe: Probe, paths: readonly string[]): Readonly<Record<string, string>> {
  const { call } = probe;
  const nothing = new Uint8Array(256);
  const tries: Record<string, () => number> = {
    inet: () => call(syscalls.socket, 2, 1, 0),
    unix: () => call(syscalls.socket, 1, 1, 0),
    vsock: () => call(syscalls.socket, 40, 1, 0),
    netlink: () => call(syscalls.socket, 16, 3, 0),
    ptrace: () => call(syscalls.ptrace, 16, process.ppid, 0, 0),
    readParent: () => call(syscalls.process_vm_readv, process.ppid, nothing, 1, nothing, 1, 0),
    killParent: () => call(syscalls.kill, process.ppid, 0),
    killAll: () => call(syscalls.kill, -1, 0),
    fork: () => call(syscalls.fork),
    cloneProcess: () => call(syscalls.clone, 17, 0),
    cloneUser: () => call(syscalls.clone, 0x10000011, 0),
    clone3: () => call(syscalls.clone3, nothing, 88),
    exec: () => call(syscalls.execve, text(process.execPath), 0, 0),
    ioctl: () => call(syscalls.ioctl, 3, 0xc0200a01, nothing),
    typeIntoTerminal: () => call(syscalls.ioctl, 0, 0x5412, nothing),
    memfd: () => call(syscalls.memfd_create, text('x'), 0),
    ioUring: () => call(syscalls.io_uring_setup, 8, nothing),
    bpf: () => call(syscalls.bpf, 5, nothing, 64),
    mount: () => call(syscalls.mount, text('x'), text('/'), text('tmpfs'), 0, 0),
    unshare: () => call(syscalls.unshare, 0x10000000),
    raiseLimit: () => call(syscalls.prlimit64, 0, 2, new Uint8Array(16).fill(255), 0),
    undump: () => call(syscalls.prctl, 4, 1, 0, 0, 0),
    newFilter: () => call(syscalls.prctl, 22, 2, nothing, 0, 0),
    create: () => call(syscalls.openat, AT_FDCWD, text('/tmp/created-by-a-probe'), 0o102, 0o600),
    sharedMemory: () => call(syscalls.mmap, 0, 4_096, 3, 0x21, -1, 0),
    ...Object.fromEntries(paths.map((path) => [path, () => call(syscalls.openat, AT_FDCWD, text(path), 0)])),
  };
  return Object.fromEntries(
    Object.entries(tries).map(([name, attempt]) => {
      const result = attempt();
      return [name, result < 0 ? getSystemErrorName(result) : 'allowed'];
    }),
  );
}

function say(report: object): void {
  writeSync(3, `${JSON.stringify(report)}\n`);
}

const [role] = positionals;
const probe = loadProbe();
const facts = readFileSync('/proc/self/status', 'latin1');
const inside = readFileSync(new URL('./orders.json', import.meta.url), 'utf8');
const { order, paths } = JSON.parse(inside) as { readonly order: Order; readonly paths: readonly string[] };

if (role === 'model') {
  const before = /^Seccomp:\s*(\d)/m.exec(facts)?.[1];
  await runModelChild({ fd: 3, memoryBytes: Number(values.memory) });
  if (order === 'crash') probe.crash();
  if (order === 'hang') for (;;);
  if (order === 'allocate') {
    const held: Uint8Array[] = [];
    try {
      for (;;) held.push(new Uint8Array(16 * 1024 ** 2).fill(1));
    } catch (error) {
      say({ megabytes: held.length * 16, failed: (error as Error).name });
    }
  }
  if (order === 'report') say({ pid: process.pid, uid: process.getuid?.(), before, attempts: attempts(probe, paths) });
} else {
  confineWorker({ filter: assembleFilter(workerFilter(process.pid)) });
  let loaded = 'allowed';
  try {
    process.dlopen({ exports: {} }, new URL('./other.bin', import.meta.url).pathname);
  } catch (error) {
    loaded = (error as NodeJS.ErrnoException).code ?? 'refused';
  }
  const connected = await new Promise<string>((resolve) => {
    const socket = connect(values.link ?? '', () => resolve('connected'));
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'failed'));
  });
  say({ loaded, connected, attempts: attempts(probe, paths) });
  process.exit(0);
}
