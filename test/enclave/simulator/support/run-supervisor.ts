import { processTier } from '../../../../enclave/simulator/process-tier.ts';
import { startSupervisor, workerSocketPath } from '../../../../enclave/simulator/supervisor.ts';

/** A supervisor in a process of its own, so that a test can kill it. Prints its parts' pids once they run. */
const [, , stateDirectory, bundle, host] = process.argv as unknown as readonly [string, string, string, string, string];
const supervisor = await startSupervisor({
  stateDirectory,
  tier: processTier({ node: process.execPath, app: [bundle], platform: { tee: 'aws-nitro', role: null } }),
  host: { command: process.execPath, args: [host, workerSocketPath(stateDirectory)], env: {} },
  onEvent: (event) => {
    if (event.kind === 'output' && event.role === 'host' && event.line.startsWith('{')) {
      console.log(JSON.stringify(supervisor.pids()));
    }
  },
});
