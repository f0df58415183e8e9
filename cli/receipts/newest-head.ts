import { ClientError } from '../../client/index.ts';
import type { WorkerFacts } from '../../verifier/index.ts';
import { equalBytes, toHex } from '../../wire/bytes.ts';
import { base64urlBytes, hexBytes, integer, object, type Reader } from '../../wire/codec/fields.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { verifyLowS } from '../../wire/crypto/ecdsa.ts';
import type { Suite } from '../../wire/crypto/suite.ts';
import { WireError } from '../../wire/errors.ts';
import { limits } from '../../wire/limits.ts';
import { checkpointKeyPreimage, encodeCheckpoint } from '../../wire/message/checkpoint.ts';
import { signerPoint } from '../../wire/message/identity.ts';
import { decodeTreeHead, HEAD_BYTES, type TreeHead } from '../../wire/message/receipt.ts';
import { type Asker, proveWorker, shown } from './prove-worker.ts';

export interface NewestHead {
  readonly level: WorkerFacts['level'];
  readonly head: TreeHead;
  /** As C2SP's tlog-checkpoint writes it, made here of what was checked. */
  readonly checkpoint: string;
}

interface Shown {
  readonly log: Uint8Array;
  readonly size: number;
  readonly head: Uint8Array;
  readonly signature: Uint8Array;
}

const headReader: Reader<Shown> = object<Shown>({
  log: hexBytes(32),
  size: integer({ min: 0, max: limits.treeSize }),
  head: base64urlBytes(HEAD_BYTES),
  signature: base64urlBytes(64),
});

/** The newest head that the host shows of a proven worker's log. A host can hold newer ones back. */
export async function newestHead(asker: Asker, log: Uint8Array | undefined): Promise<NewestHead> {
  const { worker } = await proveWorker(asker, log);
  if (log !== undefined && !equalBytes(worker.log, log))
    throw notOfLog('evidence_of_other_log', 'the host shows the evidence of another');
  const served = await asker.host.get(`/v1/log/head?log=${toHex(worker.log)}`, limits.bundleBytes);
  const said = shown(() => headReader(parseJson(served, limits.bundleBytes), 'head'));
  const head = shown(() => decodeTreeHead(said.head));
  const { chainId, settlement } = worker.identity;
  const named = equalBytes(head.log, worker.log) && head.chainId === chainId && equalBytes(head.settlement, settlement);
  if (!named) throw notOfLog('head_of_other_log', 'it is of another log or chain');
  const signer = signerPoint(worker.identity);
  if (!(await isSigned(asker.suite, signer, said))) throw notOfLog('head_signature', 'the worker did not sign it');
  const keyId = await asker.suite.sha256(checkpointKeyPreimage(worker.log, signer));
  const checkpoint = encodeCheckpoint({ head: said.head, signature: said.signature, keyId });
  return { level: worker.level, head, checkpoint };
}

async function isSigned(suite: Suite, point: Uint8Array, { head, signature }: Shown): Promise<boolean> {
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
