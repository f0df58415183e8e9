import { copyFile, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { equalBytes } from '../../wire/bytes.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { ImageBuildError } from './build-error.ts';
import { changed, hashFile } from './files.ts';
import { type InputStore, keepInput, missingInputs } from './inputs.ts';
import type { ImageLock, LockedArtefact, LockedFile } from './lock.ts';
import { download } from './mirrors.ts';
import { inScratch } from './tools.ts';
import { memberPath, type Unpacked, unpack } from './unpack.ts';

export interface FetchOptions {
  /**
   * Where archives come from: the mirrors that this machine's apt and npm know, or a folder in which they lie under the
   * names that apt and npm give them.
   */
  readonly source: { readonly kind: 'mirrors' } | { readonly kind: 'folder'; readonly folder: string };
  /** Installed packages, which may hold what would otherwise be downloaded; null where there are none. */
  readonly nodeModules: string | null;
  readonly report: (event: FetchEvent) => void;
}

export interface FetchEvent {
  readonly package: string;
  readonly version: string;
  readonly how: 'in-store' | 'installed' | 'downloaded' | 'unpacked' | 'copied';
}

/** Fills the store with what the lock pins. Nothing enters that differs, wherever it came from. */
export async function fetchInputs(lock: ImageLock, store: InputStore, options: FetchOptions): Promise<void> {
  const missing = new Set(await missingInputs(store, lock));
  for (const artefact of lock.artefacts) {
    const files = artefact.files.filter((file) => missing.has(file));
    const how = files.length === 0 ? 'in-store' : await fetchArtefact({ ...artefact, files }, store, options);
    options.report({ package: artefact.package, version: artefact.version, how });
  }
}

async function fetchArtefact(
  artefact: LockedArtefact,
  store: InputStore,
  options: FetchOptions,
): Promise<FetchEvent['how']> {
  const { kind } = artefact.recipe;
  if (kind === 'file') {
    await keepGiven(artefact, store, options.source);
    return 'copied';
  }
  if (kind === 'npm' && (await keepInstalled(artefact, store, options.nodeModules))) return 'installed';
  await inScratch(async (scratch) => {
    const archive = await findArchive(artefact, scratch, options.source);
    await requireArchive(artefact, archive);
    const unpacked = await unpack(kind, archive, { folder: join(scratch, 'unpacked'), name: artefact.recipe.name });
    await keepMembers(unpacked, artefact.files, store);
  });
  return options.source.kind === 'mirrors' ? 'downloaded' : 'unpacked';
}

async function findArchive(artefact: LockedArtefact, scratch: string, source: FetchOptions['source']): Promise<string> {
  if (source.kind === 'mirrors') return download(artefact, scratch);
  const path = join(source.folder, archiveName(artefact));
  if ((await stat(path).catch(() => undefined)) === undefined) throw unavailable(artefact, `no file ${path}`);
  // A copy that nobody else writes: what is checked is what is opened.
  const copy = join(scratch, 'archive');
  await copyFile(path, copy);
  return copy;
}

/** The names that `apt-get download` and `npm pack` give. */
export function archiveName({ recipe, package: name, version }: LockedArtefact): string {
  return recipe.kind === 'debian' ? `${name}_${version.replaceAll(':', '%3a')}_amd64.deb` : `${name}-${version}.tgz`;
}

async function requireArchive({ package: name, archive }: LockedArtefact, path: string): Promise<void> {
  const found = await hashFile(path, { name, algorithm: archive.algorithm });
  if (!equalBytes(found, archive.digest)) throw changed(name, archive.digest, found);
}

async function keepMembers(unpacked: Unpacked, files: readonly LockedFile[], store: InputStore): Promise<void> {
  for (const file of files) await keepInput(store, file, await memberPath(unpacked, file.member));
}

/** True if the installed package is of that version; its bytes are held to the same pins as any others. */
async function keepInstalled(
  { package: name, version, files }: LockedArtefact,
  store: InputStore,
  nodeModules: string | null,
): Promise<boolean> {
  if (nodeModules === null) return false;
  const folder = join(nodeModules, name);
  if ((await installedVersion(folder)) !== version) return false;
  // An archive's files lie in a folder "package"; an installed package is that folder.
  const members = files.map((file) => ({ ...file, member: file.member.replace(/^package\//, '') }));
  await keepMembers({ folder, name }, members, store);
  return true;
}

async function installedVersion(folder: string): Promise<unknown> {
  const text = await readFile(join(folder, 'package.json')).catch(() => undefined);
  if (text === undefined) return undefined;
  try {
    const description = parseJson(new Uint8Array(text), limits.imageLockBytes);
    return typeof description === 'object' && description !== null && 'version' in description
      ? description['version']
      : undefined;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
}

async function keepGiven(artefact: LockedArtefact, store: InputStore, source: FetchOptions['source']): Promise<void> {
  for (const file of artefact.files) {
    if (source.kind === 'mirrors') {
      throw unavailable(artefact, `${file.member} was given as a file: name its folder with --from`);
    }
    await keepInput(store, file, await memberPath({ folder: source.folder, name: artefact.recipe.name }, file.member));
  }
}

function unavailable({ package: name, version }: LockedArtefact, detail: string): ImageBuildError {
  return new ImageBuildError('artefact_unavailable', `${name} ${version}: ${detail}`);
}
