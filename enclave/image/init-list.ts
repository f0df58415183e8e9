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
 *   await PATH                              for two minutes at most
 *   seal                                    takes writing from the root
 *   heartbeat CID PORT                      one byte 0xB7 over vsock, and the same byte back
 *   spawn PROGRAM ARGUMENT...               a helper beside the worker
 *   run PROGRAM ARGUMENT...                 the launcher, once
 *   bridge-port DEVICE SOCKET UID           carries a virtio-serial port to the worker's socket (enclave/native/bridge.h)
 *   bridge-vsock PORT CID SOCKET UID        carries connections of that machine alone
 *   end                                     ends the machine: a trial of whether it starts at all
 *
 * The end of whatever a directive started is the end of the machine.
 */
const VERSION = 'proofmark-init 1';

/**
 * Inside an enclave nobody logs in: numbers tell processes apart, and no file names them. The worker's is the launcher's
 * choice (enclave/worker/confine/plan.ts), which also hands the device and the folders to it; a test compares.
 */
export const users = { worker: 500, bridge: 600 } as const;

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
  return initListOf([...beforeTheDevice[flavour], ...beforeTheWorker, `run ${main.join(' ')}`, ...toTheHost[flavour]]);
}

/** For trials and tests: other directives than an image's. */
export function initListOf(directives: readonly string[]): string {
  return [VERSION, ...directives].map((line) => `${line}\n`).join('');
}

const mounts = ['mount proc /proc', 'mount sysfs /sys', 'mount tmpfs /run'] as const;

const beforeTheDevice: Readonly<Record<Flavour, readonly string[]>> = {
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

const beforeTheWorker: readonly string[] = [
  // AWS's driver lets everybody in, a simulated device root alone: from here on the same, and the launcher hands it over.
  `await ${NSM}`,
  `own ${NSM} 0 0 0600`,
  `folder ${LINK_FOLDER} 0 0 0700`,
  `folder ${PRIVATE_FOLDER} 0 0 0700`,
  'kernel dmesg_restrict 1',
  'seal',
];

/** Only once the worker listens: whoever gets through from outside reaches it. The bridge passes its folder, a model not. */
const opening: readonly string[] = [`await ${LINK_SOCKET}`, `own ${LINK_FOLDER} ${users.worker} ${users.bridge} 0710`];

const toTheHost: Readonly<Record<Flavour, readonly string[]>> = {
  vm: [...opening, `await ${serialPorts.link}`, `bridge-port ${serialPorts.link} ${LINK_SOCKET} ${users.bridge}`],
  nitro: [...opening, `bridge-vsock ${workerVsockPort} ${PARENT_CID} ${LINK_SOCKET} ${users.bridge}`],
};
