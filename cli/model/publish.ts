import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Hub, HubError, type Published } from '../../client/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import { ENVELOPE_FILE } from '../../wire/message/encrypted-release.ts';
import { decodeManifest, type Manifest, type SignedRelease } from '../../wire/message/manifest.ts';
import { payerOf, payerOptions } from '../chain/options.ts';
import { type Parsed, parseArguments, textOption } from '../commands/arguments.ts';
import type { CommandContext } from '../commands/context.ts';
import { confirm } from '../confirm.ts';
import { CommandError, exitCode } from '../exit-codes.ts';
import { jsonLine, rowLines } from '../report.ts';
import { bytesText } from './amounts.ts';
import type { ModelChain } from './chain.ts';
import { registryOf, registryOptions } from './chain-options.ts';
import { buildRelease, DRAFT_FILE, readDraft } from './draft.ts';
import { hubOptions, onlyPositional, readBytes, required, withHub } from './hub-options.ts';
import { type OwnerKey, readOwnerKey } from './keys.ts';
import { hexFile } from './sample-set.ts';

const options = {
  ...hubOptions,
  ...registryOptions,
  ...payerOptions,
  key: { type: 'string' },
  private: { type: 'boolean' },
  yes: { type: 'boolean' },
} as const;

export async function modelPublish(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const directory = onlyPositional(parsed, 'a folder: a draft with release.json, or a signed release');
  const key = await readOwnerKey(required(parsed, 'key'));
  const registry = registryOf(parsed);
  const payer = registry === undefined ? undefined : payerOf(parsed);
  // First: it names every fault and what to do about it, where building a release ends at the first.
  if (!(await exists(join(directory, ENVELOPE_FILE)))) await refuseWhatWorkersRefuse(context, directory);
  const prepared = await prepare(directory, key);
  // Before anything is said anywhere: a chain that does not answer, or a registry that is none.
  const chain = registry === undefined ? undefined : await (await import('./chain.ts')).openModelChain(registry);
  const visibility = parsed.values['private'] === true ? 'private' : 'public';
  await agree(context, parsed, prepared, visibility, chain);
  const { release, form, modelId, manifest } = prepared;

  const { published, repository } = await withHub(context, parsed, [key.owner], async (hub) => {
    const done = await hub.publish({ directory, release, form, visibility, sign: key.sign });
    return { published: done, repository: done.repository ?? (await repositoryOf(hub, modelId)) };
  });
  const listed =
    chain === undefined || payer === undefined
      ? undefined
      : await chain.list({ modelId, manifest, signed: release }, payer, key.sign);
  tell(context, parsed, { published, repository, manifest, visibility, listed });
  return exitCode.accepted;
}

interface Prepared {
  readonly release: SignedRelease;
  readonly manifest: Manifest;
  readonly modelId: Uint8Array;
  readonly form: 'plain' | 'encrypted';
}

/** A draft is built, checked as a worker would, and signed; a signed release is taken as it is, if the key is its owner's. */
async function prepare(directory: string, key: OwnerKey): Promise<Prepared> {
  // Read as `check` reads it: whoever edits a draft means the draft.
  if (await exists(join(directory, DRAFT_FILE))) return prepareDraft(directory, key);
  const encoded = await readBytes(join(directory, 'manifest.json'), limits.manifestBytes);
  const manifest = manifestOf(encoded, directory);
  if (!equalBytes(manifest.owner, key.owner)) {
    throw new CommandError(`${directory} belongs to ${toHex(manifest.owner)}, and the key is another`);
  }
  const signature = await hexFile(join(directory, 'signature.hex'));
  const form = (await exists(join(directory, ENVELOPE_FILE))) ? 'encrypted' : 'plain';
  return { release: { manifest: encoded, owner: key.owner, signature }, manifest, modelId: sha256(encoded), form };
}

