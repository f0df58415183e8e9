import { join } from 'node:path';
import { startForked } from '../../support/forked.ts';

export interface ProveJob {
  readonly key: Uint8Array;
  readonly zkey: Uint8Array;
  readonly wasm: Uint8Array;
  readonly input: readonly bigint[];
  readonly output: readonly bigint[];
  readonly rounds: number;
}

export interface ProveResult {
  /** Of each proof, with its witness and our own check of it; the first one also starts the prover. */
  readonly seconds: readonly number[];
  readonly verifyMs: number;
  readonly fileBytes: number;
  /** The most that the process had resident, Node and its threads included. */
  readonly megabytes: number;
}

export async function measureProver(job: ProveJob): Promise<ProveResult> {
  const prover = startForked<ProveJob, never, ProveResult>(join(import.meta.dirname, 'prove-main.ts'));
  try {
    return await prover.run(job);
  } finally {
    await prover.stop();
  }
}
