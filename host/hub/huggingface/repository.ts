import { RELEASE_VERSION } from '../../../wire/message/manifest.ts';
import type { Catalogue, Entry, Sees } from '../catalogue.ts';
import { HubError } from '../errors.ts';
import { repositoryOf } from '../http/routes-read.ts';

/** Git's forty digits, which libraries look for: as many of the model id. */
export const COMMIT_DIGITS = 40;

export function commitOf({ modelId }: Entry): string {
  return modelId.slice(0, COMMIT_DIGITS);
}

/**
 * A release by what these libraries call it: `main` (or `HEAD`) is the newest version that was not taken back; a version, also
 * with a `v` before it; and a commit, which is the model id or its first forty digits.
 */
export function resolveRevision(
  catalogue: Catalogue,
  sees: Sees,
  wanted: { readonly namespace: string; readonly name: string; readonly revision: string },
): Entry {
  const { revision } = wanted;
  const repository = repositoryOf(wanted.namespace, wanted.name);
  const versions = catalogue.versions(repository, sees);
  if (versions.length === 0) throw new HubError('model_unknown');
  const found =
    revision === 'main' || revision === 'HEAD'
      ? catalogue.main(repository, sees)
      : versions.find((entry) => isRevision(entry, revision));
  if (found === undefined) throw new HubError('revision_unknown');
  return found;
}

function isRevision(entry: Entry, revision: string): boolean {
  if (revision === entry.modelId || revision === commitOf(entry)) return true;
  const version = revision.startsWith('v') ? revision.slice(1) : revision;
  return RELEASE_VERSION.test(version) && entry.version === version;
}