async function prepareDraft(directory: string, { owner, sign }: OwnerKey): Promise<Prepared> {
  const { manifest, encoded, modelId } = await buildRelease(directory, await readDraft(directory), owner);
  const signature = await sign(releaseMessage(modelId));
  return { release: { manifest: encoded, owner, signature }, manifest, modelId, form: 'plain' };
}

/** A version is taken for ever, and one that no worker loads is of no use to anybody. What is sealed only its worker can judge. */
async function refuseWhatWorkersRefuse({ warn, style }: CommandContext, directory: string): Promise<void> {
  const { checkModel } = await import('./check.ts');
  const { openSubject } = await import('./subject.ts');
  const { renderCheck } = await import('./render-check.ts');
  const report = await checkModel(await openSubject(directory, undefined), 'load');
  if (report.verdict === 'loads') return;
  warn(renderCheck(report, style));
  if (report.verdict === 'refused') throw new CommandError('a worker would refuse it: nothing was published');
}

function manifestOf(encoded: Uint8Array, directory: string): Manifest {
  try {
    return decodeManifest(encoded);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new CommandError(`${directory}/manifest.json: ${error.message}`);
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await stat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw new CommandError(`cannot read ${path}: ${(error as Error).message}`);
  }
}

/** A version is taken for ever, on the hub and on a chain: somebody has to say so, at the keyboard or on the command line. */
async function agree(
  context: CommandContext,
  parsed: Parsed,
  { manifest, modelId }: Prepared,
  visibility: string,
  chain: ModelChain | undefined,
): Promise<void> {
  const bytes = manifest.files.reduce((sum, { size }) => sum + size, 0);
  const where = chain === undefined ? '' : `, and lists it on chain ${chain.chainId}`;
  context.warn(
    rowLines([
      ['publishes', `${manifest.name} ${manifest.version}, ${visibility}, for ever`],
      ['model id', toHex(modelId)],
      ['files', `${manifest.files.length}, ${bytesText(bytes)}`],
      ['to', `${textOption(parsed, 'hub')}${where}`],
    ]),
  );
  const answer = await confirm(context, 'Publish?', { yes: parsed.values['yes'] });
  if (answer === 'no') throw new CommandError('nothing was published');
}

/** Of a release that was there before. A private one is shown to readers only, of whom its publisher need not be one. */
async function repositoryOf(hub: Hub, modelId: Uint8Array): Promise<string | null> {
  try {
    const { namespace, facts } = await hub.release(toHex(modelId));
    return `${namespace}/${facts.manifest.name}`;
  } catch (error) {
    if (error instanceof HubError && error.code === 'version_unknown') return null;
    throw error;
  }
}

interface Told {
  readonly published: Published;
  readonly repository: string | null;
  readonly manifest: Manifest;
  readonly visibility: string;
  /** Undefined where nobody asked for it, null where it was listed before. */
  readonly listed: string | null | undefined;
}

function tell({ write }: CommandContext, parsed: Parsed, told: Told): void {
  const { published, repository, manifest, visibility, listed } = told;
  const modelId = toHex(published.modelId);
  const { sentFiles, sentBytes } = published;
  if (parsed.values['json'] === true) {
    const transaction = listed ?? null;
    const onChain = listed === undefined ? 'not-asked' : listed === null ? 'listed-before' : 'listed';
    const facts = {
      repository,
      version: manifest.version,
      modelId,
      visibility,
      sentFiles,
      sentBytes,
      onChain,
      transaction,
    };
    write(jsonLine(JSON.stringify(facts)));
    return;
  }
  write(
    rowLines([
      ['repository', repository ?? 'shown to readers only'],
      ['version', manifest.version],
      ['model id', modelId],
      ['owner', toHex(manifest.owner)],
      ['visibility', visibility],
      ['sent', `${sentFiles} of ${published.contents.length} files, ${bytesText(sentBytes)}`],
      ...(listed === undefined ? [] : [['transaction', listed ?? 'none: it was listed before'] as const]),
    ]),
  );
}
