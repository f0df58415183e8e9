import { toHex } from '../../wire/bytes.ts';
import type { RepositoryName, SignedStatus, StoredFile, Visibility } from '../../wire/message/hub.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import { compareVersions } from '../../wire/message/versions.ts';

/** A published release as it is searched, listed and served: what of it stays in memory. Its manifest is on the disk. */
export interface Entry extends RepositoryName {
  readonly number: number;
  readonly publishedAt: number;
  /** Hex, as it stands in paths. */
  readonly modelId: string;
  readonly owner: string;
  readonly version: string;
  readonly kind: Manifest['kind'];
  readonly description: string;
  readonly licence: string;
  readonly task: string;
  readonly tags: readonly string[];
  readonly visibility: Visibility;
  readonly contents: ReadonlyMap<string, StoredFile>;
  readonly status: SignedStatus | null;
}

export type Sees = (entry: Pick<Entry, 'namespace' | 'visibility'>) => boolean;

/** Everything that is published, found by id, by name and by what it says of itself. */
export interface Catalogue {
  readonly size: number;
  readonly files: number;
  readonly nextNumber: number;
  find(modelId: string): Entry | undefined;
  /** Adds one, or takes the place of what is known under its id. */
  set(entry: Entry): void;
  /** Whether namespace, name and version, or owner, name and version, belong to another release. */
  isTaken(version: VersionKey): boolean;
  /** Newest version first. */
  versions(repository: RepositoryName, sees: Sees): readonly Entry[];
  /** What `namespace/name` means where no version is said: the newest that was not taken back, a finished one if there is. */
  main(repository: RepositoryName, sees: Sees): Entry | undefined;
  /** The main version of each model, latest published first, of those numbered below `before`. */
  mains(sees: Sees, before: number): Iterable<Entry>;
  entries(): Iterable<Entry>;
}

export interface VersionKey extends RepositoryName {
  readonly modelId: string;
  readonly owner: string;
  readonly version: string;
}

export function createCatalogue(): Catalogue {
  const byId = new Map<string, Entry>();
  const byRepository = new Map<string, Entry[]>();
  const byVersion = new Map<string, string>();
  let files = 0;
  let nextNumber = 0;

  function visible({ namespace, name }: RepositoryName, sees: Sees): readonly Entry[] {
    return (byRepository.get(`${namespace}/${name}`) ?? []).filter(sees);
  }

  function main(repository: RepositoryName, sees: Sees): Entry | undefined {
    const offered = visible(repository, sees).filter(({ status }) => status?.status !== 'yanked');
    return offered.find(({ version }) => !version.includes('-')) ?? offered[0];
  }

  return {
    get size() {
      return byId.size;
    },
    get files() {
      return files;
    },
    get nextNumber() {
      return nextNumber;
    },
    find: (modelId) => byId.get(modelId),
    set(entry) {
      const repository = `${entry.namespace}/${entry.name}`;
      const others = (byRepository.get(repository) ?? []).filter(({ modelId }) => modelId !== entry.modelId);
      const sorted = [...others, entry].sort((a, b) => compareVersions(b.version, a.version));
      files += entry.contents.size - (byId.get(entry.modelId)?.contents.size ?? 0);
      byId.set(entry.modelId, entry);
      byRepository.set(repository, sorted);
      for (const key of versionKeys(entry)) byVersion.set(key, entry.modelId);
      nextNumber = Math.max(nextNumber, entry.number + 1);
    },
    isTaken: (version) =>
      versionKeys(version).some((key) => (byVersion.get(key) ?? version.modelId) !== version.modelId),
    versions: visible,
    main,
    *mains(sees, before) {
      const mains = [...byRepository.values()].flatMap(([first]) => {
        const found = first === undefined ? undefined : main(first, sees);
        return found === undefined || found.number >= before ? [] : [found];
      });
      yield* mains.sort((a, b) => b.number - a.number);
    },
    entries: () => byId.values(),
  };
}

/**
 * A version is one release for ever, under the operator's word for its publisher and under the publisher's own key: neither
 * a namespace that is given to another key nor a key that gets another namespace may say it again.
 */
function versionKeys({ namespace, owner, name, version }: VersionKey): readonly string[] {
  return [`${namespace}/${name}@${version}`, `${owner}/${name}@${version}`];
}

export interface EntrySource {
  readonly number: number;
  readonly publishedAt: number;
  readonly modelId: Uint8Array;
  readonly namespace: string;
  readonly visibility: Visibility;
  readonly contents: readonly StoredFile[];
  readonly manifest: Manifest;
  readonly status: SignedStatus | null;
}

export function entryOf({ manifest, modelId, contents, ...rest }: EntrySource): Entry {
  const { owner, name, version, kind, description, licence, task, tags } = manifest;
  return {
    ...rest,
    modelId: toHex(modelId),
    owner: toHex(owner),
    name,
    version,
    kind,
    description,
    licence,
    task,
    tags,
    contents: new Map(contents.map((file) => [file.path, file])),
  };
}
