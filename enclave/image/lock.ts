import { fromHex, toHex } from '../../wire/bytes.ts';
import { array, hexBytes, integer, literal, object, oneOf, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { ImageBuildError } from './build-error.ts';
import { type Artefact, type ArtefactFile, type Flavour, flavours, recipes } from './recipe.ts';

/**
 * Pins everything in an image that is not made in this repository. Each file is pinned by itself, so that neither the
 * mirror that served its package nor the program that unpacked it has to be trusted; the package's own digest is what a
 * downloaded archive is held to before anything opens it.
 */
export interface ImageLock {
  readonly flavour: Flavour;
  /** In the order of the recipe. */
  readonly artefacts: readonly LockedArtefact[];
}

export interface LockedArtefact {
  readonly recipe: Artefact;
  /** The name under which its package manager, or its owner, knows it. */
  readonly package: string;
  readonly version: string;
  /** Where the archive came from when the lock was written: for people, and for the image's list of parts. */
  readonly origin: string;
  /** Of the archive: SHA-256 where Debian's index has it, SHA-512 where the npm registry has it. */
  readonly archive: ArchiveDigest;
  readonly files: readonly LockedFile[];
}

export interface ArchiveDigest {
  readonly algorithm: 'sha256' | 'sha512';
  readonly digest: Uint8Array;
}

export interface LockedFile {
  readonly recipe: ArtefactFile;
  readonly member: string;
  readonly sha256: Uint8Array;
  readonly size: number;
}

const FORMAT = 'proofmark image lock v1';

const file = object({
  name: text({ min: 1, max: 64 }),
  member: text({ min: 1, max: 255 }),
  sha256: hexBytes(32),
  size: integer({ min: 1, max: limits.imageInputBytes }),
});

const artefact = object({
  name: text({ min: 1, max: 64 }),
  package: text({ min: 1, max: 128 }),
  version: text({ min: 1, max: 128, pattern: /[0-9A-Za-z.+:~_-]+/ }),
  origin: text({ min: 1, max: 512, pattern: /[\x21-\x7e]+/ }),
  archive: text({ min: 1, max: 135, pattern: /sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}/ }),
  files: array(file, { min: 1, max: limits.imageArtefactFiles }),
});

const document = object({
  format: literal(FORMAT),
  flavour: oneOf(flavours),
  artefacts: array(artefact, { min: 1, max: limits.imageArtefacts }),
});

type WrittenLock = ReturnType<typeof document>;
type WrittenArtefact = WrittenLock['artefacts'][number];
type WrittenFile = WrittenArtefact['files'][number];

/** A lock has one spelling: its digest stands for it in statements, so the same pins never have two. */
export function parseImageLock(bytes: Uint8Array): ImageLock {
  const lock = read(bytes);
  if (renderImageLock(lock) !== new TextDecoder().decode(bytes)) {
    throw invalid('it is not written as `image lock` writes it: order, spaces or spelling differ');
  }
  return lock;
}

export function renderImageLock({ flavour, artefacts }: ImageLock): string {
  const written: WrittenJson = {
    format: FORMAT,
    flavour,
    artefacts: artefacts.map(({ recipe, package: name, version, origin, archive, files }) => ({
      name: recipe.name,
      package: name,
      version,
      origin,
      archive: archiveText(archive),
      files: files.map(({ recipe: { name: fileName }, member, sha256, size }) => ({
        name: fileName,
        member,
        sha256: toHex(sha256),
        size,
      })),
    })),
  };
  return `${JSON.stringify(written, undefined, 2)}\n`;
}

type WrittenJson = Omit<WrittenLock, 'artefacts'> & {
  readonly artefacts: readonly (Omit<WrittenArtefact, 'files'> & {
    readonly files: readonly (Omit<WrittenFile, 'sha256'> & { readonly sha256: string })[];
  })[];
};

export const archiveText = ({ algorithm, digest }: ArchiveDigest): string => `${algorithm}:${toHex(digest)}`;

export function requireFlavour(lock: ImageLock, flavour: Flavour): void {
  if (lock.flavour !== flavour) {
    throw new ImageBuildError('lock_flavour', `the lock is for ${lock.flavour}, and ${flavour} was asked for`);
  }
}

/** Every pinned file with its use, for whoever builds or fills a store. */
export function lockedFiles(lock: ImageLock): readonly LockedFile[] {
  return lock.artefacts.flatMap(({ files }) => files);
}

function read(bytes: Uint8Array): ImageLock {
  let written: WrittenLock;
  try {
    written = document(parseJson(bytes, limits.imageLockBytes), '');
  } catch (error) {
    if (error instanceof WireError) throw invalid(error.message);
    throw error;
  }
  const { artefacts } = recipes[written.flavour];
  const matched = matchAll(artefacts, written.artefacts, 'artefact');
  return { flavour: written.flavour, artefacts: matched.map(([recipe, found]) => lockArtefact(recipe, found)) };
}

function lockArtefact(recipe: Artefact, written: WrittenArtefact): LockedArtefact {
  if (!recipe.package.test(written.package)) {
    throw invalid(`${recipe.name} comes from a package ${recipe.package.source}, not from ${written.package}`);
  }
  const [algorithm, hex] = written.archive.split(':') as ['sha256' | 'sha512', string];
  const files = matchAll(recipe.files, written.files, `file of ${recipe.name}`).map(
    ([file, { member, sha256, size }]): LockedFile => {
      if (!file.member.test(member)) throw invalid(`${file.name} is no member of the name ${JSON.stringify(member)}`);
      return { recipe: file, member, sha256, size };
    },
  );
  const { package: name, version, origin } = written;
  return { recipe, package: name, version, origin, archive: { algorithm, digest: fromHex(hex) }, files };
}

/** Pairs what is written with what the recipe wants: in its order, nothing twice, nothing else, nothing left out. */
function matchAll<R extends { readonly name: string }, W extends { readonly name: string }>(
  wanted: readonly R[],
  written: readonly W[],
  what: string,
): readonly (readonly [R, W])[] {
  const pairs = wanted.flatMap((recipe): (readonly [R, W])[] => {
    const found = written.find(({ name }) => name === recipe.name);
    if (found !== undefined) return [[recipe, found]];
    if ('presence' in recipe && recipe.presence === 'may-be-absent') return [];
    throw invalid(`it names no ${what} "${recipe.name}"`);
  });
  const extra = written.find((item) => !pairs.some(([, found]) => found === item));
  if (extra !== undefined) throw invalid(`an image holds no ${what} ${JSON.stringify(extra.name)}, or not twice`);
  return pairs;
}

function invalid(detail: string): ImageBuildError {
  return new ImageBuildError('lock_invalid', detail);
}
