import { createHash } from 'node:crypto';
import type { HubVersions, ReleaseStatusName } from '../../../wire/message/hub.ts';
import { createHubApi } from '../../hub/api.ts';
import { HubError } from '../../hub/errors.ts';
import type { HubMemory } from '../../hub/memory.ts';
import { defaultPatience, type HubPatience, type HubPlatform, type HubProgress } from '../../hub/platform.ts';
import { type Published, type Publishing, publishRelease } from '../../hub/publish.ts';
import { type Pulled, pullRelease } from '../../hub/pull.ts';
import type { ProvenRelease, Publishers } from '../../hub/release.ts';
import {
  findRelease,
  holdStatus,
  type Looking,
  repositoryOf,
  resolveReference,
  versionsOf,
} from '../../hub/resolve.ts';
import { smallFile } from '../../hub/small-file.ts';
import { type Stated, type Stating, stateRelease } from '../../hub/state.ts';
import { clientSuite } from '../suite.ts';
import { releaseFolder } from './folder.ts';
import { folderSource } from './source.ts';
import { hubTransport } from './transport.ts';

export interface HubConnection {
  readonly url: string;
  /** A reader's token, for private releases. */
  readonly token: string | 'none';
  /** Whose releases are accepted: keys, or any. */
  readonly publishers: Publishers;
  /** What was seen before; without it an old status, or a namespace given to somebody else, is believed again. */
  readonly memory: HubMemory | 'none';
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: HubProgress) => void;
  readonly patience?: HubPatience;
  /** Until the next piece in either direction. */
  readonly timeoutMs?: number;
}

export interface PullOptions {
  readonly directory: string;
  readonly yanked: 'refuse' | 'allow';
}

export type PublishOptions = Pick<Publishing, 'release' | 'form' | 'visibility' | 'sign'> & {
  readonly directory: string;
};
export type StateOptions = Pick<Stating, 'owner' | 'sign' | 'atLeast'>;

/** A hub, which is asked and not believed. References are `namespace/name`, with `@version` or `@modelId`, or a model id. */
export interface Hub {
  pull(reference: string, options: PullOptions): Promise<Pulled>;
  publish(options: PublishOptions): Promise<Published>;
  /** Claims of the hub, until each release is looked at. */
  versions(repository: string): Promise<HubVersions>;
  /** Proven, and no older in its owner's words than what was seen; what was taken back is shown all the same. */
  release(reference: string): Promise<ProvenRelease>;
  /** A file of a plain release in memory, with its digest held. */
  smallFile(release: ProvenRelease, path: string, maxBytes: number): Promise<Uint8Array>;
  state(reference: string, status: ReleaseStatusName, options: StateOptions): Promise<Stated>;
}

const TIMEOUT_MS = 30_000;

const platform: HubPlatform = {
  suite: clientSuite,
  hash: () => {
    const hash = createHash('sha256');
    return { update: (bytes) => hash.update(bytes), digest: () => Uint8Array.from(hash.digest()) };
  },
  pause: (ms, signal) =>
    new Promise((resolve, reject) => {
      const stop = (): void => {
        clearTimeout(timer);
        reject(signal?.reason);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', stop);
        resolve();
      }, ms);
      signal?.addEventListener('abort', stop, { once: true });
    }),
};

/** A hub that is not believed: releases are fetched, proven and published through it. Nothing is sent before the first call. */
export function connectHub(connection: HubConnection): Hub {
  const { url, token, publishers, memory, signal, timeoutMs = TIMEOUT_MS, patience = defaultPatience } = connection;
  const api = createHubApi({ transport: hubTransport({ url, timeoutMs }), token, signal });
  const onProgress = connection.onProgress ?? (() => {});
  const looking: Looking = { api, platform, publishers, memory, signal, onProgress, patience };

  return {
    pull: (reference, { directory, yanked }) =>
      pullRelease({ ...looking, folder: releaseFolder(directory), yanked }, reference),
    publish: ({ directory, ...rest }) => publishRelease({ ...looking, ...rest, source: folderSource(directory) }),
    versions: (repository) => {
      const { revision, ...name } = repositoryOf(repository);
      if (revision !== null) throw new HubError('argument_invalid', 'namespace/name, without a version');
      return versionsOf(looking, name);
    },
    release: async (reference) => {
      const release = await findRelease(looking, await resolveReference(looking, reference));
      await holdStatus(looking, release, undefined);
      return release;
    },
    smallFile: (release, path, maxBytes) => smallFile(looking, release, path, maxBytes),
    state: (reference, status, options) => stateRelease({ ...looking, ...options }, reference, status),
  };
}
