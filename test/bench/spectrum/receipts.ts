import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { question } from '../../../cli/levels/question.ts';
import { type StageOptions, withStage, withWorker } from '../../../cli/levels/stage.ts';
import { parseUnverifiedArchive, verifyArchive } from '../../../verifier/index.ts';
import { nodeSuite } from '../../../wire/crypto/node.ts';
import { integersToTensor } from '../../../wire/message/integers.ts';
import { processTree } from '../../support/processes.ts';
import { BenchError, median, time } from '../report.ts';

/** What it takes to check one answer of a worker by its receipt, and by computing it again. */
export interface ReceiptCosts {
  /** Of a `.proofmark` file with everything in it. */
  readonly archiveBytes: number;
  readonly verifyMs: number;
  readonly replaySeconds: number;
  readonly replayMegabytes: number;
}

const VERIFICATIONS = 50;
const REPLAYS = 3;

export function measureReceipts(options: StageOptions): Promise<ReceiptCosts> {
  return withStage(options, (stage) =>
    withWorker(stage, async ({ client, release, stack, stateDirectory }) => {
      const [{ name = '' } = {}] = release.manifest.inputs;
      const row = { decimals: 0, shape: [1, question.length], values: question };
      const input = integersToTensor({ name, datatype: 'UINT8' }, row);
      const answer = await client.infer({
        ...{ modelId: release.modelId, inputs: [input], outputs: 'all', format: 'binary' },
      });
      const archive = answer.archive();
      const { policy, policyFile } = stack;
      const { medianMs } = await time(VERIFICATIONS, async () => {
        const purpose = { kind: 'live', now: Date.now() } as const;
        const read = parseUnverifiedArchive(archive);
        const { verdict } = await verifyArchive(read, { policy, purpose, suite: nodeSuite, cache: 'none' });
        if (verdict !== 'accepted') throw new BenchError('answer_wrong', `the archive is ${verdict}`);
      });
      const file = join(stateDirectory, 'measured.proofmark');
      await writeFile(file, archive);
      const args = ['replay', file, '--policy', policyFile, '--release', release.releaseDirectory];
      const replays = [];
      for (let times = 0; times < REPLAYS; times++) replays.push(await replayed(args));
      return {
        ...{ archiveBytes: archive.length, verifyMs: medianMs },
        replaySeconds: median(replays.map(({ seconds }) => seconds)),
        replayMegabytes: Math.max(...replays.map(({ megabytes }) => megabytes)),
      };
    }),
  );
}

const LOOK_MS = 20;

/** The command as a person runs it, from its start to its end, with the processes that it starts. */
function replayed(args: readonly string[]): Promise<{ readonly seconds: number; readonly megabytes: number }> {
  const root = join(import.meta.dirname, '../../..');
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn(process.execPath, ['--import', 'tsx', 'cli/main.ts', ...args], { cwd: root, stdio: 'ignore' });
    let megabytes = 0;
    const looking = setInterval(() => {
      const resident = processTree([child.pid ?? 0]).reduce((sum, pid) => sum + residentMegabytes(pid), 0);
      megabytes = Math.max(megabytes, resident);
    }, LOOK_MS);
    child.on('error', reject);
    child.on('close', (code) => {
      clearInterval(looking);
      const seconds = (performance.now() - started) / 1_000;
      if (code === 0) resolve({ seconds, megabytes });
      else reject(new BenchError('answer_wrong', `replay ended with ${code}`));
    });
  });
}

function residentMegabytes(pid: number): number {
  try {
    const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return (Number(kibibytes ?? 0) * 1_024) / 1e6;
  } catch {
    return 0;
  }
}
