import { constants } from 'node:fs';
import { copyFile, lstat, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { runtime } from '../../enclave/worker/runtime.ts';
import type { JsonValue } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { type Manifest, RELEASE_NAME, RELEASE_PATH } from '../../wire/message/manifest.ts';
import { CommandError, UsageError } from '../exit-codes.ts';
import { cardOf } from './card.ts';
import { DRAFT_FILE, DRAFT_SCHEMA } from './draft.ts';
import { type GraphFacts, readFacts, type ValueFacts } from './facts.ts';
import { openSubject, type Subject } from './subject.ts';

export interface InitOptions {
  readonly directory: string;
  /** A file or folder elsewhere, which is copied; null looks at what lies in the directory. */
  readonly from: string | null;
  readonly name: string | null;
}

export interface Initiated {
  readonly name: string;
  readonly kind: Manifest['kind'];
  readonly entry: string;
  readonly graph: GraphFacts;
  /** New files, by their paths in the directory. */
  readonly written: readonly string[];
  /** What lay there already, and was left as it is. */
  readonly kept: readonly string[];
  /** What a model card in the folder says; nobody but a person can say whether that is so. */
  readonly licenceInCard: string | null;
}

const DRAFT_VERSION = '0.1.0';
const CARD = 'README.md';
/** The text of a licence travels with what it is for. */
const LICENCE_FILES = ['LICENSE', 'LICENSE.txt', 'LICENSE.md', 'NOTICE'];
const RUN_MILLISECONDS = { tensor: 10_000, 'text-generation': 120_000 } as const;

/** Writes a draft of a release with all that the files tell. Nothing that lies there is touched. */
export async function initDraft({ directory, from, name: asked }: InitOptions): Promise<Initiated> {
  await mkdir(directory, { recursive: true });
  if (await exists(join(directory, DRAFT_FILE))) throw new CommandError(`${join(directory, DRAFT_FILE)} exists`);
  const source = await openSubject(from ?? directory, undefined);
  const unfit = [...source.files.keys()].find((path) => !RELEASE_PATH.test(path));
  if (unfit !== undefined) {
    throw new CommandError(`rename ${unfit}: paths of a release have letters, digits, dots, hyphens and underscores`);
  }
  const { kind, entry } = source;
  const name = nameOf(asked, directory, source);
  const bytes = source.files.get(entry) ?? new Uint8Array(0);
  const graph = readFacts(bytes);
  const place = createPlace(directory);
  const models = [...source.files.keys()];
  const licences = await namesAmong(source.directory, LICENCE_FILES);
  if (resolve(source.directory) !== resolve(directory)) {
    for (const path of [...models, ...licences, ...(await namesAmong(source.directory, [CARD]))]) {
      await place.copy(source.directory, path);
    }
  }
  const samples = kind === 'tensor' ? tensorSample(graph, name) : languageSample;
  for (const [path, content] of Object.entries(samples)) await place.write(path, content);
  const sampled = Object.keys(samples).length > 0;
  await place.write(CARD, cardOf({ name, kind, entry, graph }));
  const files = [...models, CARD, ...licences, ...Object.keys(samples)];
  const draft = {
    schema: DRAFT_SCHEMA,
    name,
    version: DRAFT_VERSION,
    kind,
    description: '',
    // Nobody can guess it, and a draft without one is refused.
    licence: '',
    task: kind === 'text-generation' ? kind : '',
    tags: [],
    entry,
    files,
    execution: { engine: 'onnxruntime', optimisation: runtime.optimisation, threads: runtime.threads, batchRows: 1 },
    limits: { memoryBytes: memoryFor(source), runMilliseconds: RUN_MILLISECONDS[kind] },
    samples: sampled ? [{ request: REQUEST, response: RESPONSE }] : [],
    circuit: null,
  };
  await place.write(DRAFT_FILE, json(draft));
  const licenceInCard = await licenceOf(join(directory, CARD));
  return { name, kind, entry, graph, written: place.written, kept: place.kept, licenceInCard };
}

interface Place {
  readonly written: string[];
  readonly kept: string[];
  write(path: string, content: string): Promise<void>;
  copy(from: string, path: string): Promise<void>;
}

function createPlace(directory: string): Place {
  const written: string[] = [];
  const kept: string[] = [];
  async function make(path: string, work: (target: string) => Promise<void>): Promise<void> {
    const target = join(directory, path);
    await mkdir(dirname(target), { recursive: true });
    try {
      await work(target);
      written.push(path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      kept.push(path);
    }
  }
  return {
    written,
    kept,
    // A link that leads elsewhere counts as a file that is there.
    write: (path, content) => make(path, (target) => writeFile(target, content, { flag: 'wx' })),
    copy: (from, path) =>
      make(path, async (target) => {
        await copyFile(join(from, path), target, constants.COPYFILE_EXCL);
      }),
  };
}

function nameOf(asked: string | null, directory: string, { form, entry, directory: source }: Subject): string {
  if (asked !== null) {
    if (RELEASE_NAME.test(asked)) return asked;
    throw new UsageError(`--name ${asked}: lower-case letters, digits and hyphens, 64 at most`);
  }
  const own = basename(entry, extname(entry));
  const found = form === 'file' && own !== 'model' ? own : basename(resolve(form === 'file' ? directory : source));
  const name = found
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .slice(0, 64)
    .replaceAll(/^-+|-+$/g, '');
  if (RELEASE_NAME.test(name)) return name;
  throw new UsageError(`${found} gives no name: say --name`);
}

/** Weights are held as a file, in the engine, and in what its optimiser makes of them. */
function memoryFor({ files }: Subject): number {
  const bytes = [...files.values()].reduce((sum, { length }) => sum + length, 0);
  const needed = 4 * bytes + 256 * MEBIBYTE;
  return Math.ceil(needed / (64 * MEBIBYTE)) * 64 * MEBIBYTE;
}

const MEBIBYTE = 1_048_576;
const REQUEST = 'samples/first.request.json';
const RESPONSE = 'samples/first.response.json';

/**
 * A request of zeros in the right shape, and a response without numbers: a person replaces both, and until then nothing
 * takes them for a sample.
 */
function tensorSample({ inputs, outputs }: GraphFacts, name: string): Readonly<Record<string, string>> {
  const skeletons = inputs.map(skeleton);
  const known = skeletons.every((tensor) => tensor !== null) && inputs.length > 0;
  if (!known) return {};
  const answer = outputs.map(({ name: output, datatype, shape }) => ({
    ...{ name: output, datatype, shape: shape?.map((size) => (typeof size === 'number' ? size : 1)) ?? [], data: [] },
  }));
  return {
    [REQUEST]: json({ inputs: skeletons }),
    [RESPONSE]: json({ model_name: name, model_version: DRAFT_VERSION, outputs: answer }),
  };
}

/** More numbers than that are no skeleton any more. */
const SKELETON_ELEMENTS = 262_144;

function skeleton({ name, datatype, shape }: ValueFacts): JsonValue {
  if (datatype === null || shape === null) return null;
  const sizes = shape.map((size) => (typeof size === 'number' ? size : 1));
  const elements = sizes.reduce((product, size) => product * size, 1);
  if (elements > SKELETON_ELEMENTS) return null;
  const zero = datatype === 'BOOL' ? false : 0;
  return { name, datatype, shape: sizes, data: Array.from({ length: elements }, () => zero) };
}

const languageSample: Readonly<Record<string, string>> = {
  [REQUEST]: json({ messages: [{ role: 'user', content: '' }], temperature: 0, max_tokens: 64 }),
  [RESPONSE]: json({ message: { role: 'assistant', content: '' }, finish_reason: 'stop' }),
};

function json(value: JsonValue): string {
  return `${JSON.stringify(value, null, 2).replaceAll(/\[\s+((?:(?:0|false|\d+),\s+)*(?:0|false|\d+))\s+\]/g, (_, list: string) => `[${list.replaceAll(/\s+/g, ' ')}]`)}\n`;
}

/** `license: mit` between the first two lines of three hyphens, as model hubs write it. */
async function licenceOf(path: string): Promise<string | null> {
  const text = await readFile(path, 'utf8').catch(() => '');
  if (text.length > limits.draftBytes) return null;
  const [, front = ''] = /^---\r?\n(.*?)\r?\n---/s.exec(text) ?? [];
  return /^licen[sc]e:\s*"?([^\s"]{1,128})"?\s*$/m.exec(front)?.[1] ?? null;
}

async function namesAmong(directory: string, wanted: readonly string[]): Promise<readonly string[]> {
  const names = new Set(await readdir(directory));
  const found: string[] = [];
  for (const name of wanted) {
    if (names.has(name) && (await lstat(join(directory, name))).isFile()) found.push(name);
  }
  return found;
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}
