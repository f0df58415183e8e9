import { type Flavour, modulePath, type Variant, vmModules } from './recipe.ts';

/**
 * What `/init` does, one directive a line, words separated by one space; it is part of the image and so measured. The
 * first line names the version. Nothing is quoted, nothing is expanded, and what init does not know it refuses:
 *
 *   debug                                   shows on the console what programs say, which otherwise goes nowhere
 *   mount proc|sysfs|configfs|tmpfs PATH    nosuid, nodev, noexec; sysfs read-only; /dev is always there
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
 * choice (enclave/worker/confine/plan.ts), which also hands the device and the folders to it; a test compares. Where
 * reports are files, each new one is root's: there the worker stays root, without capabilities.
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

/** What vouches for the worker: the device that init waits for, and how the worker gets at it. */
interface Evidence {
  readonly device: string;
  /** In the order in which they are tried. */
  readonly attesters: readonly string[];
  readonly workerUser: number;
}

const NSM: Evidence = { device: '/dev/nsm', attesters: ['nsm-device:/dev/nsm'], workerUser: users.worker };

/** One driver gives both, and its device last: once that is there, so is the folder (Linux, sev_guest_probe). */
const SEV_GUEST: Evidence = {
  device: '/dev/sev-guest',
  attesters: ['snp-configfs:/sys/kernel/config/tsm/report', 'snp-device:/dev/sev-guest'],
  workerUser: 0,
};

const evidenceOf: Readonly<Record<Flavour, Evidence>> = { vm: NSM, nitro: NSM, snp: SEV_GUEST };

const launcher = (flavour: Flavour): readonly string[] => [
  '/bin/node',
  '/app/worker.mjs',
  'launcher',
  ...['--link', LINK_SOCKET],
  ...evidenceOf[flavour].attesters.flatMap((attester) => ['--attester', attester]),
  ...['--private', PRIVATE_FOLDER],
];

export interface InitListOptions {
  readonly variant?: Variant;
  /** For tests: another program in the launcher's place. */
  readonly main?: readonly string[];
}

export function initList(flavour: Flavour, options: InitListOptions = {}): string {
  const { variant = 'production', main = launcher(flavour) } = options;
  return initListOf([
    ...(variant === 'debug' ? ['debug'] : []),
    ...beforeTheDevice[flavour],
    ...beforeTheWorker(flavour),
    `run ${main.join(' ')}`,
    ...toTheHost(flavour),
  ]);
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
  snp: [...mounts, 'mount configfs /sys/kernel/config'],
};

const beforeTheWorker = (flavour: Flavour): readonly string[] => [
  // AWS's driver lets everybody in, the others root alone: from here on the same, and the launcher hands it over.
  `await ${evidenceOf[flavour].device}`,
  `own ${evidenceOf[flavour].device} 0 0 0600`,
  `folder ${LINK_FOLDER} 0 0 0700`,
  `folder ${PRIVATE_FOLDER} 0 0 0700`,
  'kernel dmesg_restrict 1',
  'seal',
];

/** Only once the worker listens: whoever gets through from outside reaches it. The bridge passes its folder, a model not. */
const toTheHost = (flavour: Flavour): readonly string[] => [
  `await ${LINK_SOCKET}`,
  `own ${LINK_FOLDER} ${evidenceOf[flavour].workerUser} ${users.bridge} 0710`,
  ...(flavour === 'nitro'
    ? [`bridge-vsock ${workerVsockPort} ${PARENT_CID} ${LINK_SOCKET} ${users.bridge}`]
    : [`await ${serialPorts.link}`, `bridge-port ${serialPorts.link} ${LINK_SOCKET} ${users.bridge}`]),
];
