import { answered } from '../../../../../client/hub/answers.ts';
import { HubError } from '../../../../../client/hub/errors.ts';
import { type ProvenRelease, proveRelease } from '../../../../../client/hub/release.ts';
import { repositoryOf } from '../../../../../client/hub/resolve.ts';
import { decodeFound, type FoundReleases, searchPath } from '../../../../../client/hub/search.ts';
import type { HostTransport } from '../../../../../client/transport.ts';
import { verifyRelease } from '../../../../../verifier/index.ts';
import { toHex } from '../../../../../wire/bytes.ts';
import type { Suite } from '../../../../../wire/crypto/suite.ts';
import { limits } from '../../../../../wire/limits.ts';
import { decodeHubRelease, decodeHubVersions, type HubVersion } from '../../../../../wire/message/hub.ts';
import { judgeStatus, type Publishers, type ShownRelease, type Standing, type StatusMemory } from './releases.ts';

export async function searchHub(hub: HostTransport, wanted: string, cursor: bigint | null): Promise<FoundReleases> {
  return decodeFound(await hub.get(searchPath(wanted, cursor), limits.hubReleaseBytes));
}

export interface ShownHubRelease {
  readonly hub: ProvenRelease;
  readonly shown: ShownRelease;
  readonly standing: Standing;
}

export interface HubReading {
  readonly publishers: Publishers;
  readonly memory: StatusMemory;
  readonly suite: Suite;
}

/** A release of a hub, held against its id, its owner's signature, and what the hub says to have of its files. */
export async function readHubRelease(
  hub: HostTransport,
  modelId: Uint8Array,
  { publishers, memory, suite }: HubReading,
): Promise<ShownHubRelease> {
  const bytes = await hub.get(`/v1/hub/releases/${toHex(modelId)}`, limits.hubReleaseBytes);
  const given = answered(() => decodeHubRelease(bytes));
  // Its status is judged by itself: one that is not the owner's is shown as that.
  const found = await proveRelease({ ...given, status: null }, { modelId, publishers: 'any', suite });
  const verdict = await verifyRelease(found.signed, { modelId, publishers, suite });
  return {
    hub: found,
    shown: { signed: found.signed, facts: found.facts, verdict },
    standing:
      given.status === null ? { kind: 'none' } : await judgeStatus(given.status, found.facts, { memory, suite }),
  };
}

/** Claims of the hub, each by which a release is fetched that proves itself. */
export async function hubVersions(
  hub: HostTransport,
  { namespace, facts }: ProvenRelease,
): Promise<readonly HubVersion[]> {
  const { name } = facts.manifest;
  repositoryOf(`${namespace}/${name}`);
  const bytes = await hub.get(`/v1/hub/models/${namespace}/${name}`, limits.hubVersionsBytes);
  const listed = answered(() => decodeHubVersions(bytes));
  if (listed.namespace !== namespace || listed.name !== name) {
    throw new HubError('answer_invalid', 'the versions of another repository');
  }
  return listed.versions;
}
