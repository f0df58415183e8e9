import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes } from '../../../wire/bytes.ts';
import { limits } from '../../../wire/limits.ts';
import { minimumMemoryMib } from '../../image/formats/eif-describe.ts';
import { readEif } from '../../image/formats/eif-read.ts';
import { type MeasuredSections, measureSections } from '../../image/formats/pcr.ts';
import { SimulatorError } from '../errors.ts';
import type { Measurement } from '../measure.ts';

/** An image that was measured and lies ready to boot, in files that are this user's alone. */
export interface MachineImage {
  readonly measurement: Measurement;
  readonly kernel: string;
  readonly ramdisk: string;
  readonly commandLine: string;
  readonly ramdiskSizes: readonly number[];
  readonly memoryMib: number;
}

/** Less than this leaves node no room beside the ramdisks, whatever their size. */
const LEAST_MEMORY_MIB = 1_024;

/**
 * Reads the file once. What is measured is what is written down and boots, whatever becomes of the file meanwhile. The
 * ramdisks follow each other as they are, as AWS's hypervisor hands them to the kernel.
 */
export async function layOutMachine(eifFile: string, directory: string): Promise<MachineImage> {
  const eif = readEif(await readBounded(eifFile));
  if (eif.architecture !== 'x86_64') throw new SimulatorError('image_unsupported', `made for ${eif.architecture}`);
  // The device would have to answer for the certificate in PCR8, and the simulated one knows no such register.
  if (eif.signature !== null) throw new SimulatorError('image_unsupported', 'signed images run on AWS only');
  const commandLine = Buffer.from(eif.commandLine).toString('latin1');
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const kernel = join(directory, 'kernel');
  const ramdisk = join(directory, 'ramdisk');
  await writeFile(kernel, eif.kernel, { flag: 'wx', mode: 0o400 });
  await writeFile(ramdisk, eif.ramdisks, { flag: 'wx', mode: 0o400 });
  return {
    measurement: measureSections(eif),
    kernel,
    ramdisk,
    commandLine,
    ramdiskSizes: eif.ramdisks.map(({ length }) => length),
    memoryMib: Math.max(LEAST_MEMORY_MIB, minimumMemoryMib(eif.sections.reduce((sum, { size }) => sum + size, 0))),
  };
}

/** Before every further boot: what lies there is still what was measured. */
export async function requireUnchangedMachine(image: MachineImage): Promise<void> {
  const [kernel, ramdisk] = await Promise.all([readFile(image.kernel), readFile(image.ramdisk)]);
  const ramdisks: Uint8Array[] = [];
  let end = 0;
  for (const size of image.ramdiskSizes) {
    ramdisks.push(ramdisk.subarray(end, end + size));
    end += size;
  }
  const sections: MeasuredSections = { kernel, commandLine: Buffer.from(image.commandLine, 'latin1'), ramdisks };
  if (end === ramdisk.length && equalBytes(measureSections(sections).pcr0, image.measurement.pcr0)) return;
  throw new SimulatorError('image_changed', 'the private copy of the image differs from what was measured');
}

async function readBounded(file: string): Promise<Uint8Array> {
  const unreadable = (error: Error): never => {
    throw new SimulatorError('image_unreadable', error.message);
  };
  const { size } = await stat(file).catch(unreadable);
  if (size > limits.eifBytes) throw new SimulatorError('image_unreadable', `${file} has ${size} bytes`);
  return readFile(file).catch(unreadable);
}
