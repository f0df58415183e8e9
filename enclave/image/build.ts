import { readdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { equalBytes, utf8 } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { type AssembledImage, assembleImage, type ImagePart, type ImageParts } from './assemble.ts';
import { ImageBuildError } from './build-error.ts';
import { changed, hashFile, readPart, sha256 } from './files.ts';
import { type BzImage, readBzImage } from './formats/bzimage.ts';
import { requireNitroKernel } from './formats/nitro-kernel.ts';
import { requireSnpKernel } from './formats/snp-kernel.ts';
import { initList } from './init-list.ts';
import { type InputStore, readInput } from './inputs.ts';
import { type ImageLock, lockedFiles, renderImageLock } from './lock.ts';
import {
  type Flavour,
  initListPath,
  type OwnPart,
  recipes,
  type Variant,
  workerNative,
  workerParts,
} from './recipe.ts';

export interface BuildSources {
  readonly lock: ImageLock;
  readonly variant: Variant;
  readonly store: InputStore;
  /** The folder of native programs, committed as they were built. */
  readonly nativeFolder: string;
  /** What the worker's bundler wrote: the program and the native code beside it. */
  readonly workerFolder: string;
}

export interface BuiltImage extends AssembledImage {
  readonly lock: ImageLock;
  readonly lockSha256: Uint8Array;
  /** The parts that come from this repository. */
  readonly own: readonly OwnDigest[];
}

export interface OwnDigest {
  /** Where it lies in the image. */
  readonly path: string;
  readonly sha256: Uint8Array;
  readonly size: number;
}

/** Builds an image from pinned inputs. The same lock and the same commit give the same bytes, anywhere. */
export async function buildImage(sources: BuildSources): Promise<BuiltImage> {
  const { own, ...parts } = await loadParts(sources);
  return {
    ...assembleImage(parts),
    lock: sources.lock,
    lockSha256: parts.lockSha256,
    own: own.map(({ path, bytes }) => ({ path, sha256: sha256(bytes), size: bytes.length })),
  };
}

export interface LoadedParts extends ImageParts {
  /** Those of `boot` and `app` that come from this repository. */
  readonly own: readonly ImagePart[];
}

/** Everything that an image of the lock's flavour holds, checked against the lock. */
export async function loadParts(sources: BuildSources): Promise<LoadedParts> {
  const { lock, variant, store, nativeFolder, workerFolder } = sources;
  const { flavour } = lock;
  const ownNative = await readOwn(workerNative, nativeFolder);
  await requireWorkerFolder(workerFolder, [...pinnedCopies(lock), ...ownCopies(ownNative)]);
  const pinned = await readPinned(lock, store);
  const { release } = requireKernel(flavour, pinned);
  const directives: ImagePart = { path: initListPath, mode: 0o444, bytes: utf8(initList(flavour, { variant })) };
  const ownBoot = [...(await readOwn(recipes[flavour].native, nativeFolder)), directives];
  const ownApp = [...(await readOwn(workerParts, workerFolder)), ...ownNative];
  return {
    flavour,
    variant,
    kernel: pinned.kernel,
    kernelVersion: `${release.major}.${release.minor}`,
    boot: [...pinned.boot, ...ownBoot],
    app: [...pinned.app, ...ownApp],
    lockSha256: sha256(utf8(renderImageLock(lock))),
    own: [...ownBoot, ...ownApp],
  };
}

interface Pinned {
  readonly kernel: Uint8Array;
  readonly configuration: Uint8Array | null;
  readonly boot: readonly ImagePart[];
  readonly app: readonly ImagePart[];
}

async function readPinned(lock: ImageLock, store: InputStore): Promise<Pinned> {
  let kernel: Uint8Array | undefined;
  let configuration: Uint8Array | null = null;
  const placed = { boot: [] as ImagePart[], app: [] as ImagePart[] };
  for (const file of lockedFiles(lock)) {
    const bytes = await readInput(store, file);
    const { use } = file.recipe;
    switch (use.kind) {
      case 'kernel':
        kernel = bytes;
        break;
      case 'kernel-configuration':
        configuration = bytes;
        break;
      case 'boot':
      case 'app':
        placed[use.kind].push({ path: use.path, mode: use.mode, bytes });
        break;
    }
  }
  if (kernel === undefined) throw new ImageBuildError('lock_invalid', 'it names no kernel');
  return { kernel, configuration, ...placed };
}

function readOwn(parts: readonly OwnPart[], folder: string): Promise<readonly ImagePart[]> {
  return Promise.all(
    parts.map(async ({ name, path, mode }) => {
      const { bytes } = await readPart(join(folder, name), { name, maxBytes: limits.imageProgramBytes });
      return { path, mode, bytes };
    }),
  );
}

interface Copy {
  readonly name: string;
  readonly sha256: Uint8Array;
}

function pinnedCopies(lock: ImageLock): readonly Copy[] {
  return lockedFiles(lock)
    .filter(({ recipe: { use } }) => use.kind === 'app')
    .map(({ recipe: { name }, sha256: digest }) => ({ name, sha256: digest }));
}

function ownCopies(parts: readonly ImagePart[]): readonly Copy[] {
  return parts.map(({ path, bytes }) => ({ name: basename(path), sha256: sha256(bytes) }));
}

/**
 * The bundler also copies native code that lies beside the program. The image takes the engine's from the store and our
 * own from its folder; a copy that differs means that the bundle was made with another one. Any further file is one that
 * the worker may need and the image would not have.
 */
async function requireWorkerFolder(folder: string, copies: readonly Copy[]): Promise<void> {
  const names = await readdir(folder).catch((error: Error) => {
    throw new ImageBuildError('input_missing', `the worker's folder: ${error.message}`);
  });
  for (const name of names) {
    if (workerParts.some((part) => part.name === name)) continue;
    const expected = copies.find((copy) => copy.name === name);
    if (expected === undefined) throw new ImageBuildError('input_refused', `an image holds no ${JSON.stringify(name)}`);
    const found = await hashFile(join(folder, name), { name, algorithm: 'sha256' });
    if (!equalBytes(found, expected.sha256)) throw changed(name, expected.sha256, found);
  }
}

/** A file that no loader boots is refused for every flavour; more is asked of kernels that somebody chose. */
function requireKernel(flavour: Flavour, { kernel, configuration }: Pinned): BzImage {
  // The recipes load no module there: their command lines say `nomodule`.
  const input = { kernel, configFile: configuration, modules: new Set<string>() };
  switch (flavour) {
    case 'vm':
      return readBzImage(kernel);
    case 'nitro':
      return requireNitroKernel(input).image;
    case 'snp':
      return requireSnpKernel(input).image;
  }
}
