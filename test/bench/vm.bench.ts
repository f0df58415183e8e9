import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startStack } from '../../cli/stack/stack.ts';
import { lacksForMachine } from '../support/machine.ts';
import { clientOver, demoCall, tap } from '../support/stack.ts';
import { type Report, time } from './report.ts';

const CALLS = 100;

/** The machine tier, beside the numbers of the process tier: what emulation costs. */
export async function run(report: Report): Promise<void> {
  const lacking = await lacksForMachine();
  if (lacking !== null) {
    console.log(`  left out: ${lacking}`);
    return;
  }
  const stateDirectory = await mkdtemp(join(tmpdir(), 'pm-'));
  // The worker's start, without the build of its image, which other commands measure.
  let booting = performance.now();
  const stack = await startStack({
    stateDirectory,
    port: 0,
    tier: 'sim-vm',
    platform: { tee: 'aws-nitro', role: null },
    onEvent: (event) => {
      if (event.kind === 'started' && event.role === 'signer') booting = performance.now();
    },
  });
  try {
    report.add('enclave.vm.ready_ms', performance.now() - booting);
    const client = clientOver(tap(stack.url).host, stack.policy);
    await client.infer(demoCall(stack));
    const { medianMs } = await time(CALLS, () => client.infer(demoCall(stack)));
    report.add('enclave.vm.infer_p50_ms', medianMs);
    report.add('enclave.vm.rss_mb', residentMegabytes(stack.supervisor.pids().worker));
  } finally {
    await stack.supervisor.stop();
    await rm(stateDirectory, { recursive: true, force: true });
  }
}

/** Of the emulator, and so of everything in the machine. */
function residentMegabytes(pid: number | null): number {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kibibytes) * 1_024) / 1e6;
}
