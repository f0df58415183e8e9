import { equalBytes, toHex } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { decodeIdentity, encodeIdentity, logPreimage, signerPoint } from '../../wire/message/identity.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../wire/message/receipt.ts';
import { verifyConsistency, verifyInclusion } from '../../wire/tree/verify.ts';
import { ClientError } from '../errors.ts';
import type { HostTransport } from '../transport.ts';
import type { Proof } from '../types.ts';
import { violation } from '../violation.ts';
import { type PostedRoot, postConflictingHead, revokeTwoRoots, type SignedHead } from './equivocation.ts';
import { createLogSource, type ShownHead } from './fetch.ts';
import type { HeadStore } from './store.ts';

export interface WatchOptions {
  readonly host: HostTransport;
  readonly suite: Suite;
  readonly store?: HeadStore;
  /** The roots that a settlement keeps of a log, read from a chain that the caller trusts. */
  readonly onChain?: (log: Uint8Array) => Promise<readonly PostedRoot[]>;
}

/**
 * Sees to it that logs only grow (DESIGN section 4). A single answer proves its place under one head; that all heads are
 * of one history is what this is for. It throws `log_forked` with the evidence, and `log_withheld` where a host does not
 * show what it must: the one is a proof, the other an alarm.
 */
export interface LogWatch {
  /** A verified answer: its head joins those that are to be one history, its receipt those that must stay in it. */
  see(proof: Pick<Proof, 'worker' | 'bundle'>): Promise<void>;
  /** Asks the host how all heads of all logs grew out of each other, and the chain for its own. */
  check(): Promise<void>;
}

interface Watched {
  readonly log: Uint8Array;
  readonly identity: Uint8Array;
  /** Continues all that were checked before. */
  newest: SignedHead | undefined;
  /** By size: seen, and not yet joined with the newest. */
  readonly pending: Map<number, SignedHead>;
  /** The latest receipts, as they were signed. */
  readonly receipts: Uint8Array[];
}

