import type { WorkerFacts } from '../../verifier/index.ts';
import { equalBytes } from '../../wire/bytes.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { checkpointKeyPreimage, encodeCheckpoint } from '../../wire/message/checkpoint.ts';
import { signerPoint } from '../../wire/message/identity.ts';
import { decodeTreeHead, type TreeHead } from '../../wire/message/receipt.ts';
import { ClientError } from '../errors.ts';
import { createLogSource, type ShownHead } from '../watch/fetch.ts';
import { type Asker, proveWorker, shown } from './prove-worker.ts';

export interface NewestHead {
  readonly level: WorkerFacts['level'];
  readonly head: TreeHead;
  /** As C2SP's tlog-checkpoint writes it, made here of what was checked. */
  readonly checkpoint: string;
}

/** The newest head that the host shows of a proven worker's log. A host can hold newer ones back. */
export async function newestHead(asker: Asker, log: Uint8Array | undefined): Promise<NewestHead> {
  const { worker } = await proveWorker(asker, log);
  if (log !== undefined && !equalBytes(worker.log, log))
    throw notOfLog('evidence_of_other_log', 'the host shows the evidence of another');
  const { head, shown } = await newestOf(asker, worker);
  const keyId = await asker.suite.sha256(checkpointKeyPreimage(worker.log, signerPoint(worker.identity)));
  return { level: worker.level, head, checkpoint: encodeCheckpoint({ ...shown, keyId }) };
}

export interface NewestOf {
  readonly head: TreeHead;
  readonly shown: ShownHead;
}

/** What the host shows as the newest head of this worker, which signed it for its chain. */
export async function newestOf(
  { host, suite }: Pick<Asker, 'host' | 'suite'>,
  worker: Pick<WorkerFacts, 'log' | 'identity'>,
): Promise<NewestOf> {
  return checkedHead(suite, worker, await createLogSource(host).newest(worker.log));
}

/** A head that this worker signed, of its log and for its chain, or a violation. */
export async function checkedHead(
  suite: Suite,
  worker: Pick<WorkerFacts, 'log' | 'identity'>,
  said: ShownHead,
): Promise<NewestOf> {
  const head = shown(() => decodeTreeHead(said.head));
  const { chainId, settlement } = worker.identity;
  const named = equalBytes(head.log, worker.log) && head.chainId === chainId && equalBytes(head.settlement, settlement);
  if (!named) throw notOfLog('head_of_other_log', 'it is of another log or chain');
  if (!(await isSigned(suite, signerPoint(worker.identity), said)))
    throw notOfLog('head_signature', 'the worker did not sign it');
  return { head, shown: { head: said.head, signature: said.signature } };
}

async function isSigned(suite: Suite, point: Uint8Array, { head, signature }: ShownHead): Promise<boolean> {
  try {
    return await verifyLowS(suite, point, head, signature);
  } catch (error) {
    if (error instanceof WireError) return false;
    throw error;
  }
}

type Reason = 'evidence_of_other_log' | 'head_of_other_log' | 'head_signature';

function notOfLog(reason: Reason, why: string): ClientError {
  return new ClientError('protocol_violated', `not a head of this log: ${why}`, { reason });
}
