import { ClientError } from '../../../../../client/errors.ts';
import type { HostTransport } from '../../../../../client/transport.ts';
import {
  type ReleaseFacts,
  type SeenStatus,
  type StatusFacts,
  type Verdict,
  type Verified,
  verifyRelease,
  verifyStatus,
} from '../../../../../verifier/index.ts';
import { fromHex, toHex } from '../../../../../wire/bytes.ts';
import type { Suite } from '../../../../../wire/crypto/suite.ts';
import { limits } from '../../../../../wire/limits.ts';
import { decodeSignedStatus, type SignedStatus } from '../../../../../wire/message/hub.ts';
import type { SignedRelease } from '../../../../../wire/message/manifest.ts';
import { askRelease, type ListedRelease, readAnswer } from '../../connection/served-releases.ts';

export interface ShownRelease {
  readonly signed: SignedRelease;
  /** Whoever owns it: id, owner and signature hold, or there is nothing to show. */
  readonly facts: Verified<ReleaseFacts>;
  /** What the user's policy says of it. */
  readonly verdict: Verdict<Verified<ReleaseFacts>>;
}

export type Publishers = 'any' | readonly Uint8Array[];

/** The release behind an id. Throws where what is shown is not it; one of a publisher that is not accepted is shown as such. */
export async function readRelease(
  host: HostTransport,
  modelId: Uint8Array,
  { publishers, suite }: { readonly publishers: Publishers; readonly suite: Suite },
): Promise<ShownRelease> {
  const signed = await askRelease(host, modelId);
  const whoever = await verifyRelease(signed, { modelId, publishers: 'any', suite });
  if (whoever.verdict !== 'accepted') {
    const { code: reason } = whoever;
    throw new ClientError('release_refused', `the release is ${whoever.verdict}`, { reason, verdict: whoever });
  }
  const verdict = publishers === 'any' ? whoever : await verifyRelease(signed, { modelId, publishers, suite });
  return { signed, facts: whoever.proven, verdict };
}

/** What the owner says of a release after it was published. */
export type Standing =
  /** Nothing: which looks like a word that is kept back. */
  | { readonly kind: 'none' }
  | { readonly kind: 'signed'; readonly facts: Verified<StatusFacts> }
  /** Something is shown as the owner's word, and is not, or is not the last one. */
  | { readonly kind: 'refused'; readonly verdict: Exclude<Verdict<unknown>, { readonly verdict: 'accepted' }> };

/** The highest status of each release that this page has seen. */
export type StatusMemory = Map<string, SeenStatus>;

/** A host without the route keeps none either. */
const NONE: ReadonlySet<string> = new Set(['status_unknown', 'model_unknown', 'not_found']);

export async function readStanding(
  host: HostTransport,
  release: Verified<ReleaseFacts>,
  judging: { readonly memory: StatusMemory; readonly suite: Suite },
): Promise<Standing> {
  const bytes = await shownStatus(host, toHex(release.modelId));
  if (bytes === undefined) return { kind: 'none' };
  return judgeStatus(
    readAnswer(() => decodeSignedStatus(bytes)),
    release,
    judging,
  );
}

/** Whoever shows it: it is the owner's word, and no older than one that was seen before, or it is shown as not that. */
export async function judgeStatus(
  given: SignedStatus,
  { modelId, manifest }: Verified<ReleaseFacts>,
  { memory, suite }: { readonly memory: StatusMemory; readonly suite: Suite },
): Promise<Standing> {
  const key = toHex(modelId);
  const seen = memory.get(key) ?? 'nothing';
  const verdict = await verifyStatus(given, { modelId, owner: manifest.owner, seen, refuse: 'nothing', suite });
  if (verdict.verdict !== 'accepted') return { kind: 'refused', verdict };
  memory.set(key, verdict.proven);
  return { kind: 'signed', facts: verdict.proven };
}

async function shownStatus(host: HostTransport, modelId: string): Promise<Uint8Array | undefined> {
  try {
    return await host.get(`/v1/releases/${modelId}/status`, limits.signedStatusBytes);
  } catch (error) {
    if (error instanceof ClientError && error.code === 'host_error' && NONE.has(error.reason)) return undefined;
    throw error;
  }
}

/** Releases that the host lists under the name of one, newest first as it says. */
export function siblingsOf(listed: readonly ListedRelease[], name: string): readonly ListedRelease[] {
  return listed.filter((each) => each.name === name);
}

export function idOf(modelId: string): Uint8Array {
  return fromHex(modelId, 32);
}
