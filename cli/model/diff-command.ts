import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { decodeManifest, type Manifest, type ManifestFile, type ManifestTensor } from '../../wire/message/manifest.ts';
import { type Parsed, parseArguments } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { heading, jsonLine, printable, type Style } from '../report.ts';
import { compareReleases, type Difference, type Side, type Step } from './compare-releases.ts';
import { DRAFT_FILE, type Draft, readDraft } from './draft.ts';
import { type GraphFacts, readFacts, type ValueFacts } from './facts.ts';
import { hubOptions, publisherOption, publishersOf, withHub } from './hub-options.ts';
import { findPlainFile, hashPlainFile, readPlainFile } from './plain-file.ts';
import { engineSignature, type ModelSignature } from './signature.ts';

/** Exits 1 where the step between the versions is smaller than what changed. */
export async function diff(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, { ...hubOptions, ...publisherOption });
  const [one, other, ...more] = parsed.positionals;
  if (one === undefined || other === undefined || more.length > 0) {
    throw new UsageError('model diff: name two releases: folders, or references on a hub');
  }
  const difference = compareReleases(await openSide(context, parsed, one), await openSide(context, parsed, other));
  if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify(difference)));
  else context.write(linesOf(difference, context.style));
  return difference.enough === 'yes' ? exitCode.accepted : exitCode.failed;
}

async function openSide(context: CommandContext, parsed: Parsed, reference: string): Promise<Side> {
  if (await isFile(join(reference, DRAFT_FILE))) return fromDraft(reference, await readDraft(reference));
  if (await isFile(join(reference, 'manifest.json'))) return fromReleaseFolder(reference);
  if (parsed.values['hub'] === undefined) {
    throw new CommandError(
      `${reference} has neither ${DRAFT_FILE} nor manifest.json; for a reference on a hub say --hub`,
    );
  }
  return withHub(context, parsed, publishersOf(parsed), async (hub) => {
    const { facts } = await hub.release(reference);
    return fromManifest(`${facts.manifest.name} ${facts.manifest.version} on the hub`, facts.manifest, null);
  });
}

async function fromDraft(directory: string, draft: Draft): Promise<Side> {
  const { files: found, circuit, ...written } = draft;
  const files: ManifestFile[] = [];
  for (const file of found) files.push({ ...file, sha256: await hashPlainFile(directory, file) });
  // A draft has the path of a key among its files, a manifest the key's digest.
  const terms = { ...written, circuit: files.find(({ path }) => path === circuit)?.sha256 ?? null };
  const entry = await entryOf(directory, terms.entry);
  const graph = readFacts(entry);
  const signature: ModelSignature =
    terms.kind === 'tensor' ? await signatureOf(terms.entry, entry, draft, graph) : { inputs: [], outputs: [] };
  return { label: `${terms.name} ${terms.version} (draft)`, terms, files, graph, ...signature };
}

/** Without an engine by what the file says, which is what it says of the other side as well where nothing changed. */
async function signatureOf(entry: string, bytes: Uint8Array, draft: Draft, graph: GraphFacts): Promise<ModelSignature> {
  try {
    return await engineSignature(entry, bytes, draft.execution);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ERR_MODULE_NOT_FOUND')) throw error;
    return { inputs: graph.inputs.map(declared), outputs: graph.outputs.map(declared) };
  }
}

function declared({ name, datatype, shape }: ValueFacts): ManifestTensor {
  return { name, datatype: datatype ?? 'BYTES', shape: (shape ?? []).map((size) => (size === '' ? '_' : size)) };
}

async function fromReleaseFolder(directory: string): Promise<Side> {
  const file = await findPlainFile(directory, 'manifest.json', limits.manifestBytes);
  const encoded = await readPlainFile(directory, file);
  const manifest = decodeManifest(encoded);
  // An encrypted release has its files under other names, and nothing in them to look at.
  const readable = await isFile(join(directory, manifest.entry));
  const graph = readable ? readFacts(await provenEntry(directory, manifest)) : null;
  return fromManifest(`${manifest.name} ${manifest.version}`, manifest, graph);
}

async function provenEntry(directory: string, { entry, files }: Manifest): Promise<Uint8Array> {
  const bytes = await entryOf(directory, entry);
  const meant = files.find(({ path }) => path === entry)?.sha256;
  if (meant !== undefined && Buffer.from(meant).equals(sha256(bytes))) return bytes;
  throw new CommandError(`${join(directory, entry)} is not what the manifest says`);
}

async function entryOf(directory: string, entry: string): Promise<Uint8Array> {
  return readPlainFile(directory, await findPlainFile(directory, entry, limits.modelFileBytes));
}

function fromManifest(label: string, manifest: Manifest, graph: GraphFacts | null): Side {
  const { files, inputs, outputs } = manifest;
  return { label, terms: manifest, files, inputs, outputs, graph };
}

async function isFile(path: string): Promise<boolean> {
  return lstat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

const words: Readonly<Record<Step, string>> = {
  none: 'changes nothing for callers',
  patch: 'callers notice nothing',
  minor: 'callers go on as before, and get other answers or more',
  major: 'callers have to change something',
};

function linesOf({ from, to, changes, deserves, taken, enough }: Difference, style: Style): string {
  const subjects = [...new Set(changes.map(({ subject }) => subject))];
  const parts = subjects.flatMap((subject) => [
    heading(subject[0]?.toUpperCase() + subject.slice(1), style),
    ...changes
      .filter((change) => change.subject === subject)
      .map(({ what, step }) => `  ${(step === 'none' ? '' : step).padEnd(6)} ${printable(what)}\n`),
  ]);
  const step =
    taken === 'backwards'
      ? 'the version goes backwards'
      : taken === 'none'
        ? 'the version stays'
        : `the version takes a ${taken} step`;
  const verdict =
    deserves === 'none'
      ? `nothing changed; ${step}`
      : `${enough === 'yes' ? '✓' : '✗'} deserves a ${deserves} step (${words[deserves]}); ${step}`;
  return `${printable(`${from} → ${to}`)}\n${parts.join('')}${heading('Verdict', style)}  ${verdict}\n`;
}
