import { equalBytes, toHex } from '../../wire/bytes.ts';
import { releaseStatus, releaseStatusMessage } from '../../wire/message/authorisations.ts';
import type { ReleaseStatusName, SignedStatus } from '../../wire/message/hub.ts';
import { HubError } from './errors.ts';
import { proveStatus } from './release.ts';
import { findRelease, type Looking, resolveReference } from './resolve.ts';
import { persistently } from './retry.ts';

export interface Stating extends Looking {
  readonly owner: Uint8Array;
  /** With the release's own key. */
  readonly sign: (message: Uint8Array) => Promise<Uint8Array>;
  /** The highest number that the owner is known to have used elsewhere, as on a chain; zero where nothing is known. */
  readonly atLeast: (modelId: Uint8Array) => Promise<bigint>;
}

export interface Stated {
  readonly status: SignedStatus;
  readonly name: string;
  readonly version: string;
}

/** The owner's next word on a release: numbered after the last one, wherever that was said. */
export async function stateRelease(stating: Stating, reference: string, status: ReleaseStatusName): Promise<Stated> {
  const { api, memory, owner, platform, sign } = stating;
  const wanted = await resolveReference(stating, reference);
  const release = await findRelease(stating, wanted);
  const { modelId, manifest } = release.facts;
  if (!equalBytes(manifest.owner, owner)) {
    throw new HubError('argument_invalid', `${manifest.name} ${manifest.version} belongs to ${toHex(manifest.owner)}`);
  }
  const remembered = memory === 'none' ? undefined : await memory.status(modelId);
  const elsewhere = await stating.atLeast(modelId);
  const last = [release.status?.sequence ?? 0n, remembered?.sequence ?? 0n, elsewhere].reduce((a, b) =>
    a > b ? a : b,
  );
  const sequence = last + 1n;
  const signature = await sign(releaseStatusMessage(modelId, releaseStatus[status], sequence));
  const statement: SignedStatus = { modelId, status, sequence, owner, signature };
  // A key that does not belong to the name that was given with it is noticed here, and not by the hub.
  await proveStatus(statement, { modelId, owner, suite: platform.suite, seen: 'nothing' });
  await persistently(stating, null, () => api.state(statement));
  if (memory !== 'none') await memory.keepStatus(statement);
  return { status: statement, name: manifest.name, version: manifest.version };
}
