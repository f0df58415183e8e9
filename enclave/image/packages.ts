import { toHex } from '../../wire/bytes.ts';
import type { ArchiveDigest, LockedArtefact } from './lock.ts';

/** A package of npm that the bundler put into the worker's program. */
export interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly licence: string | null;
  readonly archive: ArchiveDigest;
}

/** Package URLs (ECMA-427): how lists of parts and of vulnerabilities name a package. */
export function artefactUrl({ recipe, package: name, version }: LockedArtefact): string {
  switch (recipe.kind) {
    case 'debian':
      return `pkg:deb/debian/${encode(name)}@${encode(version)}?arch=amd64`;
    case 'npm':
      return npmUrl({ name, version });
    case 'file':
      return `pkg:generic/${encode(name)}@${encode(version)}`;
  }
}

export function npmUrl({ name, version }: Pick<BundledPackage, 'name' | 'version'>): string {
  return `pkg:npm/${name.split('/').map(encode).join('/')}@${encode(version)}`;
}

/** As in-toto writes a digest. */
export function digestSet({ algorithm, digest }: ArchiveDigest): Readonly<Record<string, string>> {
  return { [algorithm]: toHex(digest) };
}

function encode(text: string): string {
  return encodeURIComponent(text).replaceAll('%3A', ':');
}
