import { lstat, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { parseJson } from '../../wire/codec/json.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeManifest, type Manifest, RELEASE_PATH, type ReleaseTerms } from '../../wire/message/manifest.ts';
import { CommandError } from '../exit-codes.ts';
import { memberOf } from './compare.ts';
import { DRAFT_FILE, readDraft } from './draft.ts';
import { DraftError } from './draft-error.ts';
import { type Remark, refusedRemark } from './findings.ts';
import { findPlainFile, readPlainFile } from './plain-file.ts';

/** What `check` was pointed at: one file, a draft, a release, or a folder as model hubs hold them. */
export interface Subject {
  readonly form: 'file' | 'draft' | 'release' | 'folder';
  readonly kind: Manifest['kind'];
  readonly entry: string;
  readonly directory: string;
  /** By path: the entry of a tensor model, or all that a language model's process gets. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  /** Of a draft or a release. */
  readonly terms: Terms | null;
  /** Every path that is published, where that is written down. */
  readonly published: readonly string[] | null;
  readonly remarks: readonly Remark[];
}

export interface Terms extends Pick<ReleaseTerms, 'name' | 'version' | 'execution' | 'limits' | 'samples'> {
  /** The key's digest, or in a draft its path. */
  readonly circuit: Uint8Array | string | null;
}

/** What a language model's process reads (enclave/worker/releases.ts has the same list). */
const LANGUAGE_FILE =
  /(^|\/)([^/]+\.onnx|config\.json|generation_config\.json|genai_config\.json|tokenizer\.json|tokenizer_config\.json|special_tokens_map\.json|chat_template\.jinja)$/;

export async function openSubject(path: string, asked: Manifest['kind'] | undefined): Promise<Subject> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    throw new CommandError(`cannot read ${path}: ${error.code ?? error.message}`);
  });
  if (!found.isDirectory()) return openFile(path, asked ?? 'tensor');
  const names = new Set(await readdir(path));
  if (names.has(DRAFT_FILE)) return openDraft(path);
  if (names.has('manifest.json')) return openReleaseFolder(path);
  return openFolder(path, asked);
}

async function openFile(path: string, kind: Manifest['kind']): Promise<Subject> {
  const [directory, entry] = [dirname(path), basename(path)];
  const files = await readAll(directory, [entry]);
  return { form: 'file', kind, entry, directory, files, terms: null, published: null, remarks: [] };
}

async function openDraft(directory: string): Promise<Subject> {
  try {
    const { files: listed, ...terms } = await readDraft(directory);
    const published = listed.map(({ path }) => path);
    return await fromTerms({ form: 'draft', directory, ...terms, terms, published });
  } catch (error) {
    if (!(error instanceof DraftError)) throw error;
    // What is wrong with the draft is one thing to say; the model has its own.
    const { kind, entry } = await intended(directory);
    const folder = await openFolder(directory, kind, entry);
    return { ...folder, form: 'draft', remarks: [draftRemark(error), ...folder.remarks] };
  }
}

function draftRemark({ message, place }: DraftError): Remark {
  const licence = place === 'licence';
  return refusedRemark(
    'draft_refused',
    place === '' ? DRAFT_FILE : place,
    licence ? `${DRAFT_FILE} names no licence` : message,
    licence
      ? 'Name it as SPDX does ("Apache-2.0", "MIT"), or as LicenseRef- and a name of your own: nobody else can know it.'
      : 'The schema is attestations/schemas/proofmark-release-draft.schema.json.',
  );
}

