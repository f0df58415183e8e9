import { constants } from 'node:os';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { refusedSyscalls } from '../../../../enclave/native/refused-syscalls.ts';
import { sandboxFilter } from '../../../../enclave/native/sandbox-filter.ts';
import { modelFilter, workerFilter } from '../../../../enclave/worker/confine/filters.ts';
import {
  type Action,
  type ArgumentTest,
  assembleFilter,
  type Filter,
  hasBits,
  isNull,
  isOneOf,
  type Rule,
} from '../../../../enclave/worker/confine/seccomp.ts';
import { syscalls as allowedSyscalls, LAST_KNOWN_SYSCALL } from '../../../../enclave/worker/confine/syscalls.ts';
import { judge, X86_64 } from './interpreter.ts';

const { EPERM, ENOSYS, EAFNOSUPPORT } = constants.errno;
const syscalls = { ...allowedSyscalls, ...refusedSyscalls };
type Syscall = keyof typeof syscalls;
const names = Object.keys(syscalls) as Syscall[];
const word = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });

/** What a filter means, read from its data. */
function meaning({ rules, otherwise }: Filter, number: number, values: readonly bigint[]): 'allow' | 'kill' | number {
  const plain = (action: Action): 'allow' | 'kill' | number => (typeof action === 'string' ? action : action.errno);
  const rule = rules.find(({ call }) => call === number);
  if (rule === undefined) return number > LAST_KNOWN_SYSCALL ? ENOSYS : plain(otherwise);
  const holds = ({ argument, half, mask, anyOf }: ArgumentTest): boolean => {
    const value = Number(BigInt.asUintN(32, (values[argument] ?? 0n) >> (half === 'high' ? 32n : 0n)));
    return anyOf.includes((value & mask) >>> 0);
  };
  return plain(rule.cases.find(({ tests }) => tests.every(holds))?.action ?? rule.otherwise);
}

describe('assembling', () => {
  const action = fc.constantFrom<Action>('allow', 'kill', { errno: 1 }, { errno: 13 });
  const test = fc.record<ArgumentTest>({
    argument: fc.constantFrom(0, 1, 2, 3, 4, 5),
    half: fc.constantFrom('low', 'high'),
    mask: fc.constantFrom(0xffffffff, 0xff, 0x80000000, 1),
    anyOf: fc.array(fc.constantFrom(0, 1, 2, 0x80000000), { minLength: 1, maxLength: 3 }),
  });
  const body = fc.record({
    cases: fc.array(fc.record({ tests: fc.array(test, { maxLength: 3 }), action }), { maxLength: 3 }),
    otherwise: action,
  });
  const filter = fc
    .tuple(
      fc.uniqueArray(fc.constantFrom(...names.map((name) => syscalls[name])), { maxLength: 12 }),
      fc.array(body, { minLength: 12 }),
      action,
    )
    .map(
      ([calls, bodies, otherwise]): Filter => ({
        rules: calls.map((call, index): Rule => ({ call, ...(bodies[index] as Omit<Rule, 'call'>) })),
        otherwise,
      }),
    );

  it('gives a program that decides as the data says', () => {
    const values = fc.array(fc.oneof(fc.constantFrom(0n, 1n, 2n, 1n << 32n, 0x8000_0000n), word), { maxLength: 6 });
    const number = fc.oneof(fc.constantFrom(...Object.values(syscalls)), fc.integer({ min: 0, max: 600 }));
    fc.assert(
      fc.property(filter, fc.array(fc.tuple(number, values), { maxLength: 30 }), (data, calls) => {
        const program = assembleFilter(data);
        for (const [nr, given] of calls) {
          expect(judge(program, { number: nr, arguments: given })).toBe(meaning(data, nr, given));
        }
      }),
      { numRuns: 300 },
    );
  });

  it('refuses what it cannot express', () => {
    const rule: Rule = { call: syscalls.read, cases: [], otherwise: 'allow' };
    expect(() => assembleFilter({ rules: [rule, rule], otherwise: 'kill' })).toThrow(RangeError);
    const long: Rule = {
      ...rule,
      cases: Array(130).fill({ tests: isOneOf(0, [1]), action: 'allow' }) as Rule['cases'],
    };
    expect(() => assembleFilter({ rules: [long], otherwise: 'kill' })).toThrow('longer than a jump');
  });

  it('has words for the usual tests', () => {
    const rule = (tests: readonly ArgumentTest[]): Uint8Array =>
      assembleFilter({
        rules: [{ call: syscalls.read, cases: [{ tests, action: 'allow' }], otherwise: 'kill' }],
        otherwise: 'kill',
      });
    const at = (program: Uint8Array, ...values: bigint[]): unknown => judge(program, { number: 0, arguments: values });
    expect([0n, 1n, 1n << 32n].map((value) => at(rule(isNull(0)), value))).toEqual(['allow', 'kill', 'kill']);
    expect([2n, 3n, 4n].map((value) => at(rule(isOneOf(1, [2, 4])), 0n, value))).toEqual(['allow', 'kill', 'allow']);
    expect([4n, 6n, 2n].map((value) => at(rule(hasBits(2, 6, 4)), 0n, 0n, value))).toEqual(['allow', 'kill', 'kill']);
  });
});

