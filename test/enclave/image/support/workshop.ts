import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { BuildSources } from '../../../../enclave/image/build.ts';
import { ImageBuildError, type ImageBuildErrorCode } from '../../../../enclave/image/build-error.ts';
import { inputPath } from '../../../../enclave/image/inputs.ts';
import {
  type ImageLock,
  type LockedArtefact,
  type LockedFile,
  parseImageLock,
} from '../../../../enclave/image/lock.ts';
import {
  type ArtefactFile,
  type Flavour,
  recipes,
  workerNative,
  workerParts,
} from '../../../../enclave/image/recipe.ts';
import { utf8 } from '../../../../wire/bytes.ts';
import { nitroConfig, snpConfig, syntheticBzImage } from '../formats/support/bzimage.ts';

export const committedLockBytes: Uint8Array = new Uint8Array(
  readFileSync(new URL('../../../../attestations/images/vm.lock.json', import.meta.url)),
);
export const committedLock: ImageLock = parseImageLock(committedLockBytes);

/** Everything that a build takes, small and made up, in a folder of its own. */
export interface Workshop extends BuildSources {
  readonly folder: string;
  /** The locked file of a name. */
  file(name: string): LockedFile;
  /** Puts other content in place of an input, and pins it. */
  repin(name: string, content: Uint8Array): Workshop;
  remove(): void;
}

export const contentOf = (name: string): Uint8Array => utf8(`made-up content of ${name}`);

export function openWorkshop(flavour: Flavour): Workshop {
  const folder = mkdtempSync(join(tmpdir(), 'proofmark-workshop-'));
  const [nativeFolder, workerFolder] = [join(folder, 'native'), join(folder, 'worker')];
  const store = { folder: join(folder, 'store') };
  mkdirSync(join(store.folder, 'sha256'), { recursive: true });
  for (const target of [nativeFolder, workerFolder]) mkdirSync(target);
  for (const { name } of [...recipes[flavour].native, ...workerNative]) {
    writeFileSync(join(nativeFolder, name), contentOf(name));
  }
  for (const { name } of workerParts) writeFileSync(join(workerFolder, name), contentOf(name));

  const lock = syntheticLock(flavour);
  const workshop = (current: ImageLock): Workshop => ({
    folder,
    lock: current,
    variant: 'production',
    store,
    nativeFolder,
    workerFolder,
    file: (name) => find(current, name),
    repin: (name, content) => {
      const changed = withContent(current, name, content);
      writeFileSync(inputPath(store, find(changed, name)), content);
      return workshop(changed);
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  });
  for (const { files } of lock.artefacts) {
    for (const file of files) writeFileSync(inputPath(store, file), syntheticContent(flavour, file.recipe));
  }
  return workshop(lock);
}

/** The shape of the committed lock, over made-up files. */
export function syntheticLock(flavour: Flavour): ImageLock {
  const artefacts = recipes[flavour].artefacts.map((recipe): LockedArtefact => {
    const committed = committedLock.artefacts.find((artefact) => artefact.recipe === recipe);
    const files = recipe.files.map((file) => {
      const given = file.name === 'kernel' ? 'bzImage' : 'bzImage.config';
      const member = committed?.files.find((locked) => locked.recipe === file)?.member ?? given;
      return pin(file, { member, content: syntheticContent(flavour, file) });
    });
    if (committed !== undefined) return { ...committed, files };
    const digest = files[0]?.sha256 as Uint8Array;
    return {
      recipe,
      package: 'bzImage',
      version: '6.8.12',
      origin: 'file:bzImage',
      archive: { algorithm: 'sha256', digest },
      files,
    };
  });
  return { flavour, artefacts };
}

function syntheticContent(flavour: Flavour, { name, use }: ArtefactFile): Uint8Array {
  const config = flavour === 'snp' ? snpConfig : nitroConfig;
  if (use.kind === 'kernel') return syntheticBzImage({ embedded: config });
  return use.kind === 'kernel-configuration' ? utf8(config) : contentOf(name);
}

function pin(recipe: ArtefactFile, options: { readonly member: string; readonly content: Uint8Array }): LockedFile {
  const sha256 = new Uint8Array(createHash('sha256').update(options.content).digest());
  return { recipe, member: options.member, sha256, size: options.content.length };
}

export function withContent(lock: ImageLock, name: string, content: Uint8Array): ImageLock {
  return {
    ...lock,
    artefacts: lock.artefacts.map((artefact) => ({
      ...artefact,
      files: artefact.files.map((file) =>
        file.recipe.name === name ? pin(file.recipe, { member: file.member, content }) : file,
      ),
    })),
  };
}

function find(lock: ImageLock, name: string): LockedFile {
  const file = lock.artefacts.flatMap(({ files }) => files).find(({ recipe }) => recipe.name === name);
  if (file === undefined) throw new TypeError(`no input ${name}`);
  return file;
}

/** Writes a file and the folders on the way to it. */
export function place(path: string, content: Uint8Array | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, content);
}

/** The code and text with which something is refused. */
export async function refusal(
  run: () => unknown,
): Promise<{ readonly code: ImageBuildErrorCode; readonly text: string }> {
  try {
    await run();
  } catch (error) {
    if (error instanceof ImageBuildError) return { code: error.code, text: error.message };
    throw error;
  }
  throw new TypeError('it was accepted');
}
