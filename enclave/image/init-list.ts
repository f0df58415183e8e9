import { type Flavour, modulePath, vmModules } from './recipe.ts';

/**
 * What `/init` does, one directive a line, words separated by one space; it is part of the image and so measured. The
 * first line names the version. Nothing is quoted, nothing is expanded, and what init does not know it refuses:
 *
 *   mount proc|sysfs|tmpfs PATH             nosuid, nodev, noexec; sysfs read-only; /dev is always there
 *   folder PATH UID GID MODE                makes one
 *   own PATH UID GID MODE                   of what is there
 *   module PATH                             loads a kernel module
 *   kernel NAME VALUE                       writes /proc/sys/kernel/NAME
 *   await PATH                              for thirty seconds at most
 *   seal                                    takes writing from the root
 *   heartbeat CID PORT                      one byte 0xB7 over vsock, and the same byte back
 *   spawn PROGRAM ARGUMENT...               a helper beside the worker
 *   bridge-port DEVICE SOCKET UID           carries a virtio-serial port to the worker's socket (enclave/native/bridge.h)
 *   bridge-vsock PORT CID SOCKET UID        carries connections of that machine alone
 *   run PROGRAM ARGUMENT...                 the launcher, last
 *   end                                     ends the machine: a trial of whether it starts at all
 *
 * The end of whatever a directive started is the end of the machine.
 */
const VERSION = 'proofmark-init 1';

/** Inside an enclave nobody logs in: these numbers tell processes apart, and no file names them. */
export const users = { worker: 1_001, bridge: 1_003 } as const;

/** On AWS the parent machine has this number, and waits there for a sign of life (aws-nitro-enclaves-sdk-bootstrap, init). */
const PARENT_CID = 3;
const HEARTBEAT_PORT = 9_000;
/** Where the parent reaches the worker. */
export const workerVsockPort = 5_000;

/** Ports of the one virtio-serial device, in the order in which the launcher adds them. */
export const serialPorts = { link: '/dev/vport0p1', nsm: '/dev/vport0p2' } as const;

const LINK_FOLDER = '/run/link';
const LINK_SOCKET = `${LINK_FOLDER}/worker.sock`;
const PRIVATE_FOLDER = '/run/private';
const NSM = '/dev/nsm';

const LAUNCHER = [
  '/bin/node',
  '/app/worker.mjs',
  'launcher',
  ...['--link', LINK_SOCKET],
  ...['--attester', `nsm-device:${NSM}`],
  ...['--private', PRIVATE_FOLDER],
] as const;

export function initList(flavour: Flavour, main: readonly string[] = LAUNCHER): string {
  return initListOf([...beginning[flavour], ...beforeTheWorker(flavour), `run ${main.join(' ')}`]);
}

/** For trials and tests: other directives than an image's. */
export function initListOf(directives: readonly string[]): string {
  return [VERSION, ...directives].map((line) => `${line}\n`).join('');
}

const mounts = ['mount proc /proc', 'mount sysfs /sys', 'mount tmpfs /run'] as const;

const beginning: Readonly<Record<Flavour, readonly string[]>> = {
  vm: [
    ...mounts,
    ...vmModules.map((name) => `module ${modulePath(name)}`),
    // Nothing else becomes part of the kernel, whoever asks.
    'kernel modules_disabled 1',
    'await /dev/cuse',
    `await ${serialPorts.nsm}`,
    `spawn /bin/nsm-cuse ${serialPorts.nsm}`,
  ],
  // The sign of life first: the hypervisor gives up on an enclave that is silent for long.
  nitro: [...mounts, `heartbeat ${PARENT_CID} ${HEARTBEAT_PORT}`],
};

function beforeTheWorker(flavour: Flavour): readonly string[] {
  const bridge: Readonly<Record<Flavour, readonly string[]>> = {
    vm: [`await ${serialPorts.link}`, `bridge-port ${serialPorts.link} ${LINK_SOCKET} ${users.bridge}`],
    nitro: [`bridge-vsock ${workerVsockPort} ${PARENT_CID} ${LINK_SOCKET} ${users.bridge}`],
  };
  return [
    // AWS's driver lets everybody in, a simulated device nobody: in both, the worker alone may use it, and never a model.
    `await ${NSM}`,
    `own ${NSM} 0 ${users.worker} 0660`,
    // The worker listens there, the bridge may pass, and a model may not.
    `folder ${LINK_FOLDER} ${users.worker} ${users.bridge} 0710`,
    `folder ${PRIVATE_FOLDER} ${users.worker} 0 0700`,
    'kernel dmesg_restrict 1',
    'seal',
    ...bridge[flavour],
  ];
}
