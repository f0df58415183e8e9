import { array, literal, nullable, object, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { ENVELOPE_FILE } from '../../wire/message/encrypted-release.ts';
import {
  encodeManifest,
  type Manifest,
  type ManifestFile,
  RELEASE_PATH,
  type ReleaseTerms,
  releaseTerms,
} from '../../wire/message/manifest.ts';
import { DraftError } from './draft-error.ts';
import { namedCircuit } from './named-circuit.ts';
import { findPlainFile, hashPlainFile, type PlainFile, readPlainFile } from './plain-file.ts';
import { engineSignature, type ModelSignature } from './signature.ts';

/** The file in which a publisher says what a folder is to become. */
export const DRAFT_FILE = 'release.json';
export const DRAFT_SCHEMA = 'proofmark release draft v1';

/**
 * A release before it has an owner: what a person wrote in `release.json`, and the files that it names as they were found
 * in the folder. What follows from key and files (owner, sizes, digests, inputs and outputs) nobody writes by hand.
 */
export interface Draft extends Omit<ReleaseTerms, 'circuit'> {
  readonly files: readonly PlainFile[];
  /** The path of its key among the files; the manifest has the digest. */
  readonly circuit: string | null;
}

export interface BuiltRelease {
  readonly manifest: Manifest;
  /** The canonical bytes, which the owner signs by their hash. */
  readonly encoded: Uint8Array;
  readonly modelId: Uint8Array;
}

interface DraftJson extends Omit<Draft, 'files'> {
  readonly schema: typeof DRAFT_SCHEMA;
  readonly files: readonly string[];
}

const path: Reader<string> = text({ min: 1, max: 256, pattern: RELEASE_PATH });

const draftReader: Reader<DraftJson> = object<DraftJson>({
  schema: literal(DRAFT_SCHEMA),
  ...releaseTerms,
  files: array(path, { min: 1, max: limits.manifestFiles }),
  circuit: nullable(path),
});

/** What hosts, hubs and whoever pulls write beside a release's files: nothing in a release may take its place. */
const RESERVED: ReadonlySet<string> = new Set([
  DRAFT_FILE,
  'manifest.json',
  'owner.hex',
  'signature.hex',
  'status.json',
  ENVELOPE_FILE,
]);

export async function readDraft(directory: string): Promise<Draft> {
  const file = await findPlainFile(directory, DRAFT_FILE, limits.draftBytes);
  const { schema: _, ...written } = parse(await readPlainFile(directory, file));
  checkPaths(written.files);
  checkNames(written);
  const files: PlainFile[] = [];
  for (const path of written.files) files.push(await findPlainFile(directory, path, limits.modelFileBytes));
  return { ...written, files };
}

/** The manifest that this owner would sign for the folder as it is now. */
export async function buildRelease(directory: string, draft: Draft, owner: Uint8Array): Promise<BuiltRelease> {
  const { files: found, circuit: named, ...terms } = draft;
  const files: ManifestFile[] = [];
  let signature: ModelSignature = { inputs: [], outputs: [] };
  for (const file of found) {
    if (terms.kind === 'tensor' && file.path === terms.entry) {
      const bytes = await readPlainFile(directory, file);
      signature = await engineSignature(file.path, bytes, terms.execution);
      files.push({ ...file, sha256: sha256(bytes) });
    } else {
      files.push({ ...file, sha256: await hashPlainFile(directory, file) });
    }
  }
  const circuit = named === null ? null : await namedCircuit(directory, named, signature);
  const manifest: Manifest = { schema: 'proofmark manifest v1', owner, ...terms, files, ...signature, circuit };
  const encoded = encode(manifest);
  return { manifest, encoded, modelId: sha256(encoded) };
}

function parse(bytes: Uint8Array): DraftJson {
  try {
    return draftReader(parseJson(bytes, limits.draftBytes), '');
  } catch (error) {
    throw asDraftError(error, DRAFT_FILE);
  }
}

/** A model may have names that no manifest can hold; its publisher learns it here, and not from a worker. */
function encode(manifest: Manifest): Uint8Array {
  try {
    return encodeManifest(manifest);
  } catch (error) {
    const inModel = error instanceof WireError && /^manifest\.(inputs|outputs)\b/.test(error.place.field ?? '');
    if (!inModel) throw asDraftError(error, 'the manifest');
    throw new DraftError('model_refused', `${manifest.entry}: ${error.message}`, manifest.entry, { cause: error });
  }
}

function asDraftError(error: unknown, where: string): unknown {
  if (!(error instanceof WireError)) return error;
  return new DraftError('draft_invalid', `${where}: ${error.message}`, error.place.field ?? '', { cause: error });
}

/** Whoever pulls a release may have a file system that does not tell upper case from lower. */
function checkPaths(paths: readonly string[]): void {
  const seen = new Map<string, string>();
  for (const path of paths) {
    const folded = path.toLowerCase();
    if (RESERVED.has(folded.split('/')[0] ?? '')) {
      throw new DraftError('path_reserved', `${path} is a name of what is written beside a release`, path);
    }
    const other = seen.get(folded);
    if (other !== undefined) throw collision(path, other);
    seen.set(folded, path);
  }
  for (const path of paths) {
    for (const folder of foldersOf(path.toLowerCase())) {
      const file = seen.get(folder);
      if (file !== undefined) throw collision(path, file);
    }
  }
}

function collision(path: string, other: string): DraftError {
  const detail = path === other ? `${path} is listed twice` : `${path} and ${other} cannot lie beside each other`;
  return new DraftError('path_collision', detail, path);
}

function checkNames({ entry, samples, files, circuit }: Omit<DraftJson, 'schema'>): void {
  const paths = new Set(files);
  const named = [
    { field: 'entry', path: entry },
    ...(circuit === null ? [] : [{ field: 'circuit', path: circuit }]),
    ...samples.flatMap(({ request, response }, index) => [
      { field: `samples[${index}].request`, path: request },
      { field: `samples[${index}].response`, path: response },
    ]),
  ];
  for (const { field, path } of named) {
    if (paths.has(path)) continue;
    throw new DraftError('draft_invalid', `${DRAFT_FILE}: ${path} in ${field} is not among the files`, field);
  }
}

function foldersOf(path: string): readonly string[] {
  const parts = path.split('/');
  return parts.slice(1).map((_, index) => parts.slice(0, index + 1).join('/'));
}
