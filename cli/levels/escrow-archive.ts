import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { clientSuite, nodeTransport } from '../../client/index.ts';
import { archiveOfLookup } from '../../client/receipts/archive.ts';
import { lookUpReceipts } from '../../client/receipts/lookup.ts';
import { headerOf } from '../../host/settlement/answers.ts';
import { keptAnswer } from '../../host/settlement/state.ts';
import type { WorkerPolicy } from '../../verifier/index.ts';
import { fromHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { decodeArchive, encodeArchive } from '../../wire/message/archive.ts';
import type { ReceiptBundle } from '../../wire/message/bundle.ts';
import { format } from '../../wire/message/request.ts';
import { CommandError } from '../exit-codes.ts';
import type { WorkerStage } from './stage.ts';

type Hex = `0x${string}`;

/** What an operator has of a request that others settle. */
export interface EscrowArchive {
  readonly output: Uint8Array;
  readonly bundle: ReceiptBundle;
  /** A `.proofmark` file with both payloads. */
  readonly archive: Uint8Array;
}

const PATIENCE_MS = 60_000;
const LOOK_MS = 25;

/** Waits until the worker has answered a request of the chain, and puts together what shows that it did. */
export async function archiveOfEscrow(
  stage: WorkerStage,
  policy: WorkerPolicy,
  { escrow, input }: { readonly escrow: Hex; readonly input: Uint8Array },
): Promise<EscrowArchive> {
  const { stack, onChain } = stage;
  const id = fromHex(escrow.slice(2), 32);
  const output = await outputOf(stage, id);
  const host = nodeTransport({ url: stack.url, timeoutMs: PATIENCE_MS });
  const asker = { host, policy, suite: clientSuite, now: Date.now };
  const [lookup] = (await lookUpReceipts(asker, id)).found;
  if (lookup.verdict !== 'origin-only') throw new CommandError('nobody vouches for the log of the answer');
  const { settlement } = onChain.local.deployment;
  const terms = await onChain.local.call('Settlement', settlement, 'escrowOf', [escrow]);
  const archive = encodeArchive({
    ...decodeArchive(await archiveOfLookup(asker, lookup)),
    request: { header: headerOf(id, terms as Parameters<typeof headerOf>[1]), bodyHash: sha256(input), body: input },
    response: { format: Number(format.integers), jsonLength: 0, bodyHash: sha256(output), body: output },
  });
  return { output, bundle: lookup.bundle, archive };
}

async function outputOf({ stateDirectory }: WorkerStage, id: Uint8Array): Promise<Uint8Array> {
  const until = performance.now() + PATIENCE_MS;
  while (performance.now() < until) {
    const kept = keptAnswer(join(stateDirectory, 'host', 'settlement'), id);
    if (kept !== undefined) return kept.output;
    await sleep(LOOK_MS);
  }
  throw new CommandError(`the worker did not answer within ${PATIENCE_MS / 1_000} s`);
}
