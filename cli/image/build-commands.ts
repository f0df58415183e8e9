import { mkdir, open, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type MeasurementsFile, measurementsOf } from '../../enclave/image/measurements.ts';
import { descriptionsOf, directBootOf, type OutputFile, outputNames, outputsOf } from '../../enclave/image/outputs.ts';
import { compareImages, compareInitrd, type Difference } from '../../enclave/image/verify.ts';
import { limits } from '../../wire/limits.ts';
import { parseArguments } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { createSteps } from '../progress/steps.ts';
import { heading, jsonLine, printable, rowLines } from '../report.ts';
import { buildFromCheckout, requireCheckout } from './checkout.ts';
import {
  keepGivenKernel,
  lockOption,
  noPositionals,
  onePositional,
  requiredOption,
  storeOption,
  variantOption,
} from './options.ts';
import { readBounded } from './read.ts';

const buildOptions = {
  flavour: { type: 'string' },
  lock: { type: 'string' },
  out: { type: 'string' },
  kernel: { type: 'string' },
  'kernel-config': { type: 'string' },
  debug: { type: 'boolean' },
  split: { type: 'boolean' },
  store: { type: 'string' },
  json: { type: 'boolean' },
} as const;

export async function imageBuild(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, buildOptions);
  noPositionals(parsed);
  const out = requiredOption(parsed, 'out');
  const checkout = requireCheckout();
  const lock = await lockOption(parsed);
  const store = storeOption(parsed);
  await keepGivenKernel(parsed, lock, store);

  const steps = createSteps(context);
  steps.begin(`bundles the worker, and builds a ${lock.flavour} image around it`);
  const build = buildFromCheckout(checkout, { lock, variant: variantOption(parsed), store });
  const { image, provenance } = await build.finally(steps.end);
  const split = parsed.values['split'] === true && lock.flavour !== 'snp';
  const files = [...outputsOf(image, provenance), ...(split ? directBootOf(image) : [])];
  for (const file of files) await save(out, file);

  const measurements = measurementsOf(image);
  if (parsed.values['json'] === true) {
    context.write(jsonLine(JSON.stringify({ out, files: files.map(({ name }) => name), measurements })));
    return exitCode.accepted;
  }
  const what = image.variant === 'debug' ? 'Debug image' : 'Image';
  context.write(heading(`${what} for ${image.flavour}`, context.style));
  context.write(
    rowLines([
      ...measuredRows(measurements),
      ['commit', provenance.source === null ? 'none' : commitWords(provenance.source)],
      ['written', files.map(({ name }) => join(out, name)).join(' ')],
    ]),
  );
  return exitCode.accepted;
}

function measuredRows(measurements: MeasurementsFile): readonly (readonly [string, string])[] {
  if (measurements.tee === 'amd-sev-snp') {
    return [
      ['kernel', measurements.kernel.sha256],
      ['initrd', measurements.initrd.sha256],
      ['cmdline', measurements.commandLine],
      ['measurement', 'of a launch: proofmark image measure --snp'],
    ];
  }
  const [registers] = measurements.images;
  return [
    ['image', measurements.imageId],
    ['  PCR0', registers?.pcr0 ?? ''],
    ['  PCR1', registers?.pcr1 ?? ''],
    ['  PCR2', registers?.pcr2 ?? ''],
    ['size', `${measurements.eif.bytes} bytes`],
    ['memory', `at least ${measurements.minimumMemoryMib} MiB`],
  ];
}

function commitWords({ commit, modified }: { readonly commit: string; readonly modified: boolean }): string {
  return modified ? `${commit}, with changes that it does not have` : commit;
}

/** Under its name only when it is whole, so that no half-written image is taken for one. */
async function save(folder: string, { name, pieces }: OutputFile): Promise<void> {
  const path = join(folder, name);
  const scratch = `${path}.partial`;
  try {
    await mkdir(folder, { recursive: true });
    const file = await open(scratch, 'w');
    try {
      for (const piece of pieces) await file.writeFile(piece);
    } finally {
      await file.close();
    }
    await rename(scratch, path);
  } catch (error) {
    await rm(scratch, { force: true });
    throw new CommandError(`cannot write ${path}: ${(error as Error).message}`);
  }
}

const verifyOptions = {
  flavour: { type: 'string' },
  lock: { type: 'string' },
  debug: { type: 'boolean' },
  store: { type: 'string' },
  json: { type: 'boolean' },
} as const;

interface FileVerdict {
  readonly name: string;
  readonly difference: Difference | null;
}

/** Builds again and compares byte for byte. A folder is compared with everything that a build writes. */
export async function imageVerify(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, verifyOptions);
  const target = onePositional(parsed, 'image, or folder that a build wrote');
  const lock = await lockOption(parsed);
  const isFolder = await isDirectory(target);
  if (!isFolder && lock.flavour === 'snp') throw new UsageError('an snp image is a folder: kernel, initrd and cmdline');
  const eif =
    lock.flavour === 'snp'
      ? null
      : await readBounded(isFolder ? join(target, outputNames.eif) : target, limits.eifBytes);

  const { image, provenance } = await buildFromCheckout(requireCheckout(), {
    lock,
    variant: variantOption(parsed),
    store: storeOption(parsed),
  });
  const verdicts: FileVerdict[] =
    eif === null ? [] : [{ name: outputNames.eif, difference: compareImages(eif, image.eif) }];
  if (isFolder) {
    for (const file of directBootOf(image)) {
      const path = join(target, file.name);
      // Of other flavours written on request only.
      if (lock.flavour !== 'snp' && !(await exists(path))) continue;
      const isInitrd = file.name === outputNames.initrd && (await exists(path));
      verdicts.push({
        name: file.name,
        difference: isInitrd
          ? compareInitrd(await readBounded(path, limits.eifBytes), image.ramdisks)
          : await compareFile(path, file),
      });
    }
    for (const file of descriptionsOf(image, provenance)) {
      verdicts.push({ name: file.name, difference: await compareFile(join(target, file.name), file) });
    }
  }
  const equal = verdicts.every(({ difference }) => difference === null);
  if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify({ equal, files: verdicts })));
  else context.write(verdicts.map(verdictLine).join(''));
  return equal ? exitCode.accepted : exitCode.untrusted;
}

function verdictLine({ name, difference }: FileVerdict): string {
  if (difference === null) return rowLines([[name, 'the same bytes']]);
  const { section, file, detail } = difference;
  return rowLines([[name, [section, file, detail].filter((word) => word !== null).join(': ')]]);
}

async function compareFile(path: string, { pieces }: OutputFile): Promise<Difference | null> {
  const found = await readFile(path).catch(() => undefined);
  if (found === undefined) return { section: 'file', file: null, detail: 'is missing' };
  const built = Buffer.concat(pieces);
  if (found.equals(built)) return null;
  return { section: 'file', file: null, detail: firstLine(found, built) };
}

/** Descriptions are text, and the line that differs says more than its place. */
function firstLine(found: Buffer, built: Buffer): string {
  if (built.length > limits.imageLockBytes * 16)
    return `${found.length} bytes that differ from the ${built.length} built`;
  const [a, b] = [found, built].map((bytes) => bytes.toString('utf8').split('\n')) as [string[], string[]];
  const line = b.findIndex((text, index) => text !== a[index]);
  const at = line === -1 ? b.length : line;
  return `line ${at + 1} is ${quote(a[at])}, and was built as ${quote(b[at])}`;
}

function quote(line: string | undefined): string {
  return line === undefined ? 'absent' : printable(JSON.stringify(line.trim().slice(0, 160)));
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
