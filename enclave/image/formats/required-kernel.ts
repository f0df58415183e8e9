import { equalBytes } from '../../../wire/bytes.ts';
import { ImageError } from '../errors.ts';
import { type BzImage, readBzImage, unpackKernel } from './bzimage.ts';
import { findEmbeddedConfig, type KernelConfig, parseKernelConfig } from './kernel-config.ts';

export interface KernelInput {
  readonly kernel: Uint8Array;
  /** The configuration beside the kernel, pinned by digest like it; null when the kernel must carry its own. */
  readonly configFile: Uint8Array | null;
  /** Modules in the ramdisk, by name: "nsm" for nsm.ko. */
  readonly modules: ReadonlySet<string>;
}

export interface AcceptedKernel {
  readonly image: BzImage;
  readonly config: KernelConfig;
  readonly configSource: 'embedded' | 'file';
}

export interface KernelNeeds {
  readonly oldest: { readonly major: number; readonly minor: number; readonly why: string };
  readonly options: readonly NeededOption[];
}

interface NeededOption {
  readonly option: string;
  readonly why: string;
  /** What must be in the ramdisk when the option is a module; null where a module would come too late. */
  readonly modules: readonly string[] | null;
}

/** What every image needs, whatever it runs on. */
const commonOptions: readonly NeededOption[] = [
  { option: 'BLK_DEV_INITRD', why: 'the ramdisks', modules: null },
  { option: 'BINFMT_ELF', why: 'programs', modules: null },
  { option: 'DEVTMPFS', why: 'devices whose numbers are given when their drivers start', modules: null },
  { option: 'UNIX', why: 'sockets between the processes of the worker', modules: null },
  { option: 'SECCOMP_FILTER', why: 'the confinement of models', modules: null },
];

/**
 * Refuses a kernel that would boot in an emulator and not where it is meant to. It guards against mistakes, not against
 * whoever built the kernel: a configuration is a claim, and the measured bytes are what counts.
 */
export function requireKernel({ kernel, configFile, modules }: KernelInput, needs: KernelNeeds): AcceptedKernel {
  const image = readBzImage(kernel);
  const { major, minor, text } = image.release;
  const { oldest } = needs;
  if (major < oldest.major || (major === oldest.major && minor < oldest.minor)) {
    throw new ImageError('kernel_too_old', `${text.slice(0, 64)}; ${oldest.major}.${oldest.minor} has ${oldest.why}`);
  }
  const { bytes, source } = chooseConfig(image, configFile);
  const config = parseKernelConfig(bytes);
  // Distributions count their own patch levels, so that no more than these two numbers agree in honest pairs.
  if (config.release === null ? source === 'file' : config.release.major !== major || config.release.minor !== minor) {
    throw new ImageError('kernel_config_mismatch', `the configuration is not one of Linux ${major}.${minor}`);
  }
  for (const option of [...needs.options, ...commonOptions]) requireOption(config, option, modules);
  return { image, config, configSource: source };
}

function chooseConfig(
  image: BzImage,
  configFile: Uint8Array | null,
): { readonly bytes: Uint8Array; readonly source: AcceptedKernel['configSource'] } {
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

function requireOption(config: KernelConfig, needed: NeededOption, inRamdisk: ReadonlySet<string>): void {
  const { option, why, modules } = needed;
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
