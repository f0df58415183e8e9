import { toHex } from '../../wire/bytes.ts';
import type { Release } from '../releases.ts';
import { HttpError } from './errors.ts';

/**
 * Releases by what a plain client calls them: `modelId` in hex, `name@version`, or a name alone, for which the last one
 * configured wins. Clients that mean one release, whatever a host says, give its id.
 */
export interface ReleaseNames {
  /** Throws where there is none, or it is another version than the one that is asked for. */
  find(model: string, version?: string): Release;
  /** Every release of the name that this one has, in the order of configuration. */
  siblings(release: Release): readonly Release[];
  /** The shortest name that finds this release. */
  nameOf(release: Release): string;
}

export function createReleaseNames(releases: () => readonly Release[]): ReleaseNames {
  let indexed: readonly Release[] = [];
  let byName: ReadonlyMap<string, Release> = new Map();

  function index(): ReadonlyMap<string, Release> {
    const now = releases();
    if (now !== indexed) byName = indexOf(now);
    indexed = now;
    return byName;
  }

  return {
    find(model, version) {
      const names = index();
      const found = names.get(model);
      if (found === undefined) throw new HttpError('model_unknown');
      if (version === undefined || found.manifest.version === version) return found;
      const other = names.get(`${model}@${version}`);
      if (other === undefined) throw new HttpError('model_unknown');
      return other;
    },
    siblings: ({ manifest }) => releases().filter((other) => other.manifest.name === manifest.name),
    nameOf: (release) => {
      const { name, version } = release.manifest;
      return index().get(name) === release ? name : `${name}@${version}`;
    },
  };
}

function indexOf(releases: readonly Release[]): ReadonlyMap<string, Release> {
  const byName = new Map<string, Release>();
  for (const release of releases) {
    const { name, version } = release.manifest;
    byName.set(name, release);
    byName.set(`${name}@${version}`, release);
  }
  // Last, since a name can be spelled like another release's id.
  for (const release of releases) byName.set(toHex(release.modelId), release);
  return byName;
}
