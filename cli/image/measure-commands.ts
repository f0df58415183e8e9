import { ImageError } from '../../enclave/image/errors.ts';
import { sha256 } from '../../enclave/image/files.ts';
import { readCpio } from '../../enclave/image/formats/cpio-read.ts';
import { describeEif, type EifDescription } from '../../enclave/image/formats/eif-describe.ts';
import { readEif } from '../../enclave/image/formats/eif-read.ts';
import { snpLaunchDigest } from '../../enclave/image/formats/snp-launch.ts';
import { vcpuSignatureOf } from '../../enclave/image/formats/vcpu-types.ts';
import type { Hypervisor } from '../../enclave/image/formats/vmsa.ts';
import { nitroImageId, policyImage, snpImageId } from '../../enclave/image/measurements.ts';
import { toHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { exitCode, UsageError } from '../exit-codes.ts';
import { heading, jsonLine, rowLines } from '../report.ts';
import { noPositionals, onePositional, requiredOption } from './options.ts';
import { readBounded } from './read.ts';

const describeOptions = { files: { type: 'boolean' }, json: { type: 'boolean' } } as const;

interface RamdiskFile {
  readonly path: string;
  readonly kind: string;
  readonly bytes: number;
  readonly sha256: string | null;
}

/** Everything that can be said of an image without running it. Metadata is its builder's talk, and shown as that. */
export async function imageDescribe(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, describeOptions);
  const bytes = await readBounded(onePositional(parsed, 'image'), limits.eifBytes);
  const description = describeEif(bytes);
  const ramdisks = parsed.values['files'] === true ? readEif(bytes).ramdisks.map(ramdiskFiles) : null;
  if (parsed.values['json'] === true) {
    context.write(jsonLine(JSON.stringify({ ...describedJson(description), ramdisks })));
    return exitCode.accepted;
  }
  const { sections, signature, commandLine, metadata } = description;
  context.write(heading('Image', context.style) + rowLines(measurementRows(description)));
  context.write(heading('Sections', context.style));
  context.write(rowLines(sections.map(({ type, offset, size }) => [type, `${size} bytes at ${offset}`])));
  context.write(rowLines([['command', commandLine]]));
  if (signature !== null) {
    const { subject, issuer, algorithm, notAfter, verdict } = signature;
    context.write(heading('Signature (nobody checked who issued the certificate)', context.style));
    context.write(
      rowLines([
        ['verdict', verdict],
        ['subject', subject],
        ['issuer', issuer],
        ['algorithm', `${algorithm}, certificate until ${notAfter}`],
      ]),
    );
  }
  if (metadata !== null) {
    context.write(heading('Its builder says (not measured)', context.style));
    context.write(rowLines([['metadata', JSON.stringify(metadata)]]));
  }
  for (const [index, files] of (ramdisks ?? []).entries()) {
    context.write(heading(`Ramdisk ${index}`, context.style));
    if (files === null) context.write(rowLines([['', 'no plain cpio archive']]));
    else
      context.write(rowLines(files.map(({ path, bytes: size, sha256: digest }) => [path, `${size} ${digest ?? ''}`])));
  }
  return exitCode.accepted;
}

function ramdiskFiles(ramdisk: Uint8Array): readonly RamdiskFile[] | null {
  try {
    return readCpio(ramdisk).map(({ entry }) => ({
      path: `/${entry.path}`,
      kind: entry.kind,
      bytes: entry.kind === 'file' ? entry.content.length : 0,
      sha256: entry.kind === 'file' ? toHex(sha256(entry.content)) : null,
    }));
  } catch (error) {
    // Images of others compress theirs.
    if (error instanceof ImageError) return null;
    throw error;
  }
}

function measurementRows(description: EifDescription): readonly (readonly [string, string])[] {
  const { pcr8, minimumMemoryMib, fileBytes, version, architecture } = description;
  const { pcr0, pcr1, pcr2 } = policyImage(description);
  return [
    ['image', nitroImageId(description)],
    ['  PCR0', pcr0],
    ['  PCR1', pcr1],
    ['  PCR2', pcr2],
    ['  PCR8', pcr8 === null ? 'not signed' : toHex(pcr8)],
    ['format', `EIF ${version}, ${architecture}`],
    ['size', `${fileBytes} bytes`],
    ['memory', `at least ${minimumMemoryMib} MiB to start`],
  ];
}

function measuredJson(description: EifDescription): Readonly<Record<string, unknown>> {
  const { pcr8, minimumMemoryMib } = description;
  return {
    tee: 'aws-nitro',
    imageId: nitroImageId(description),
    images: [policyImage(description)],
    pcr8: pcr8 === null ? null : toHex(pcr8),
    minimumMemoryMib,
  };
}

