import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { ImageBuildError } from './build-error.ts';
import type { Artefact } from './recipe.ts';
import { runTool } from './tools.ts';

export interface Wanted {
  readonly recipe: Pick<Artefact, 'kind'>;
  readonly package: string;
  readonly version: string;
  readonly origin: string;
}

/** Brings one archive of an exact version into a folder, by the package manager's own client and its own mirrors. */
export async function download({ recipe, package: name, version, origin }: Wanted, folder: string): Promise<string> {
  try {
    if (recipe.kind === 'debian') {
      await runTool('apt-get', ['download', '-q', `${name}:amd64=${version}`], { cwd: folder });
    } else {
      await runTool('npm', ['pack', '--silent', '--ignore-scripts', `${name}@${version}`], { cwd: folder });
    }
  } catch (error) {
    if (!(error instanceof ImageBuildError)) throw error;
    // Debian's security mirror keeps the newest versions only, so that a lock outlives what it names.
    const advice =
      recipe.kind === 'debian'
        ? `it came from ${origin}; old versions are at snapshot.debian.org, for --from; or write a new lock`
        : 'put its archive into a folder and name that with --from';
    throw new ImageBuildError('artefact_unavailable', `${name} ${version}: ${error.message}; ${advice}`, {
      cause: error,
    });
  }
  return onlyArchive(folder, name);
}

async function onlyArchive(folder: string, name: string): Promise<string> {
  const archives = (await readdir(folder)).filter((file) => /\.(?:deb|tgz)$/.test(file));
  const [archive] = archives;
  if (archive === undefined || archives.length > 1) {
    throw new ImageBuildError('artefact_unavailable', `${name}: ${archives.length} archives came, not one`);
  }
  return join(folder, archive);
}

export interface Offer {
  readonly version: string;
  readonly origin: string;
}

/** What apt would download now. Asks nobody: `apt-get update` decides what it knows. */
export async function debianOffer(name: string, folder: string): Promise<Offer> {
  const printed = await runTool('apt-get', ['download', '-q', '--print-uris', `${name}:amd64`], { cwd: folder });
  const [, origin, file] = /^'([^' ]+)' (\S+_\S+_amd64\.deb) /m.exec(printed) ?? [];
  const version = file?.split('_')[1]?.replaceAll('%3a', ':');
  if (origin === undefined || version === undefined) {
    throw new ImageBuildError('artefact_unavailable', `apt offers no ${name}: run \`apt-get update\``);
  }
  return { version, origin };
}

/** The kernel's package has its version in its name; an empty package of a fixed name leads to it. */
export async function debianKernelPackage(folder: string): Promise<string> {
  const printed = await runTool('apt-cache', ['depends', '--no-recommends', 'linux-image-cloud-amd64:amd64'], {
    cwd: folder,
  });
  const name = /Depends: (linux-image-[0-9][^\s:]*-cloud-amd64)/.exec(printed)?.[1];
  if (name === undefined) throw new ImageBuildError('artefact_unavailable', 'apt offers no linux-image-cloud-amd64');
  return name;
}