/** Holds the heads of one log against each other, and against those on chain: the alarm for a worker with two histories. */
export function watchLog(options: WatchOptions): LogWatch {
  const { suite } = options;
  const source = createLogSource(options.host);
  const logs = new Map<string, Watched>();
  let loaded: Promise<void> | undefined;

  async function load(): Promise<void> {
    for (const kept of (await options.store?.load()) ?? []) {
      const log = await suite.sha256(logPreimage(kept.identity));
      const watched = watchedOf(log, kept.identity);
      watched.newest = await signed(watched, kept);
    }
  }

  function watchedOf(log: Uint8Array, identity: Uint8Array): Watched {
    const key = toHex(log);
    const known = logs.get(key);
    if (known !== undefined) return known;
    const watched: Watched = { log, identity, newest: undefined, pending: new Map(), receipts: [] };
    logs.set(key, watched);
    return watched;
  }

  /** What somebody shows as a head of this log: signed by its worker, for its chain, or a violation. */
  async function signed({ log, identity }: Watched, shown: ShownHead): Promise<SignedHead> {
    const head = violation(() => decodeTreeHead(shown.head));
    const words = decodeIdentity(identity);
    const named =
      equalBytes(head.log, log) && head.chainId === words.chainId && equalBytes(head.settlement, words.settlement);
    if (!named || !(await isSigned(signerPoint(words), shown))) {
      throw new ClientError('protocol_violated', 'not a head of this log', { reason: 'head_signature' });
    }
    return { ...shown, log, size: head.size, root: head.root };
  }

  async function isSigned(point: Uint8Array, { head, signature }: ShownHead): Promise<boolean> {
    try {
      return await verifyLowS(suite, point, head, signature);
    } catch (error) {
      if (error instanceof WireError) return false;
      throw error;
    }
  }

  function add(watched: Watched, head: SignedHead): void {
    for (const known of [watched.newest, watched.pending.get(head.size)]) {
      if (known?.size !== head.size || equalBytes(known.root, head.root)) continue;
      const call = revokeTwoRoots(watched.identity, known, head);
      throw new ClientError('log_forked', `two roots for ${head.size} leaves`, {
        evidence: { heads: [known, head], call },
      });
    }
    if (watched.newest?.size !== head.size) watched.pending.set(head.size, head);
  }

  async function see({ worker, bundle }: Pick<Proof, 'worker' | 'bundle'>): Promise<void> {
    loaded ??= load();
    await loaded;
    const watched = watchedOf(worker.log, encodeIdentity(worker.identity));
    add(watched, await signed(watched, bundle));
    watched.receipts.push(bundle.receipt);
    if (watched.receipts.length > limits.watchedReceipts) watched.receipts.shift();
    // Bounded by joining them, not by forgetting any: each could be the one of another history.
    if (watched.pending.size >= limits.watchedHeads) await join(watched);
  }

  /** From the smallest to the largest, each must have grown out of the one before. */
  async function join(watched: Watched): Promise<void> {
    const ordered = [...watched.pending.values()].sort((a, b) => a.size - b.size);
    for (const head of ordered) {
      const { newest } = watched;
      if (newest !== undefined) await requireGrowth(watched.log, ...inOrder(newest, head));
      watched.pending.delete(head.size);
      if (newest === undefined || head.size > newest.size) watched.newest = head;
    }
    if (ordered.length > 0 && watched.newest !== undefined) {
      const { head, signature } = watched.newest;
      await options.store?.save({ identity: watched.identity, head, signature });
    }
  }

  async function requireGrowth(log: Uint8Array, first: PostedRoot, second: PostedRoot): Promise<void> {
    // A tree without leaves is the beginning of every history, and has no proof of that.
    if (first.size === 0) return;
    const proof = await source.consistency(log, first.size, second.size);
    const claim = { first: first.size, firstRoot: first.root, second: second.size, secondRoot: second.root, proof };
    if (await verifyConsistency(suite, claim)) return;
    throw new ClientError('log_withheld', `no proof that ${second.size} leaves continue ${first.size}`, {
      reason: 'consistency_proof',
    });
  }

  async function checkChain(watched: Watched): Promise<void> {
    const { newest, log } = watched;
    if (newest === undefined || options.onChain === undefined) return;
    const posted = await options.onChain(Uint8Array.from(log));
    // The largest hold all before them; those are checked against each other when they are the largest.
    const latest = [...posted].sort((a, b) => b.size - a.size).slice(0, limits.watchedHeads);
    for (const root of latest) {
      if (root.size !== newest.size) {
        await requireGrowth(log, ...inOrder(newest, root));
      } else if (!equalBytes(root.root, newest.root)) {
        const call = postConflictingHead(newest);
        throw new ClientError('log_forked', `another root for ${newest.size} leaves is on chain`, {
          evidence: { heads: [newest, root], call },
        });
      }
    }
  }

  /** One of the latest receipts, which nobody can foresee, must still be where it was. */
  async function checkReceipt(watched: Watched): Promise<void> {
    const { receipts } = watched;
    const [draw = 0] = suite.randomBytes(1);
    const mine = receipts[draw % Math.max(receipts.length, 1)];
    if (mine === undefined) return;
    const { requestId, index } = decodeReceipt(mine);
    const shown = await source.receipt(requestId);
    const head = await signed(watched, shown);
    const leafHash = await suite.sha256(leafPreimage(mine));
    const claim = { leafHash, index: Number(index), size: head.size, proof: shown.proof, root: head.root };
    if (!(await verifyInclusion(suite, claim))) {
      throw new ClientError('log_withheld', 'a receipt that was given is not shown under a later head', {
        reason: 'inclusion_proof',
      });
    }
    add(watched, head);
  }

  async function check(): Promise<void> {
    loaded ??= load();
    await loaded;
    for (const watched of logs.values()) {
      add(watched, await signed(watched, await source.newest(watched.log)));
      await checkReceipt(watched);
      await join(watched);
      await checkChain(watched);
    }
  }

  return { see, check };
}

function inOrder<T extends PostedRoot, U extends PostedRoot>(a: T, b: U): readonly [T | U, T | U] {
  return a.size <= b.size ? [a, b] : [b, a];
}
