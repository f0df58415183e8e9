import { mkdir, readdir, realpath } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { ImageBuildError } from './build-error.ts';
import type { ArtefactKind } from './recipe.ts';
import { runTool } from './tools.ts';

/** A package whose files lie in a folder. */
export interface Unpacked {
  readonly folder: string;
  readonly name: string;
}

/**
 * Unpacks with the system's own programs: Debian's archives hold xz, which the platform does not read. They are given
 * archives of known digests only, and what comes out is pinned file by file, so that neither needs to be trusted.
 */
export async function unpack(
  kind: Exclude<ArtefactKind, 'file'>,
  archive: string,
  options: { readonly folder: string; readonly name: string },
): Promise<Unpacked> {
  const { folder, name } = options;
  await mkdir(folder, { mode: 0o700 });
  if (kind === 'debian') await runTool('dpkg-deb', ['-x', archive, folder], { cwd: folder });
  else await runTool('tar', ['-xzf', archive, '--no-same-owner', '-C', folder], { cwd: folder });
  return { folder, name };
}

/** Where a member lies, if no link leads anywhere on the way to it. */
export async function memberPath({ folder, name }: Unpacked, member: string): Promise<string> {
  const path = join(folder, member);
  const real = await realpath(path).catch(() => {
    throw new ImageBuildError('input_missing', `the package of ${name} holds no ${member}`);
  });
  if (real !== join(await realpath(folder), member)) {
    throw new ImageBuildError('input_refused', `${name}: ${member} is a link, or lies behind one`);
  }
  return path;
}

/** The one member whose name matches. */
export async function findMember(unpacked: Unpacked, pattern: RegExp): Promise<string> {
  const entries = await readdir(unpacked.folder, { recursive: true, withFileTypes: true });
  const members = entries
    .filter((entry) => entry.isFile())
    .map((entry) => relative(unpacked.folder, join(entry.parentPath, entry.name)))
    .filter((member) => pattern.test(member));
  const [member] = members;
  if (member === undefined || members.length > 1) {
    const found = `${members.length} files of the package of ${unpacked.name} match ${pattern.source}`;
    throw new ImageBuildError('input_missing', `${found}, where an image takes one`);
  }
  return member;
}
