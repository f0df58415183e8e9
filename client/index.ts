import type { ArchiveSink } from './archive-sink.ts';
import type { Fetch } from './attested-fetch/fetch.ts';
import type { Client } from './client.ts';
import { type ConnectOptions, connectWith } from './connect.ts';
import { archiveFolder } from './node/archive-folder.ts';
import { clientSuite } from './node/suite.ts';
import { nodeTransport } from './node/transport.ts';

export * from './exports.ts';
export { HubError, type HubErrorCode, type HubErrorDetail, hubErrorCodes } from './hub/errors.ts';
export type { HubMemory, KnownStatus } from './hub/memory.ts';
export type { HubPatience, HubProgress } from './hub/platform.ts';
export type { Published } from './hub/publish.ts';
export type { Pulled } from './hub/pull.ts';
export type { ProvenRelease, Publishers } from './hub/release.ts';
export type { Standing } from './hub/resolve.ts';
export type { Stated } from './hub/state.ts';
export { archiveFolder } from './node/archive-folder.ts';
export {
  connectHub,
  type Hub,
  type HubConnection,
  type PublishOptions,
  type PullOptions,
  type StateOptions,
} from './node/hub/connect.ts';
export { fileMemory } from './node/hub/memory.ts';
export { statusFile } from './node/status-file.ts';
export { clientSuite } from './node/suite.ts';
export { nodeTransport } from './node/transport.ts';
export { fileStore } from './payment/file-store.ts';

export interface NodeConnectOptions extends Omit<ConnectOptions, 'archive'> {
  /** A folder, or whatever takes `.proofmark` files: one for every verified answer. */
  readonly archive?: string | ArchiveSink;
}

/**
 * A client for a host at `url`, or for several that stand in for each other, whose workers must satisfy `policy`. Nothing
 * is sent before the first call.
 */
export function connect(url: string | readonly string[], options: NodeConnectOptions): Client {
  const { archive, ...rest } = options;
  const sink = typeof archive === 'string' ? archiveFolder(archive) : archive;
  const platform = { suite: clientSuite, transport: nodeTransport };
  return connectWith(platform, url, sink === undefined ? rest : { ...rest, archive: sink });
}

/** For `new OpenAI({ baseURL, apiKey: 'unused', fetch: createAttestedFetch(url, { policy, models }) })`. */
export function createAttestedFetch(url: string | readonly string[], options: NodeConnectOptions): Fetch {
  return connect(url, options).fetch;
}
