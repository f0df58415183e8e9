import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { type BuiltImage, buildImage } from '../../enclave/image/build.ts';
import type { InputStore } from '../../enclave/image/inputs.ts';
import { type ImageLock, parseImageLock } from '../../enclave/image/lock.ts';
import type { BundledPackage } from '../../enclave/image/packages.ts';
import type { Flavour, Variant } from '../../enclave/image/recipe.ts';
import type { Provenance } from '../../enclave/image/statement.ts';
import { inScratch } from '../../enclave/image/tools.ts';
import { fromHex } from '../../wire/bytes.ts';
import { limits } from '../../wire/limits.ts';
import { CommandError } from '../exit-codes.ts';
import { readBounded } from './read.ts';

/** Sources, the native programs committed beside them, and the packages that bundle and run them. */
export interface Checkout {
  readonly root: string;
  readonly nativeFolder: string;
  readonly nodeModules: string;
}

/** Images are built from sources: a package holds what was made of them, which nobody could compare with a commit. */
export function requireCheckout(): Checkout {
  if (!import.meta.url.endsWith('.ts')) {
    throw new CommandError('images are built from a checkout of the repository, with `npx tsx cli/main.ts image ...`');
  }
  const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..');
  return {
    root,
    nativeFolder: join(root, 'enclave', 'native', 'prebuilt', 'linux-x64'),
    nodeModules: join(root, 'node_modules'),
  };
}

/** The lock that the repository pins for a flavour. */
export function committedLockPath({ root }: Checkout, flavour: Flavour): string {
  return join(root, 'attestations', 'images', `${flavour}.lock.json`);
}

export async function readLock(path: string): Promise<ImageLock> {
  return parseImageLock(await readBounded(path, limits.imageLockBytes));
}

export interface CheckoutBuild {
  readonly image: BuiltImage;
  readonly provenance: Provenance;
}

/** Bundles the worker from its sources and builds an image around it. */
export async function buildFromCheckout(
  checkout: Checkout,
  options: { readonly lock: ImageLock; readonly variant: Variant; readonly store: InputStore },
): Promise<CheckoutBuild> {
  const { buildWorker } = await import('../../enclave/worker/build/bundle.ts');
  const { root, nativeFolder } = checkout;
  return inScratch(async (scratch) => {
    const workerFolder = join(scratch, 'worker');
    const { inputs } = await buildWorker({ root, outDir: workerFolder });
    const image = await buildImage({ ...options, nativeFolder, workerFolder });
    return { image, provenance: await provenanceOf(checkout, inputs) };
  });
}

async function provenanceOf({ root }: Checkout, inputs: readonly string[]): Promise<Provenance> {
  const packageLock = await readFile(join(root, 'package-lock.json')).catch((error: Error) => {
    throw new CommandError(`cannot read package-lock.json: ${error.message}`);
  });
  return {
    source: await sourceOf(root),
    packageLockSha256: new Uint8Array(createHash('sha256').update(packageLock).digest()),
    packages: bundledPackages(JSON.parse(packageLock.toString('utf8')) as PackageLock, inputs),
  };
}

/** Null where there is no repository of Git, or one that this folder is only a part of. */
async function sourceOf(root: string): Promise<Provenance['source']> {
  const git = async (...args: readonly string[]): Promise<string> =>
    (await promisify(execFile)('git', [...args], { cwd: root, maxBuffer: 16_777_216 })).stdout;
  try {
    const [commit = '', prefix = ''] = (await git('rev-parse', 'HEAD', '--show-prefix')).split('\n');
    if (!/^[0-9a-f]{40}([0-9a-f]{24})?$/.test(commit) || prefix !== '') return null;
    return { commit, modified: (await git('status', '--porcelain')) !== '' };
  } catch {
    return null;
  }
}

/** npm's own file, of this repository. */
interface PackageLock {
  readonly packages: Readonly<
    Record<string, { readonly version?: string; readonly integrity?: string; readonly license?: string }>
  >;
}

/** Every package of which a file is in the worker's bundle, as npm's lock pins it. */
function bundledPackages({ packages }: PackageLock, inputs: readonly string[]): readonly BundledPackage[] {
  const folders = new Set(
    inputs.flatMap((path) => /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(path) ?? []),
  );
  return [...folders].sort().map((folder) => {
    const name = folder.slice(folder.lastIndexOf('node_modules/') + 'node_modules/'.length);
    const { version, integrity, license } = packages[folder] ?? {};
    if (version === undefined || integrity?.startsWith('sha512-') !== true) {
      throw new CommandError(`package-lock.json does not pin ${folder}, which is in the worker`);
    }
    const digest = fromHex(Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex'), 64);
    return { name, version, licence: license ?? null, archive: { algorithm: 'sha512', digest } };
  });
}
