import { constants } from 'node:os';
import { type Action, type Filter, hasBits, isNull, isOneOf, type Rule } from './seccomp.ts';
import { type Syscall, syscalls } from './syscalls.ts';

/**
 * What the worker and a model process may ask of the kernel after their start. Everything else is refused with EPERM, so
 * that a library that tries something is told no instead of being killed half-way.
 */
const REFUSED: Action = { errno: constants.errno.EPERM };
const ABSENT: Action = { errno: constants.errno.ENOSYS };

function allow(...calls: readonly Syscall[]): readonly Rule[] {
  return calls.map((call) => ({ call: syscalls[call], cases: [], otherwise: 'allow' }));
}

/** Allowed where one of the alternatives holds. */
function allowWhere(call: Syscall, ...alternatives: readonly Rule['cases'][number]['tests'][]): Rule {
  return { call: syscalls[call], cases: alternatives.map((tests) => ({ tests, action: 'allow' })), otherwise: REFUSED };
}

const PROT_EXEC = 0x4;
const MAP_KIND = 0xf;
const MAP_PRIVATE = 0x2;
const MAP_ANONYMOUS = 0x20;
const CLONE_THREAD = 0x0001_0000;
/** Mount, cgroup, uts, ipc, user, pid and network. */
const CLONE_NAMESPACES = 0x7e02_0000;
/** PR_SET_NAME, PR_GET_NAME, PR_SET_VMA: names of threads and of memory. */
const PRCTL_NAMES = [15, 16, 0x5356_4d41];
const F_GETFD = 1;
const F_SETFD = 2;
const F_GETFL = 3;

/** A language runtime that computes: memory, threads, time, its own signals, and descriptors that it has already. */
function computing(pid: number): readonly Rule[] {
  return [
    ...allow(
      'read',
      'write',
      'readv',
      'writev',
      'futex',
      'epoll_wait',
      'epoll_pwait',
      'epoll_ctl',
      'close',
      'shutdown',
    ),
    ...allow('madvise', 'munmap', 'mprotect', 'mremap', 'brk', 'mincore', 'membarrier'),
    ...allow('pkey_alloc', 'pkey_free', 'pkey_mprotect'),
    // Compiled JavaScript is memory without a file. A file that becomes code would be one that nobody measured. Shared
    // memory would count towards no limit.
    allowWhere(
      'mmap',
      [...hasBits(2, PROT_EXEC, 0), ...hasBits(3, MAP_KIND, MAP_PRIVATE)],
      hasBits(3, MAP_KIND | MAP_ANONYMOUS, MAP_PRIVATE | MAP_ANONYMOUS),
    ),
    // Threads, and no processes. clone3 hides its flags behind a pointer; without it libraries take clone.
    allowWhere('clone', hasBits(0, CLONE_THREAD | CLONE_NAMESPACES, CLONE_THREAD)),
    { call: syscalls.clone3, cases: [], otherwise: ABSENT },
    ...allow('set_robust_list', 'get_robust_list', 'rseq', 'set_tid_address', 'gettid', 'getpid', 'getppid', 'getcpu'),
    ...allow('sched_yield', 'sched_getaffinity', 'sched_getparam', 'sched_getscheduler'),
    ...allow('getuid', 'geteuid', 'getgid', 'getegid'),
    ...allow('rt_sigaction', 'rt_sigprocmask', 'rt_sigreturn', 'sigaltstack', 'restart_syscall'),
    // abort() signals its own thread; nobody else can be meant.
    allowWhere('tgkill', isOneOf(0, [pid])),
    ...allow('exit', 'exit_group'),
    ...allow('clock_gettime', 'clock_getres', 'clock_nanosleep', 'nanosleep', 'gettimeofday', 'time', 'times'),
    ...allow('getrandom', 'getrusage', 'sysinfo', 'uname', 'getrlimit', 'poll', 'ppoll', 'epoll_pwait2'),
    // Asking for a limit of its own, never setting one.
    allowWhere('prlimit64', [...isOneOf(0, [0, pid]), ...isNull(2)]),
    allowWhere('prctl', isOneOf(0, PRCTL_NAMES)),
  ];
}

/**
 * A model process after its engine is loaded (DESIGN section 7): it computes, and it reads and writes what is open, which
 * is its pipe. No path can be named, nothing opened or connected, no process started, signalled or looked into.
 */
export function modelFilter(pid: number): Filter {
  return {
    rules: [
      ...computing(pid),
      ...allow('fstat', 'lseek'),
      allowWhere('fcntl', isOneOf(1, [F_GETFD, F_SETFD, F_GETFL])),
    ],
    otherwise: REFUSED,
  };
}

const AF_UNIX = 1;
const O_CREAT = 0o100;
/** FIONBIO and FIOCLEX for the runtime; the NSM's and the SEV guest's one request each. */
const WORKER_IOCTLS = [0x5421, 0x5451, 0xc020_0a00, 0xc020_5300];

/**
 * The worker: it also listens on its link, meets its model processes and speaks to the attestation device. It reads files
 * that exist and creates none but sockets and the directory of a report. It cannot start a process, load code, look into
 * another process or reach a network.
 */
export function workerFilter(pid: number): Filter {
  return {
    rules: [
      ...computing(pid),
      ...allow('fstat', 'lseek', 'fcntl', 'dup', 'dup3', 'eventfd2', 'epoll_create1', 'pipe2', 'pread64', 'pwrite64'),
      allowWhere('openat', hasBits(2, O_CREAT, 0)),
      ...allow('newfstatat', 'statx', 'statfs', 'fstatfs', 'access', 'readlink', 'getcwd', 'getdents64'),
      ...allow('mkdir', 'mkdirat', 'rmdir', 'unlink', 'unlinkat', 'chmod'),
      allowWhere('ioctl', isOneOf(1, WORKER_IOCTLS)),
      allowWhere('socket', isOneOf(0, [AF_UNIX])),
      ...allow('connect', 'bind', 'listen', 'accept', 'accept4', 'getsockname', 'getpeername', 'getsockopt'),
      ...allow('setsockopt'),
    ],
    otherwise: REFUSED,
  };
}
