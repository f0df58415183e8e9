import { ImageError } from '../../enclave/image/errors.ts';
import { exitCode, JudgedError, UsageError } from '../exit-codes.ts';
import { imageBuild, imageVerify } from '../image/build-commands.ts';
import { imageFetch, imageLock } from '../image/inputs-commands.ts';
import { imageDescribe, imageMeasure } from '../image/measure-commands.ts';
import { didYouMean } from '../nearest.ts';
import type { Command, CommandContext } from './context.ts';

export const imageUsage = `proofmark image build --flavour vm|nitro|snp [--lock FILE] --out DIR [--kernel FILE [--kernel-config FILE]]
                      [--debug] [--split]
  Builds an enclave image from pinned inputs: image.eif, measurements.json for policies, the list of its parts
  (CycloneDX) and a statement of where it comes from (in-toto). Instead of image.eif, snp writes kernel, initrd and
  cmdline, as a measured direct boot takes them; --split writes them beside it. Nitro and snp images need a kernel of
  your own, 6.8 and 6.7 or later. --debug shows on the console what the worker says, and measures differently: it runs
  under no policy but one that names it.

proofmark image verify FILE|DIR --flavour vm | --lock FILE [--debug]
  Builds again and compares byte for byte; says where the first difference is. Exits 20 where there is one.

proofmark image fetch --flavour vm | --lock FILE [--from DIR] [--kernel FILE [--kernel-config FILE]]
  Fills the store of inputs, by this machine's apt and npm or from a folder of archives, and with a kernel that a lock
  pins and no mirror has. Nothing unpinned gets in.

proofmark image lock --flavour vm|nitro|snp --out FILE [--kernel FILE [--kernel-config FILE]]
  Writes a new lock from what the mirrors offer now.

proofmark image describe FILE [--files]
proofmark image measure FILE
proofmark image measure --snp --ovmf FILE --vcpus N --vcpu-type TYPE [--kernel FILE [--initrd FILE] [--append TEXT]]
                        [--guest-features 0x1] [--hypervisor qemu|ec2|gce]
  What any EIF holds and measures, and the launch digest of an SEV-SNP guest. Exits 10 where the file is malformed.
  All take --json; the first four take --store DIR.`;

const commands: Readonly<Record<string, Command>> = {
  build: imageBuild,
  verify: imageVerify,
  fetch: imageFetch,
  lock: imageLock,
  describe: imageDescribe,
  measure: imageMeasure,
};

/** Commands whose input may be anybody's file: what is wrong with that is a verdict. */
const judges: ReadonlySet<string> = new Set(['verify', 'describe', 'measure']);

export async function image(context: CommandContext): Promise<number> {
  const [name = '', ...args] = context.args;
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    const known = Object.keys(commands);
    throw new UsageError(`image ${known.join('|')}, not "${name}"${didYouMean(name, known)}`);
  }
  try {
    return await command({ ...context, args });
  } catch (error) {
    if (!(error instanceof ImageError) || !judges.has(name)) throw error;
    throw new JudgedError(error.code, error.message, { exit: exitCode.malformed, cause: error });
  }
}
