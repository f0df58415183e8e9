import type { WorkerFacts } from '../../verifier/index.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { encodeIdentity } from '../../wire/message/identity.ts';
import type { TreeHead } from '../../wire/message/receipt.ts';
import { verifyConsistency } from '../../wire/tree/verify.ts';
import { ClientError } from '../errors.ts';
import { type PostedRoot, postConflictingHead, revokeTwoRoots, type SignedHead } from '../watch/equivocation.ts';
import { createLogSource, type ShownHead } from '../watch/fetch.ts';
import { checkedHead, newestOf } from './newest-head.ts';
import type { Asker } from './prove-worker.ts';

/** How one head of a log and the newest one belong together. */
export interface Joined {
  readonly first: number;
  readonly second: number;
  /** Hashes of the proof: none where both are of one size. */
  readonly hashes: number;
}

export interface Growth {
  readonly newest: TreeHead;
  /** As it was signed, for whoever remembers it. */
  readonly shown: ShownHead;
  readonly joined: readonly Joined[];
}

export interface SeenHeads {
  /** As the worker signed them: of receipts, and newest ones of earlier. */
  readonly signed: readonly ShownHead[];
  /** As a chain keeps them. */
  readonly posted: readonly PostedRoot[];
}

/**
 * Asks for the newest head and for the proof that it and each head that was seen are of one history. Throws `log_forked`
 * with the evidence where two roots are of one size, and `log_withheld` where the host shows no proof that holds.
 */
export async function growthOf(
  asker: Pick<Asker, 'host' | 'suite'>,
  worker: Pick<WorkerFacts, 'log' | 'identity'>,
  seen: SeenHeads,
): Promise<Growth> {
  const { head: newest, shown } = await newestOf(asker, worker);
  const latest: SignedHead = { ...shown, log: worker.log, size: newest.size, root: newest.root };
  const joined: Joined[] = [];
  for (const one of seen.signed) {
    const { head, shown: earlier } = await checkedHead(asker.suite, worker, one);
    const { size, root } = head;
    const signed: SignedHead = { ...earlier, log: worker.log, size, root };
    if (size === newest.size && !equalBytes(root, newest.root)) {
      const call = revokeTwoRoots(encodeIdentity(worker.identity), signed, latest);
      throw forked(size, { heads: [signed, latest], call });
    }
    joined.push(await join(asker, worker.log, signed, latest));
  }
  for (const root of seen.posted) {
    if (root.size === newest.size && !equalBytes(root.root, newest.root)) {
      throw forked(root.size, { heads: [latest, root], call: postConflictingHead(latest) });
    }
    joined.push(await join(asker, worker.log, root, latest));
  }
  return { newest, shown, joined };
}

function forked(size: number, evidence: NonNullable<ClientError['evidence']>): ClientError {
  return new ClientError('log_forked', `two roots for ${size} leaves`, { evidence });
}

async function join(
  { host, suite }: Pick<Asker, 'host' | 'suite'>,
  log: Uint8Array,
  one: PostedRoot,
  other: PostedRoot,
): Promise<Joined> {
  const [older, newer] = one.size <= other.size ? [one, other] : [other, one];
  const sizes = { first: older.size, second: newer.size };
  // A tree without leaves begins every history, and equal sizes were compared.
  if (older.size === 0 || older.size === newer.size) return { ...sizes, hashes: 0 };
  const proof = await createLogSource(host).consistency(log, older.size, newer.size);
  if (await verifyConsistency(suite, { ...sizes, firstRoot: older.root, secondRoot: newer.root, proof })) {
    return { ...sizes, hashes: proof.length };
  }
  throw new ClientError('log_withheld', `no proof that ${newer.size} leaves continue ${older.size}`, {
    reason: 'consistency_proof',
  });
}
