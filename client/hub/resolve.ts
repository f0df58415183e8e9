import { equalBytes, fromHex, toHex } from '../../wire/bytes.ts';
import { WireError } from '../../wire/errors.ts';
import { type HubVersion, type HubVersions, parseRepository, type ReleaseStatusName } from '../../wire/message/hub.ts';
import { compareVersions } from '../../wire/message/versions.ts';
import type { HubApi } from './api.ts';
import { HubError } from './errors.ts';
import type { HubMemory, KnownStatus } from './memory.ts';
import type { HubPlatform } from './platform.ts';
import { type ProvenRelease, type Publishers, proveRelease, proveStatus } from './release.ts';
import { type Persistence, persistently } from './retry.ts';

/** What was asked for by name, as the name says it; undefined is not said. */
export interface Wanted {
  readonly namespace: string | undefined;
  readonly name: string | undefined;
  readonly version: string | undefined;
  readonly modelId: Uint8Array;
}

export interface Looking extends Persistence {
  readonly api: HubApi;
  readonly platform: HubPlatform;
  readonly publishers: Publishers;
  readonly memory: HubMemory | 'none';
}

const MODEL_ID = /^[0-9a-f]{64}$/;

/** `namespace/name`, `namespace/name@version`, `namespace/name@modelId`, or a model id in hex. */
export async function resolveReference(looking: Looking, reference: string): Promise<Wanted> {
  if (MODEL_ID.test(reference)) {
    return { namespace: undefined, name: undefined, version: undefined, modelId: fromHex(reference, 32) };
  }
  const { namespace, name, revision } = repositoryOf(reference);
  if (revision !== null && MODEL_ID.test(revision)) {
    return { namespace, name, version: undefined, modelId: fromHex(revision, 32) };
  }
  const listed = await versionsOf(looking, { namespace, name });
  const found = revision === null ? newest(listed) : listed.versions.find(({ version }) => version === revision);
  if (found === undefined)
    throw new HubError('version_unknown', `${namespace}/${name} has no ${revision ?? 'version'}`);
  return { namespace, name, version: found.version, modelId: found.modelId };
}

/** The hub's list: claims, each to be held against the manifest that it leads to. */
export async function versionsOf(
  looking: Looking,
  repository: { readonly namespace: string; readonly name: string },
): Promise<HubVersions> {
  const listed = await persistently(looking, null, () => looking.api.versions(repository));
  if (listed.namespace !== repository.namespace || listed.name !== repository.name) {
    throw new HubError('answer_invalid', 'the versions of another repository');
  }
  return listed;
}

export function repositoryOf(reference: string): ReturnType<typeof parseRepository> {
  try {
    return parseRepository(reference);
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    throw new HubError('argument_invalid', error.message, { cause: error });
  }
}

/** Without a word about it nobody means what its owner took back, nor what is not finished while something is. */
function newest({ versions }: HubVersions): HubVersion | undefined {
  const standing = versions.filter(({ status }) => status !== 'yanked');
  const finished = standing.filter(({ version }) => !version.includes('-'));
  const sorted = [...(finished.length > 0 ? finished : standing)];
  return sorted.sort((a, b) => compareVersions(b.version, a.version))[0];
}

/** The signed release behind a reference, held against the reference, against its signatures, and against what was seen before. */
export async function findRelease(looking: Looking, wanted: Wanted): Promise<ProvenRelease> {
  const { api, platform, publishers } = looking;
  const shown = await persistently(looking, null, () => api.release(wanted.modelId));
  const release = await proveRelease(shown, { modelId: wanted.modelId, publishers, suite: platform.suite });
  const { manifest } = release.facts;
  if (wanted.namespace !== undefined && release.namespace !== wanted.namespace) {
    throw new HubError('version_mismatch', `${release.namespace} was shown instead of ${wanted.namespace}`);
  }
  const right =
    (wanted.name === undefined || wanted.name === manifest.name) &&
    (wanted.version === undefined || wanted.version === manifest.version);
  if (!right) {
    const asked = `${wanted.name} ${wanted.version ?? ''}`.trim();
    throw new HubError('version_mismatch', `shown as ${asked}, signed as ${manifest.name} ${manifest.version}`);
  }
  await holdOwner(looking, release);
  return release;
}

/** A namespace is the operator's word. Whoever named the publisher knows better; whoever did not goes by what was seen first. */
async function holdOwner({ api, memory, publishers }: Looking, { namespace, facts }: ProvenRelease): Promise<void> {
  if (memory === 'none') return;
  const { owner } = facts.manifest;
  const before = await memory.owner(api.origin, namespace);
  if (before !== undefined && equalBytes(before, owner)) return;
  if (before !== undefined && publishers === 'any') {
    throw new HubError('owner_changed', `${namespace} was ${toHex(before)}, and now is ${toHex(owner)}`);
  }
  await memory.keepOwner(api.origin, namespace, owner);
}

export type Standing = ReleaseStatusName;

/** The owner's last word on a release, no older than what is known of it here; and it is remembered from now on. */
export async function holdStatus(
  { memory, platform: { suite } }: Pick<Looking, 'memory' | 'platform'>,
  { facts, status }: ProvenRelease,
  known: KnownStatus | undefined,
): Promise<Standing> {
  const { modelId, manifest } = facts;
  const remembered = memory === 'none' ? undefined : await memory.status(modelId);
  const seen = later(known, remembered);
  if (status === null) {
    if (seen === undefined || seen.sequence === 0n) return 'active';
    throw new HubError('status_replayed', `none is shown, and number ${seen.sequence} was seen before`);
  }
  await proveStatus(status, { modelId, owner: manifest.owner, suite, seen: seen ?? 'nothing' });
  if (memory !== 'none') await memory.keepStatus(status);
  return status.status;
}

function later(one: KnownStatus | undefined, other: KnownStatus | undefined): KnownStatus | undefined {
  if (one === undefined || other === undefined) return one ?? other;
  return one.sequence > other.sequence ? one : other;
}
