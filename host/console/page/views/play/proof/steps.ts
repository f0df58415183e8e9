import { inclusionPath, type PathStep } from '../../../../../../client/receipts/path.ts';
import type { Suite } from '../../../../../../wire/crypto/suite.ts';
import { decodeArchive } from '../../../../../../wire/message/archive.ts';
import { executionStep, feeStep, requestStep, responseStep } from './answer-steps.ts';
import { headStep, leafStep, pathStep } from './log-steps.ts';
import type { Given, ProofStep, Proven } from './step.ts';
import { evidenceStep, releaseStep, sessionStep } from './worker-steps.ts';

export interface ReceiptProof {
  readonly steps: readonly ProofStep[];
  readonly path: readonly PathStep[];
}

/**
 * The way from the hardware to one answer, worked out once more from the very bytes that a saved file holds. What the
 * verifier decided stands beside it: this is for seeing, that is for relying on.
 */
export async function proveSteps(proven: Proven, suite: Suite): Promise<ReceiptProof> {
  const archive = decodeArchive(proven.archive());
  const { steps: path } = await inclusionPath(archive, suite);
  const given: Given = { archive, proven, suite };
  const steps = await Promise.all([
    evidenceStep(given),
    sessionStep(given),
    releaseStep(given),
    requestStep(given),
    responseStep(given),
    executionStep(given),
    leafStep(given),
    pathStep(given, path),
    headStep(given),
    feeStep(given),
  ]);
  return { steps, path };
}