const filters: readonly (readonly [string, Uint8Array])[] = [
  ['models', assembleFilter(modelFilter(7))],
  ['the worker', assembleFilter(workerFilter(7))],
  ['the sandbox', assembleFilter(sandboxFilter)],
];

describe.each(filters)('the filter for %s', (_, program) => {
  it('kills whoever calls by other numbers, and has no x32', () => {
    for (const architecture of [0x40000003, 0xc00000b7, 0, X86_64 - 1]) {
      expect(judge(program, { number: 0, architecture })).toBe('kill');
    }
    for (const number of [0x40000000, 0x40000000 + syscalls.execve, 0xffffffff]) {
      expect(judge(program, { number })).toBe(ENOSYS);
    }
  });

  it('has calls that came after it not at all', () => {
    for (const number of [LAST_KNOWN_SYSCALL + 1, 500, 0x3fffffff]) expect(judge(program, { number })).toBe(ENOSYS);
  });

  it('never lets pass what is a known way out', () => {
    fc.assert(
      fc.property(fc.array(word, { minLength: 6, maxLength: 6 }), (values) => {
        for (const name of [
          ...(['ptrace', 'process_vm_readv', 'process_vm_writev', 'bpf', 'perf_event_open', 'userfaultfd'] as const),
          ...([
            'keyctl',
            'add_key',
            'request_key',
            'kexec_load',
            'init_module',
            'finit_module',
            'delete_module',
          ] as const),
          ...([
            'io_uring_setup',
            'io_uring_enter',
            'io_uring_register',
            'pidfd_getfd',
            'umount2',
            'pivot_root',
          ] as const),
          ...(['setns', 'unshare', 'open_by_handle_at', 'move_mount', 'fsmount', 'open_tree', 'reboot'] as const),
          'clone3' as const,
        ]) {
          expect(judge(program, { number: syscalls[name], arguments: values })).not.toBe('allow');
        }
      }),
      { numRuns: 50 },
    );
  });

  it('knows local sockets only, if any', () => {
    for (const family of [0n, 2n, 10n, 16n, 17n, 38n, 40n]) {
      expect([EPERM, EAFNOSUPPORT]).toContain(judge(program, { number: syscalls.socket, arguments: [family, 1n] }));
    }
  });
});