/** Kind and entry of a draft that is not right, as far as it names them: for looking at the model all the same. */
async function intended(
  directory: string,
): Promise<{ readonly kind: Manifest['kind'] | undefined; readonly entry: string | undefined }> {
  try {
    const file = await findPlainFile(directory, DRAFT_FILE, limits.draftBytes);
    const json = parseJson(await readPlainFile(directory, file), limits.draftBytes);
    const [kind, entry] = [memberOf(json, 'kind'), memberOf(json, 'entry')];
    return {
      kind: kind === 'tensor' || kind === 'text-generation' ? kind : undefined,
      entry: typeof entry === 'string' && RELEASE_PATH.test(entry) ? entry : undefined,
    };
  } catch (error) {
    if (error instanceof WireError || error instanceof DraftError) return { kind: undefined, entry: undefined };
    throw error;
  }
}

async function openReleaseFolder(directory: string): Promise<Subject> {
  const file = await findPlainFile(directory, 'manifest.json', limits.manifestBytes);
  const bytes = await readPlainFile(directory, file);
  try {
    const manifest = decodeManifest(bytes);
    const published = manifest.files.map(({ path }) => path);
    return await fromTerms({ form: 'release', directory, ...manifest, terms: manifest, published });
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${join(directory, 'manifest.json')}: ${error.message}`, { cause: error });
  }
}

async function fromTerms(
  given: Pick<Subject, 'form' | 'kind' | 'entry' | 'directory'> & {
    readonly terms: Terms;
    readonly published: readonly string[];
  },
): Promise<Subject> {
  const { form, kind, entry, directory, terms, published } = given;
  const wanted = kind === 'tensor' ? [entry] : published.filter((path) => LANGUAGE_FILE.test(path));
  const remarks = countRemarks(wanted);
  const files = await readAll(directory, wanted.slice(0, limits.languageFiles));
  return { form, kind, entry, directory, terms, published, files, remarks };
}

/** As exporters write it: the entry is the decoder that takes both a prompt and a past, where there is one. */
async function openFolder(directory: string, asked: Manifest['kind'] | undefined, meant?: string): Promise<Subject> {
  const listed = await readdir(directory, { recursive: true });
  const paths = listed.map((path) => path.replaceAll('\\', '/')).filter((path) => path.split('/').length <= 2);
  const kind =
    asked ?? (paths.includes('tokenizer.json') && paths.includes('config.json') ? 'text-generation' : 'tensor');
  const entry = meant ?? entryAmong(paths, kind);
  if (entry === undefined)
    throw new CommandError(`${directory} has no .onnx file, or several: name the one that is meant`);
  const wanted = kind === 'tensor' ? [entry] : paths.filter((path) => LANGUAGE_FILE.test(path)).sort();
  const files = await readAll(directory, wanted.slice(0, limits.languageFiles));
  return { form: 'folder', kind, entry, directory, files, terms: null, published: null, remarks: countRemarks(wanted) };
}

const ENTRIES = ['decoder_model_merged.onnx', 'model.onnx', 'decoder_model.onnx'];

function entryAmong(paths: readonly string[], kind: Manifest['kind']): string | undefined {
  const graphs = paths.filter((path) => path.endsWith('.onnx')).sort();
  const usual = kind === 'tensor' ? ['model.onnx'] : ENTRIES;
  const found = usual.flatMap((name) => graphs.filter((path) => basename(path) === name))[0];
  return found ?? (graphs.length === 1 ? graphs[0] : undefined);
}

function countRemarks(wanted: readonly string[]): readonly Remark[] {
  if (wanted.length <= limits.languageFiles) return [];
  return [
    refusedRemark(
      'draft_refused',
      'files',
      `${wanted.length} files for the model process, which takes ${limits.languageFiles}`,
      'Publish one export of the model: no other precisions beside it.',
    ),
  ];
}

async function readAll(directory: string, paths: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
  const files = new Map<string, Uint8Array>();
  for (const path of paths) {
    try {
      files.set(path, await readPlainFile(directory, await findPlainFile(directory, path, limits.modelFileBytes)));
    } catch (error) {
      if (error instanceof DraftError)
        throw new CommandError(`${join(directory, path)}: ${error.message}`, { cause: error });
      throw error;
    }
  }
  return files;
}
