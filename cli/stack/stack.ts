import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Platform } from '../../enclave/simulator/platform.ts';
import { roleCommand } from '../../enclave/simulator/role.ts';
import {
  type Supervisor,
  type SupervisorEvent,
  startSupervisor,
  workerSocketPath,
} from '../../enclave/simulator/supervisor.ts';
import { parseWorkerPolicy, type WorkerPolicy } from '../../verifier/index.ts';
import { CommandError } from '../exit-codes.ts';
import { type DemoFiles, type ServedRelease, writeConfiguration, writeDemoFiles } from './demo-files.ts';
import type { OnChain } from './on-chain.ts';
import { simulatorPolicy } from './policy.ts';
import { choosePort } from './port.ts';
import { openTier, type TierName } from './tiers.ts';

/** Everything of one tier on one machine: signer, isolated worker, host, and a policy that accepts just them. */
export interface Stack {
  readonly url: string;
  readonly policy: WorkerPolicy;
  readonly policyFile: string;
  readonly files: DemoFiles;
  readonly supervisor: Supervisor;
}

export interface StackOptions {
  readonly stateDirectory: string;
  readonly port: number;
  readonly tier: TierName;
  /** Whose hardware is simulated. */
  readonly platform: Platform;
  /** What is served: the generated model where nothing is named. */
  readonly release?: ServedRelease;
  /** Another form of that release, as an encrypted one, and what its host needs for it. */
  readonly instead?: {
    readonly release: string;
    readonly hostArguments: readonly string[];
    readonly hostEnvironment: Readonly<Record<string, string>>;
  };
  /** Where the worker is registered and paid. */
  readonly onChain?: OnChain;
  readonly onEvent: (event: SupervisorEvent) => void;
}

export async function startStack(options: StackOptions): Promise<Stack> {
  const { stateDirectory, platform } = options;
  await mkdir(stateDirectory, { recursive: true, mode: 0o700 });
  const { tier, readyMs } = await openTier(options.tier, { stateDirectory, platform });
  const { onChain } = options;
  const files =
    options.release === undefined
      ? await writeDemoFiles(stateDirectory, onChain?.identity)
      : await writeConfiguration(stateDirectory, options.release, onChain?.identity);
  const port = options.port === 0 ? await choosePort() : options.port;
  const host = roleCommand('../../host/main');
  const supervisor = await startSupervisor({
    stateDirectory,
    tier,
    host: {
      command: host.command,
      args: [
        ...host.args,
        ...['--link', workerSocketPath(stateDirectory)],
        ...['--state', join(stateDirectory, 'host')],
        ...['--listen', `127.0.0.1:${port}`],
        ...['--configuration', files.configurationFile],
        // Nobody but this machine's user is counted here.
        ...['--statistics', 'public'],
        ...['--release', options.instead?.release ?? files.releaseDirectory],
        ...(onChain === undefined ? [] : ['--settlement', onChain.settlementFile]),
        ...(options.instead?.hostArguments ?? []),
      ],
      env: { ...options.instead?.hostEnvironment },
    },
    onEvent: options.onEvent,
  });
  const url = `http://127.0.0.1:${port}`;
  try {
    await waitUntilReady(url, readyMs);
    const { measurement, rootCertificate } = supervisor;
    const rules = simulatorPolicy({ platform, measurement, rootCertificate, files, now: Date.now() });
    const policyFile = join(stateDirectory, 'policy.json');
    await writeFile(policyFile, `${JSON.stringify(rules, null, 2)}\n`);
    return { url, policy: parseWorkerPolicy(rules), policyFile, files, supervisor };
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
}

async function waitUntilReady(url: string, readyMs: number): Promise<void> {
  const deadline = performance.now() + readyMs;
  while (performance.now() < deadline) {
    const ready = await fetch(`${url}/v2/health/ready`).then(
      (response) => response.ok,
      () => false,
    );
    if (ready) return;
    await sleep(50);
  }
  throw new CommandError(`nothing became ready at ${url} within ${readyMs / 1_000} seconds`);
}