describe('a model', () => {
  const [, program] = filters[0] as (typeof filters)[number];
  const decide = (name: Syscall, ...values: bigint[]): unknown =>
    judge(program, { number: syscalls[name], arguments: values });

  it('reaches no path, no socket, no device and no other process, whatever the arguments', () => {
    const forbidden: readonly Syscall[] = [
      ...(['openat', 'access', 'readlink', 'newfstatat', 'statx', 'unlink', 'mkdir', 'chmod', 'getdents64'] as const),
      ...(['socket', 'socketpair', 'connect', 'bind', 'listen', 'accept', 'accept4', 'sendmsg', 'recvmsg'] as const),
      ...([
        'ioctl',
        'kill',
        'tkill',
        'rt_sigqueueinfo',
        'fork',
        'vfork',
        'execve',
        'execveat',
        'memfd_create',
      ] as const),
      ...(['mount', 'setsid', 'arch_prctl', 'pidfd_open', 'pidfd_send_signal', 'modify_ldt'] as const),
    ];
    fc.assert(
      fc.property(fc.array(word, { minLength: 6, maxLength: 6 }), (values) => {
        for (const name of forbidden) expect([name, decide(name, ...values)]).toEqual([name, EPERM]);
      }),
      { numRuns: 50 },
    );
  });

  it('makes threads and no processes or namespaces', () => {
    // As glibc makes a thread.
    expect(decide('clone', 0x3d0f00n)).toBe('allow');
    for (const flags of [17n, 0n, 0x4111n, 0x10000000n, 0x3d0f00n | 0x20000n, 0x3d0f00n | 0x10000000n]) {
      expect(decide('clone', flags)).toBe(EPERM);
    }
  });

  it('makes no code of files, and shares no memory', () => {
    const [anonymous, file, shared] = [0x22n, 0x2n, 0x21n];
    expect(decide('mmap', 0n, 4096n, 3n, shared)).toBe(EPERM);
    expect(decide('mmap', 0n, 4096n, 7n, anonymous)).toBe('allow');
    expect(decide('mmap', 0n, 4096n, 1n, file)).toBe('allow');
    expect(decide('mmap', 0n, 4096n, 5n, file)).toBe(EPERM);
  });

  it('signals itself only, and reads limits without setting any', () => {
    expect([decide('tgkill', 7n, 9n, 6n), decide('tgkill', 8n, 9n, 6n)]).toEqual(['allow', EPERM]);
    expect(decide('prlimit64', 0n, 3n, 0n, 1n)).toBe('allow');
    expect(decide('prlimit64', 0n, 3n, 1n << 40n)).toBe(EPERM);
    expect(decide('prlimit64', 1n, 3n, 0n)).toBe(EPERM);
    expect([15n, 38n, 4n, 22n].map((option) => decide('prctl', option))).toEqual(['allow', EPERM, EPERM, EPERM]);
  });
});

describe('the worker', () => {
  const [, program] = filters[1] as (typeof filters)[number];
  const decide = (name: Syscall, ...values: bigint[]): unknown =>
    judge(program, { number: syscalls[name], arguments: values });

  it('starts nothing', () => {
    for (const name of ['execve', 'execveat', 'fork', 'vfork', 'kill', 'memfd_create', 'mount'] as const) {
      expect(decide(name)).toBe(EPERM);
    }
    expect([decide('clone', 17n), decide('clone', 0x3d0f00n)]).toEqual([EPERM, 'allow']);
  });

  it('opens what is there, and asks its devices one thing each', () => {
    expect([decide('openat', 0n, 0n, 2n), decide('openat', 0n, 0n, 0o102n)]).toEqual(['allow', EPERM]);
    const requests = [0xc0200a00n, 0xc0205300n, 0x5421n, 0x5412n, 0xc0205301n];
    expect(requests.map((request) => decide('ioctl', 4n, request))).toEqual(['allow', 'allow', 'allow', EPERM, EPERM]);
    expect([1n, 2n, 40n].map((family) => decide('socket', family))).toEqual(['allow', EPERM, EPERM]);
  });
});

describe('the sandbox', () => {
  const [, program] = filters[2] as (typeof filters)[number];
  it('lets pass what the launcher and its helper need', () => {
    for (const name of ['clone', 'execve', 'mount', 'prctl', 'seccomp', 'openat', 'kill'] as const) {
      const number = name === 'seccomp' ? 317 : syscalls[name];
      expect(judge(program, { number, arguments: [0x7c020011n] })).toBe('allow');
    }
    expect(judge(program, { number: syscalls.ioctl, arguments: [0n, 0x5412n] })).toBe(EPERM);
    expect(judge(program, { number: syscalls.ioctl, arguments: [0n, (1n << 32n) | 0x5412n] })).toBe(EPERM);
    expect(judge(program, { number: syscalls.execveat, arguments: [3n, 0n, 0n, 0n, 0x1000n] })).toBe(EPERM);
  });
});
