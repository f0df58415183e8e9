import { toHex } from '../../wire/bytes.ts';
import type { CpioEntry } from './formats/cpio.ts';
import { writeCpio } from './formats/cpio-write.ts';
import { writeEif } from './formats/eif-write.ts';
import { type EifMeasurements, measureSections } from './formats/pcr.ts';
import { emptyFolders, type FileMode, type Flavour, recipes, type Variant } from './recipe.ts';

/** A file on its way into a ramdisk. */
export interface ImagePart {
  readonly path: string;
  readonly mode: FileMode;
  readonly bytes: Uint8Array;
}

export interface ImageParts {
  readonly flavour: Flavour;
  readonly variant: Variant;
  readonly kernel: Uint8Array;
  readonly kernelVersion: string;
  readonly boot: readonly ImagePart[];
  readonly app: readonly ImagePart[];
  /** What the image says of itself, unmeasured: with which lock it can be built again. */
  readonly lockSha256: Uint8Array;
}

/** The parts of an image as they are measured, and the file that holds them. */
export interface AssembledImage {
  readonly flavour: Flavour;
  readonly variant: Variant;
  /** Also of an image that no Nitro machine starts: two builds are compared in this one form. */
  readonly eif: Uint8Array;
  readonly kernel: Uint8Array;
  readonly commandLine: string;
  readonly ramdisks: readonly [boot: Uint8Array, app: Uint8Array];
  readonly measurements: EifMeasurements;
}

/** What AWS's builder writes where it is told nothing; nitro-cli takes both from its own arguments. */
const DEFAULT_MEMORY_BYTES = 1n << 30n;
const DEFAULT_CPUS = 2n;
/** Nobody but the kernel and init owns anything here, and root writes where it likes: this is for the worker's users. */
const SEALED_FOLDER = 0o555;

/**
 * The bytes of an image follow from its parts and nothing else: paths are sorted, owners and times are zero, ramdisks
 * are not compressed (decompressing costs seconds where they boot, and compressors differ).
 */
export function assembleImage(parts: ImageParts): AssembledImage {
  const { flavour, variant, kernel } = parts;
  const { commandLine } = recipes[flavour];
  const mountPoints = emptyFolders.map(
    (path): CpioEntry => ({ kind: 'directory', path: path.slice(1), permissions: SEALED_FOLDER }),
  );
  const boot = writeCpio([...mountPoints, ...parts.boot.map(entryOf)]);
  const app = writeCpio(parts.app.map(entryOf));
  const ramdisks = [boot, app] as const;
  const eif = writeEif({
    architecture: 'x86_64',
    defaultMemoryBytes: DEFAULT_MEMORY_BYTES,
    defaultCpus: DEFAULT_CPUS,
    kernel,
    commandLine,
    ramdisks,
    metadata: metadataOf(parts),
    signature: null,
  });
  const measurements = measureSections({ kernel, commandLine: new TextEncoder().encode(commandLine), ramdisks });
  return { flavour, variant, eif, kernel, commandLine, ramdisks, measurements };
}

export function imageName({ flavour, variant }: Pick<ImageParts, 'flavour' | 'variant'>): string {
  return variant === 'debug' ? `proofmark-${flavour}-debug` : `proofmark-${flavour}`;
}

function entryOf({ path, mode, bytes }: ImagePart): CpioEntry {
  return { kind: 'file', path: path.slice(1), permissions: mode, content: bytes };
}

function metadataOf(parts: ImageParts): Parameters<typeof writeEif>[0]['metadata'] {
  const { kernelVersion, lockSha256 } = parts;
  return {
    ImageName: imageName(parts),
    ImageVersion: '1',
    BuildMetadata: {
      BuildTime: '1970-01-01T00:00:00+00:00',
      BuildTool: 'proofmark image build',
      BuildToolVersion: '1',
      OperatingSystem: 'Linux',
      KernelVersion: kernelVersion,
    },
    DockerInfo: {},
    CustomMetadata: { lockSha256: toHex(lockSha256) },
  };
}
