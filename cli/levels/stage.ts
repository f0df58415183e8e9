import { type Client, connect } from '../../client/index.ts';
import type { Platform } from '../../enclave/simulator/platform.ts';
import type { Verified, WorkerFacts } from '../../verifier/index.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { listRelease } from '../commands/on-chain.ts';
import type { Steps } from '../progress/steps.ts';
import { type DemoRelease, openDemoRelease, shippedDraft } from '../stack/demo-release.ts';
import {
  type ChainChoice,
  type HostTransactions,
  hex,
  listenForTransactions,
  type OnChain,
  openOnChain,
} from '../stack/on-chain.ts';
import { type Stack, startStack } from '../stack/stack.ts';

/** What every level stands on: a chain of this machine, and the integer model, published and listed. */
export interface Stage {
  readonly stateDirectory: string;
  readonly onChain: OnChain;
  readonly release: DemoRelease;
  /** As people name the model. */
  readonly model: string;
  readonly steps: Steps;
  /** How many transactions made the chain what it is before anybody asks. */
  readonly prepared: number;
}

export interface StageOptions {
  readonly stateDirectory: string;
  readonly start: Extract<ChainChoice, { readonly kind: 'local' }>['start'];
  readonly steps: Steps;
}

const PLATFORM: Platform = { tee: 'aws-nitro', role: null };

export async function withStage<T>(
  { stateDirectory, start, steps }: StageOptions,
  use: (stage: Stage) => Promise<T>,
): Promise<T> {
  steps.begin('starts a chain, and creates the contracts');
  const onChain = await openOnChain(stateDirectory, PLATFORM, start);
  let release: DemoRelease | undefined;
  try {
    steps.begin('publishes the model to a hub of this machine, pulls it again, and lists it');
    release = await openDemoRelease(stateDirectory, shippedDraft('volatility-1h-int8'));
    const prepared = onChain.local.done.length;
    await listRelease(onChain, release);
    const model = `${release.repository} ${release.version}`;
    return await use({ stateDirectory, onChain, release, model, steps, prepared });
  } finally {
    steps.end();
    await release?.hub.close();
    await onChain.local.stop();
  }
}

/** A worker that is registered on the stage's chain, and a policy there that accepts it and no other. */
export interface WorkerStage extends Stage {
  readonly stack: Stack;
  readonly host: HostTransactions;
  readonly client: Client;
  readonly worker: Verified<WorkerFacts>;
  readonly policy: `0x${string}`;
}

const DAY_SECONDS = 86_400;

export async function withWorker<T>(stage: Stage, use: (stage: WorkerStage) => Promise<T>): Promise<T> {
  const { stateDirectory, onChain, release, steps } = stage;
  const { local } = onChain;
  const host = listenForTransactions();
  steps.begin('starts signer, worker and host, and registers the worker');
  const stack = await startStack({
    ...{ stateDirectory, port: 0, tier: 'sim-process', platform: PLATFORM, release, onChain },
    onEvent: (event) => {
      if (event.kind === 'output' && event.role === 'host') host.hear(event.line);
    },
  });
  try {
    // Nobody else makes blocks here, and a registration names one that has another above it.
    for (let blocks = 0; blocks < 2; blocks++) await local.chain.rpc('evm_mine', []);
    await host.next('register');
    const client = connect(stack.url, { policy: stack.policy });
    const worker = await client.worker();
    const { deploySimulatorPolicy } = await import('../../contracts/deploy/index.ts');
    const policy = await deploySimulatorPolicy(local, {
      registry: local.deployment.registry,
      image: hex(worker.imageId),
      provenance: hex(sha256(worker.imageId)),
      config: hex(worker.identity.config),
      operator: local.operator,
      expiresAt: Math.floor(Date.now() / 1_000) + DAY_SECONDS,
    });
    return await use({ ...stage, stack, host, client, worker, policy });
  } finally {
    await stack.supervisor.stop();
  }
}
