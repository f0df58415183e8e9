import { utf8 } from '../../wire/bytes.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import type { BuiltImage } from './build.ts';
import { type MeasurementsFile, measurementsOf } from './measurements.ts';
import { sbomOf } from './sbom.ts';
import { type Provenance, statementOf } from './statement.ts';

export const outputNames = {
  eif: 'image.eif',
  measurements: 'measurements.json',
  sbom: 'sbom.cdx.json',
  statement: 'statement.intoto.json',
  kernel: 'kernel',
  initrd: 'initrd',
  commandLine: 'cmdline',
} as const;

/** A file beside others in a folder. Large ones are in pieces, so that nothing is copied to write them. */
export interface OutputFile {
  readonly name: string;
  readonly pieces: readonly Uint8Array[];
}

/** What a machine starts: one file for a Nitro loader, three for the measured direct boot of SEV-SNP. */
function bootFilesOf(image: BuiltImage): readonly OutputFile[] {
  return image.flavour === 'snp' ? directBootOf(image) : [{ name: outputNames.eif, pieces: [image.eif] }];
}

/** Everything that a build writes: the image, what it measures, what is in it, and where it comes from. */
export function outputsOf(image: BuiltImage, provenance: Provenance): readonly OutputFile[] {
  return [...bootFilesOf(image), ...descriptionsOf(image, provenance)];
}

export function descriptionsOf(image: BuiltImage, provenance: Provenance): readonly OutputFile[] {
  const measurements = measurementsOf(image);
  const measurementsText = render(asJson(measurements));
  return [
    { name: outputNames.measurements, pieces: [utf8(measurementsText)] },
    { name: outputNames.sbom, pieces: [utf8(render(sbomOf(image, provenance.packages)))] },
    {
      name: outputNames.statement,
      pieces: [utf8(render(statementOf(image, { measurements, measurementsText, provenance })))],
    },
  ];
}

function asJson(measurements: MeasurementsFile): JsonValue {
  if (measurements.tee === 'amd-sev-snp') return { ...measurements };
  return { ...measurements, images: measurements.images.map((entry) => ({ ...entry })) };
}

/**
 * The same image as a loader takes it that knows no EIF: a measured direct boot of SEV-SNP gives these three to OVMF. Both
 * ramdisks are one file there, which the kernel unpacks one after the other.
 */
export function directBootOf({ kernel, ramdisks, commandLine }: BuiltImage): readonly OutputFile[] {
  return [
    { name: outputNames.kernel, pieces: [kernel] },
    { name: outputNames.initrd, pieces: ramdisks },
    // Without a line feed: the launch digest covers these bytes and the NUL behind them.
    { name: outputNames.commandLine, pieces: [utf8(commandLine)] },
  ];
}

function render(value: JsonValue): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
