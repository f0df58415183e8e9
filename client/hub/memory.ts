import type { ReleaseStatusName, SignedStatus } from '../../wire/message/hub.ts';

/**
 * What a caller has seen before, against which a hub's next answer is held: without it a hub could tell an old status
 * again, or give a namespace to somebody else, and nobody would notice.
 */
export interface HubMemory {
  owner(hub: string, namespace: string): Promise<Uint8Array | undefined>;
  keepOwner(hub: string, namespace: string, owner: Uint8Array): Promise<void>;
  status(modelId: Uint8Array): Promise<KnownStatus | undefined>;
  keepStatus(status: SignedStatus): Promise<void>;
}

export interface KnownStatus {
  readonly status: ReleaseStatusName;
  readonly sequence: bigint;
}