function describedJson(description: EifDescription): Readonly<Record<string, unknown>> {
  const { signature, defaultCpus, defaultMemoryBytes } = description;
  const { version, architecture, fileBytes, commandLine, sections, metadata } = description;
  return {
    ...measuredJson(description),
    version,
    architecture,
    fileBytes,
    defaultMemoryBytes: String(defaultMemoryBytes),
    defaultCpus: String(defaultCpus),
    commandLine,
    sections,
    signature:
      signature === null
        ? null
        : {
            ...signature,
            certificate: toHex(signature.certificate),
            pcr8: toHex(signature.pcr8),
            signedPcr0: toHex(signature.signedPcr0),
          },
    metadata,
  };
}

const measureOptions = {
  snp: { type: 'boolean' },
  ovmf: { type: 'string' },
  kernel: { type: 'string' },
  initrd: { type: 'string' },
  append: { type: 'string' },
  vcpus: { type: 'string' },
  'vcpu-type': { type: 'string' },
  'guest-features': { type: 'string' },
  hypervisor: { type: 'string' },
  json: { type: 'boolean' },
} as const;

/** What a document or a report says of an image that is launched so. */
export async function imageMeasure(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, measureOptions);
  return parsed.values['snp'] === true ? measureSnp(context, parsed) : measureEif(context, parsed);
}

async function measureEif(context: CommandContext, parsed: Parsed): Promise<number> {
  const stray = Object.keys(parsed.values).find((name) => name !== 'json');
  if (stray !== undefined) throw new UsageError(`--${stray} goes with --snp`);
  const description = describeEif(await readBounded(onePositional(parsed, 'image'), limits.eifBytes));
  context.write(
    parsed.values['json'] === true
      ? jsonLine(JSON.stringify(measuredJson(description)))
      : rowLines(measurementRows(description)),
  );
  return exitCode.accepted;
}

async function measureSnp(context: CommandContext, parsed: Parsed): Promise<number> {
  noPositionals(parsed);
  const firmware = await readBounded(requiredOption(parsed, 'ovmf'), limits.firmwareBytes);
  const boot = await directBoot(parsed);
  const digest = asked(() =>
    snpLaunchDigest(firmware, {
      directBoot: boot,
      vcpus: numberOption(requiredOption(parsed, 'vcpus'), 'vcpus'),
      vcpuSignature: vcpuSignatureOf(requiredOption(parsed, 'vcpu-type')),
      guestFeatures: featuresOption(textOption(parsed, 'guest-features') ?? '0x1'),
      hypervisor: hypervisorOption(textOption(parsed, 'hypervisor') ?? 'qemu'),
    }),
  );
  const measurement = toHex(digest);
  const imageId = snpImageId(digest);
  context.write(
    parsed.values['json'] === true
      ? jsonLine(JSON.stringify({ tee: 'amd-sev-snp', imageId, measurements: [measurement] }))
      : rowLines([
          ['image', imageId],
          ['  measurement', measurement],
        ]),
  );
  return exitCode.accepted;
}

async function directBoot(parsed: Parsed): Promise<Parameters<typeof snpLaunchDigest>[1]['directBoot']> {
  const [kernel, initrd] = [textOption(parsed, 'kernel'), textOption(parsed, 'initrd')];
  const commandLine = textOption(parsed, 'append');
  if (kernel === undefined) {
    if (initrd !== undefined || commandLine !== undefined)
      throw new UsageError('--initrd and --append go with --kernel');
    return null;
  }
  return {
    kernel: await readBounded(kernel, limits.kernelBytes),
    initrd: initrd === undefined ? new Uint8Array(0) : await readBounded(initrd, limits.eifBytes),
    commandLine: commandLine ?? '',
  };
}

/** What the options say can be wrong as well as what a file holds. */
function asked<T>(measure: () => T): T {
  try {
    return measure();
  } catch (error) {
    const isQuestion = error instanceof ImageError && ['launch_invalid', 'vcpu_type_unknown'].includes(error.code);
    throw isQuestion ? new UsageError(error.message) : error;
  }
}

function numberOption(text: string, name: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new UsageError(`--${name} ${text} is not a number`);
  return Number(text);
}

function featuresOption(text: string): bigint {
  if (!/^0x[0-9a-f]{1,16}$/i.test(text)) throw new UsageError('--guest-features is hexadecimal, as in 0x1');
  return BigInt(text);
}

function hypervisorOption(text: string): Hypervisor {
  const hypervisors = ['qemu', 'ec2', 'gce'] as const;
  const found = hypervisors.find((name) => name === text);
  if (found === undefined) throw new UsageError(`--hypervisor is ${hypervisors.join(', ')}`);
  return found;
}
