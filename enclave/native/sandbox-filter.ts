import { constants } from 'node:os';
import { type Action, type Filter, hasBits, isOneOf, type Rule } from '../worker/confine/seccomp.ts';
import { syscalls } from '../worker/confine/syscalls.ts';
import { refusedSyscalls } from './refused-syscalls.ts';

/**
 * Around the whole sandbox of the process tier: launcher, worker and model processes. The latter two put narrower filters
 * on themselves, which allow by name. This one refuses by name, because its program is also the loader of two others and
 * the launcher's `confine`, which makes namespaces and mounts: what is refused is what none of them needs and what has
 * most often been a way out of a sandbox. It is committed as bytes, which bubblewrap takes as they are.
 */
const REFUSED: Action = { errno: constants.errno.EPERM };

const refusedCalls: readonly (keyof typeof refusedSyscalls)[] = [
  // Other processes, their memory and their descriptors.
  ...(['ptrace', 'process_vm_readv', 'process_vm_writev', 'process_madvise', 'process_mrelease', 'kcmp'] as const),
  ...(['pidfd_open', 'pidfd_getfd', 'pidfd_send_signal'] as const),
  // Programs in the kernel and views into it; page faults that a process answers itself make its races winnable.
  ...(['bpf', 'perf_event_open', 'userfaultfd', 'lookup_dcookie', 'syslog'] as const),
  // A second way to make most system calls, past every filter on those.
  ...(['io_uring_setup', 'io_uring_enter', 'io_uring_register'] as const),
  ...(['add_key', 'request_key', 'keyctl'] as const),
  // Another kernel, or more of this one.
  ...(['kexec_load', 'kexec_file_load', 'create_module', 'init_module', 'finit_module', 'delete_module'] as const),
  // All that changes mounts but mount itself, and other roots.
  ...([
    'umount2',
    'pivot_root',
    'chroot',
    'open_tree',
    'move_mount',
    'fsopen',
    'fsconfig',
    'fsmount',
    'fspick',
  ] as const),
  ...(['mount_setattr', 'swapon', 'swapoff', 'quotactl', 'quotactl_fd', 'acct', 'nfsservctl'] as const),
  // Files by handle reach outside of what is mounted.
  ...(['name_to_handle_at', 'open_by_handle_at'] as const),
  // Namespaces that exist already; new ones are made by clone.
  ...(['setns', 'unshare'] as const),
  // The machine: its clock, its name, its ports, its end; and old interfaces that no program here uses.
  ...(['settimeofday', 'clock_settime', 'clock_adjtime', 'adjtimex', 'sethostname', 'setdomainname'] as const),
  ...(['iopl', 'ioperm', 'modify_ldt', 'vhangup', 'reboot', 'uselib', 'personality'] as const),
];

const AF_UNIX = 1;
/** asm-generic/ioctls.h: typing into a terminal, and the same for a console. */
const TIOCSTI = 0x5412;
const TIOCLINUX = 0x541c;

const refusedArguments: readonly Rule[] = [
  {
    call: syscalls.socket,
    cases: [{ tests: isOneOf(0, [AF_UNIX]), action: 'allow' }],
    otherwise: { errno: constants.errno.EAFNOSUPPORT },
  },
  {
    call: refusedSyscalls.socketpair,
    cases: [{ tests: isOneOf(0, [AF_UNIX]), action: 'allow' }],
    otherwise: { errno: constants.errno.EAFNOSUPPORT },
  },
  { call: syscalls.ioctl, cases: [{ tests: isOneOf(1, [TIOCSTI, TIOCLINUX]), action: REFUSED }], otherwise: 'allow' },
  // Its flags are behind a pointer: libraries fall back to clone where the kernel has none.
  { call: syscalls.clone3, cases: [], otherwise: { errno: constants.errno.ENOSYS } },
  // A memory file that is run would be code that nobody measured; execveat with an empty path is the way to run it.
  { call: refusedSyscalls.execveat, cases: [{ tests: hasBits(4, 0x1000, 0), action: 'allow' }], otherwise: REFUSED },
];

export const sandboxFilter: Filter = {
  rules: [
    ...refusedCalls.map((call): Rule => ({ call: refusedSyscalls[call], cases: [], otherwise: REFUSED })),
    ...refusedArguments,
  ],
  otherwise: 'allow',
};
