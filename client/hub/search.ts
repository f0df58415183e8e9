import { array, decimal, hexBytes, nullable, object, oneOf, type Reader, text } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { releaseStatus } from '../../wire/message/authorisations.ts';
import type { ReleaseStatusName } from '../../wire/message/hub.ts';
import { RELEASE_NAME, RELEASE_VERSION } from '../../wire/message/manifest.ts';
import { answered } from './answers.ts';

/** One line of what a hub found: claims, by which a release is fetched that proves itself. */
export interface FoundRelease {
  readonly namespace: string;
  readonly name: string;
  readonly version: string;
  readonly modelId: Uint8Array;
  readonly kind: 'tensor' | 'text-generation';
  readonly task: string;
  readonly tags: readonly string[];
  readonly description: string;
  readonly licence: string;
  readonly status: ReleaseStatusName;
}

export interface FoundReleases {
  readonly releases: readonly FoundRelease[];
  /** What to ask for the next page with; null on the last one. */
  readonly next: bigint | null;
}

const statusNames = Object.keys(releaseStatus) as readonly ReleaseStatusName[];

const found: Reader<FoundReleases> = object<FoundReleases>({
  releases: array(
    object<FoundRelease>({
      namespace: text({ min: 1, max: 64, pattern: RELEASE_NAME }),
      name: text({ min: 1, max: 64, pattern: RELEASE_NAME }),
      version: text({ min: 5, max: 128, pattern: RELEASE_VERSION }),
      modelId: hexBytes(32),
      kind: oneOf(['tensor', 'text-generation']),
      task: text({ min: 0, max: 64 }),
      tags: array(text({ min: 1, max: 64 }), { min: 0, max: 64 }),
      description: text({ min: 0, max: 4_096 }),
      licence: text({ min: 1, max: 128 }),
      status: oneOf(statusNames),
    }),
    { min: 0, max: limits.hubPage },
  ),
  next: nullable(decimal(64)),
});

/** The path that asks for what has this text in its name, description or tags. */
export function searchPath(wanted: string, cursor: bigint | null): string {
  const from = cursor === null ? '' : `&cursor=${cursor}`;
  return `/v1/hub/search?q=${encodeURIComponent(wanted)}${from}`;
}

export function decodeFound(encoded: Uint8Array): FoundReleases {
  return answered(() => found(parseJson(encoded, limits.hubReleaseBytes), 'search'));
}
