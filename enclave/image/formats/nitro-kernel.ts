import { equalBytes } from '../../../wire/bytes.ts';
import { ImageError } from '../errors.ts';
import { type BzImage, readBzImage, unpackKernel } from './bzimage.ts';
import { findEmbeddedConfig, type KernelConfig, parseKernelConfig } from './kernel-config.ts';

export interface NitroKernelInput {
  readonly kernel: Uint8Array;
  /** The configuration beside the kernel, pinned by digest like it; null when the kernel must carry its own. */
  readonly configFile: Uint8Array | null;
  /** Modules in the ramdisk, by name: "nsm" for nsm.ko. */
  readonly modules: ReadonlySet<string>;
}

export interface NitroKernel {
  readonly image: BzImage;
  readonly config: KernelConfig;
  readonly configSource: 'embedded' | 'file';
}

/** NSM is in the kernel since 6.8 (drivers/misc/nsm.c); AWS's own driver for older ones leaks and is not supported. */
const OLDEST = { major: 6, minor: 8 } as const;

interface Requirement {
  readonly option: string;
  readonly why: string;
  /** What must be in the ramdisk when the option is a module; null where a module would come too late. */
  readonly modules: readonly string[] | null;
}

/**
 * What the hypervisor's devices and our own programs need. Devices sit on a virtio-mmio bus that is described on the
 * command line: the kernel reads that itself only if the bus is built in (a module would get its parameters from
 * modprobe, which our images do not have). The drivers on that bus may be modules if the ramdisk brings them.
 */
const requirements: readonly Requirement[] = [
  { option: 'VIRTIO_MMIO', why: 'the bus of all Nitro devices', modules: null },
  { option: 'VIRTIO_MMIO_CMDLINE_DEVICES', why: 'how the hypervisor tells where they are', modules: null },
  { option: 'VSOCKETS', why: 'the only way out of an enclave', modules: ['vsock'] },
  {
    option: 'VIRTIO_VSOCKETS',
    why: 'the only way out of an enclave',
    modules: ['vmw_vsock_virtio_transport_common', 'vmw_vsock_virtio_transport'],
  },
  { option: 'NSM', why: 'attestation', modules: ['nsm'] },
  { option: 'BLK_DEV_INITRD', why: 'the ramdisks', modules: null },
  { option: 'BINFMT_ELF', why: 'programs', modules: null },
  { option: 'DEVTMPFS', why: '/dev/nsm, whose number is given when the driver starts', modules: null },
  { option: 'UNIX', why: 'sockets between the processes of the worker', modules: null },
  { option: 'SECCOMP_FILTER', why: 'the confinement of models', modules: null },
];

/**
 * Refuses a kernel that would boot in an emulator and not as an enclave. It guards against mistakes, not against
 * whoever built the kernel: a configuration is a claim, and the measured bytes are what counts.
 */
export function requireNitroKernel({ kernel, configFile, modules }: NitroKernelInput): NitroKernel {
  const image = readBzImage(kernel);
  const { major, minor, text } = image.release;
  if (major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)) {
    throw new ImageError('kernel_too_old', `${text.slice(0, 64)}; ${OLDEST.major}.${OLDEST.minor} has the NSM driver`);
  }
  const { bytes, source } = chooseConfig(image, configFile);
  const config = parseKernelConfig(bytes);
  // Distributions count their own patch levels, so that no more than these two numbers agree in honest pairs.
  if (config.release === null ? source === 'file' : config.release.major !== major || config.release.minor !== minor) {
    throw new ImageError('kernel_config_mismatch', `the configuration is not one of Linux ${major}.${minor}`);
  }
  for (const requirement of requirements) requireOption(config, requirement, modules);
  return { image, config, configSource: source };
}

function chooseConfig(
  image: BzImage,
  configFile: Uint8Array | null,
): { readonly bytes: Uint8Array; readonly source: NitroKernel['configSource'] } {
  const isReadable = image.compression === 'gzip' || image.compression === 'none';
  if (!isReadable && configFile !== null) return { bytes: configFile, source: 'file' };
  const embedded = findEmbeddedConfig(unpackKernel(image));
  if (embedded === null) {
    if (configFile !== null) return { bytes: configFile, source: 'file' };
    throw new ImageError('kernel_config_absent', 'built without IKCONFIG: its configuration must lie beside it');
  }
  if (configFile !== null && !equalBytes(configFile, embedded)) {
    throw new ImageError('kernel_config_mismatch', 'the file is not the configuration that the kernel carries');
  }
  return { bytes: embedded, source: 'embedded' };
}

function requireOption(config: KernelConfig, requirement: Requirement, inRamdisk: ReadonlySet<string>): void {
  const { option, why, modules } = requirement;
  const value = config.options.get(option);
  if (value === 'y') return;
  if (value !== 'm' || modules === null) {
    const found = value === 'm' ? 'is a module' : 'is off';
    throw new ImageError('kernel_option_missing', `${option} ${found}; needed for ${why}`, { name: option });
  }
  const missing = modules.find((module) => !inRamdisk.has(module));
  if (missing !== undefined) {
    throw new ImageError('kernel_module_missing', `${option} is a module that the ramdisk lacks`, { name: missing });
  }
}
