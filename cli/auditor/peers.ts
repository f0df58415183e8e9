import { setTimeout as sleep } from 'node:timers/promises';
import { ClientError } from '../../client/errors.ts';
import type { HostTransport } from '../../client/transport.ts';
import { concatBytes, equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { findingCommitMessage } from '../../wire/message/finding.ts';
import {
  auditorWords,
  type CommitRecord,
  decodeCommitsPage,
  type HeldCommit,
} from '../../wire/message/finding-record.ts';

/** Another auditor of the same log. */
export interface Peer {
  readonly key: Uint8Array;
  readonly host: HostTransport;
}

export interface Held {
  readonly commits: readonly HeldCommit[];
  readonly complete: boolean;
}

export interface WaitOptions {
  readonly log: Uint8Array;
  readonly leaf: Uint8Array;
  /** By the clock of `now`. */
  readonly until: number;
  readonly now: () => number;
  readonly pauseMs: number;
}

/** Asks until every peer shows its commit to that leaf, or the time is over. What was shown then is kept. */
export async function waitForCommits(peers: readonly Peer[], options: WaitOptions): Promise<Held> {
  const found = new Map<string, HeldCommit>();
  for (;;) {
    for (const peer of peers) {
      const name = toHex(peer.key);
      if (found.has(name)) continue;
      const commit = await commitOf(peer, options);
      if (commit !== undefined)
        found.set(name, { auditor: peer.key, digest: commit.digest, signature: commit.signature });
    }
    const complete = found.size === peers.length;
    if (complete || options.now() >= options.until) return { commits: [...found.values()], complete };
    await sleep(options.pauseMs);
  }
}

/** A peer that is away, or shows something else, has shown nothing. */
async function commitOf(
  { key, host }: Peer,
  { log, leaf }: Pick<WaitOptions, 'log' | 'leaf'>,
): Promise<CommitRecord | undefined> {
  try {
    const served = await host.get(`/v1/commits?log=${toHex(log)}&leaf=${toHex(leaf)}`, limits.findingsPageBytes);
    const commits = decodeCommitsPage(served);
    const own = commits.find((commit) => equalBytes(commit.auditor, key) && equalBytes(commit.leaf, leaf));
    return own !== undefined && (await isCommitSigned(own)) ? own : undefined;
  } catch (error) {
    if (error instanceof ClientError || error instanceof WireError) return undefined;
    throw error;
  }
}

export async function isCommitSigned({
  auditor,
  leaf,
  digest,
  signature,
}: Omit<CommitRecord, 'format'>): Promise<boolean> {
  return isSignedBy(auditor, findingCommitMessage({ ...auditorWords(auditor), leaf, digest }), signature);
}

export async function isSignedBy(auditor: Uint8Array, message: Uint8Array, signature: Uint8Array): Promise<boolean> {
  try {
    return await verifyLowS(nodeSuite, concatBytes(Uint8Array.of(4), auditor), message, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}
