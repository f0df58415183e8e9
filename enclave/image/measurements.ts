import { createHash } from 'node:crypto';
import { toHex } from '../../wire/bytes.ts';
import { imagePreimage } from '../../wire/message/identity.ts';
import type { BuiltImage } from './build.ts';
import { minimumMemoryMib } from './formats/eif-describe.ts';
import type { EifMeasurements } from './formats/pcr.ts';
import type { Flavour, Variant } from './recipe.ts';

/** An entry of `images` in a policy for Nitro documents. */
export interface PolicyImage {
  readonly pcr0: string;
  readonly pcr1: string;
  readonly pcr2: string;
}

/** What a build writes beside an image, in the form of attestations/schemas/proofmark-measurements.schema.json. */
export type MeasurementsFile = NitroMeasurements | SnpMeasurements;

interface MeasuredParts {
  readonly format: 'proofmark measurements v1';
  readonly variant: Variant;
  /** For a measured direct boot: the launch digest of SEV-SNP covers their SHA-256 digests. */
  readonly kernel: { readonly sha256: string; readonly bytes: number };
  readonly initrd: { readonly sha256: string; readonly bytes: number };
  readonly commandLine: string;
}

/** `images` is what a policy takes over; it says nothing of whether the image deserves that. */
export interface NitroMeasurements extends MeasuredParts {
  readonly tee: 'aws-nitro';
  readonly flavour: Exclude<Flavour, 'snp'>;
  readonly imageId: string;
  readonly images: readonly PolicyImage[];
  readonly eif: { readonly sha256: string; readonly bytes: number };
  readonly minimumMemoryMib: number;
}

/**
 * No launch digest: that is also one of the firmware, and of how many processors of which kind the machine starts with.
 * `image measure --snp` computes it for a launch.
 */
export interface SnpMeasurements extends MeasuredParts {
  readonly tee: 'amd-sev-snp';
  readonly flavour: 'snp';
}

export function measurementsOf(image: BuiltImage): MeasurementsFile {
  const { flavour, variant, eif, kernel, ramdisks, commandLine, measurements } = image;
  const parts = { kernel: digestOf([kernel]), initrd: digestOf(ramdisks), commandLine };
  const format = 'proofmark measurements v1';
  if (flavour === 'snp') return { format, tee: 'amd-sev-snp', flavour, variant, ...parts };
  return {
    format,
    tee: 'aws-nitro',
    flavour,
    variant,
    imageId: nitroImageId(measurements),
    images: [policyImage(measurements)],
    eif: digestOf([eif]),
    ...parts,
    minimumMemoryMib: minimumMemoryMib(eif.length),
  };
}

export function policyImage({ pcr0, pcr1, pcr2 }: EifMeasurements): PolicyImage {
  return { pcr0: toHex(pcr0), pcr1: toHex(pcr1), pcr2: toHex(pcr2) };
}

/** DESIGN section 3. */
export function nitroImageId({ pcr0, pcr1, pcr2 }: EifMeasurements): string {
  return sha256Hex([imagePreimage('aws-nitro', [pcr0, pcr1, pcr2])]);
}

export function snpImageId(measurement: Uint8Array): string {
  return sha256Hex([imagePreimage('amd-sev-snp', [measurement])]);
}

function digestOf(parts: readonly Uint8Array[]): { readonly sha256: string; readonly bytes: number } {
  return { sha256: sha256Hex(parts), bytes: parts.reduce((sum, { length }) => sum + length, 0) };
}

function sha256Hex(parts: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
}
