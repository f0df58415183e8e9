import { ClientError } from '../../../../client/errors.ts';
import type { HostTransport } from '../../../../client/transport.ts';
import { createLogSource } from '../../../../client/watch/fetch.ts';
import type { Verified, WorkerFacts } from '../../../../verifier/index.ts';
import { equalBytes } from '../../../../wire/bytes.ts';
import { verifyLowS } from '../../../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../../../wire/crypto/suite.ts';
import { WireError } from '../../../../wire/errors.ts';
import { signerPoint } from '../../../../wire/message/identity.ts';
import { decodeTreeHead } from '../../../../wire/message/receipt.ts';
import { verifyConsistency } from '../../../../wire/tree/verify.ts';

/** A head that the proven worker signed, and that continues every head which was sampled before it. */
export interface ProvenHead {
  readonly size: number;
  readonly root: Uint8Array;
}

export interface GrowthOptions {
  readonly transport: HostTransport;
  readonly suite: Suite;
  readonly worker: Verified<WorkerFacts>;
}

/** Samples a log while the page is open: each head must be signed, no smaller than the last, and grown out of it. */
export function watchGrowth({ transport, suite, worker }: GrowthOptions): { sample(): Promise<ProvenHead> } {
  const source = createLogSource(transport);
  const point = signerPoint(worker.identity);
  let last: ProvenHead | undefined;

  async function newest(): Promise<ProvenHead> {
    const shown = await source.newest(worker.log);
    const head = decoded(() => decodeTreeHead(shown.head));
    const { chainId, settlement } = worker.identity;
    const named =
      equalBytes(head.log, worker.log) && head.chainId === chainId && equalBytes(head.settlement, settlement);
    if (!named) throw notOfLog('head_of_other_log', 'it is of another log or chain');
    const signed = await decodedAsync(verifyLowS(suite, point, shown.head, shown.signature));
    if (!signed) throw notOfLog('head_signature', 'the worker did not sign it');
    return { size: head.size, root: head.root };
  }

  return {
    async sample() {
      const head = await newest();
      if (last !== undefined) await requireGrowth(last, head);
      last = head;
      return head;
    },
  };

  async function requireGrowth(before: ProvenHead, after: ProvenHead): Promise<void> {
    if (after.size < before.size) {
      const why = `a head of ${after.size} leaves, after one of ${before.size}`;
      throw new ClientError('log_withheld', why, { reason: 'head_stale' });
    }
    if (after.size === before.size) {
      if (equalBytes(after.root, before.root)) return;
      throw new ClientError('log_forked', `two roots for ${after.size} leaves, both signed`);
    }
    // A tree without leaves is the beginning of every history, and has no proof of that.
    if (before.size === 0) return;
    const proof = await source.consistency(worker.log, before.size, after.size);
    const claim = {
      ...{ first: before.size, firstRoot: before.root },
      ...{ second: after.size, secondRoot: after.root, proof },
    };
    if (await verifyConsistency(suite, claim)) return;
    throw new ClientError('log_withheld', `no proof that ${after.size} leaves continue ${before.size}`, {
      reason: 'consistency_proof',
    });
  }
}

function decoded<T>(read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof WireError) throw notOfLog('head_of_other_log', 'it is no head at all');
    throw error;
  }
}

/** A signature that cannot be read is none. */
async function decodedAsync(work: Promise<boolean>): Promise<boolean> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

function notOfLog(reason: string, why: string): ClientError {
  return new ClientError('protocol_violated', `not a head of this log: ${why}`, { reason });
}
