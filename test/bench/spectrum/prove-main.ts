import { type ProverFiles, proveRow } from '../../../cli/circuit/prove.ts';
import { openCircuitKey } from '../../../client/proofs/key.ts';
import { verifyProof } from '../../../client/proofs/verify.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { serveJobs } from '../../support/forked.ts';
import { time } from '../report.ts';
import type { ProveJob, ProveResult } from './prover.ts';

const POINT = 7n;
const VERIFICATIONS = 20;

/** One prover in a process of its own, so that its memory is nobody else's. */
serveJobs(async ({ key, zkey, wasm, input, output, rounds }: ProveJob): Promise<ProveResult> => {
  const files: ProverFiles = { key: await openCircuitKey(nodeSuite, key), zkey, wasm };
  const seconds: number[] = [];
  let file: Uint8Array = new Uint8Array(0);
  for (let round = 0; round < rounds; round++) {
    const started = performance.now();
    file = (await proveRow(files, { salt: new Uint8Array(32).fill(round + 1), input, output }, POINT)).file;
    seconds.push((performance.now() - started) / 1_000);
  }
  const { medianMs } = await time(VERIFICATIONS, () => verifyProof(files.key, file));
  return {
    seconds,
    verifyMs: medianMs,
    fileBytes: file.length,
    // In KiB, as getrusage has it.
    megabytes: (process.resourceUsage().maxRSS * 1_024) / 1e6,
  };
});
