import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, floatTensor, type InferResult } from '../../client/index.ts';
import type { SupervisorEvent } from '../../enclave/simulator/supervisor.ts';
import { exitCode } from '../exit-codes.ts';
import {
  answerLines,
  chainLines,
  checkLines,
  heading,
  notProvenLines,
  outcomeCounts,
  printable,
  workerLines,
} from '../report.ts';
import { listenForTransactions, openOnChain } from '../stack/on-chain.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import { requireTier } from '../stack/tiers.ts';
import { type Parsed, parseArguments, portOption, textOption, tierOption } from './arguments.ts';
import { type CommandContext, defaultStateDirectory } from './context.ts';
import { beginRound, type ChainRound, chainOption, writeNoChain, writeTransactions } from './on-chain.ts';
import { platformOption, platformOptions } from './platform.ts';

const options = {
  ...platformOptions,
  tier: { type: 'string' },
  chain: { type: 'string' },
  port: { type: 'string' },
  state: { type: 'string' },
} as const;
const DEFAULT_PORT = 8_790;

/** Starts everything, proves one inference, and serves until it is told to stop. */
export async function up(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const stateDirectory = textOption(parsed, 'state') ?? defaultStateDirectory();
  await withStack(context, parsed, { stateDirectory, port: portOption(parsed, DEFAULT_PORT) }, async (stack) => {
    const archiveFile = join(stateDirectory, 'answer.proofmark');
    context.write(`${heading('Serving', context.style)}  ${stack.url}\n`);
    context.write(`  audit the answer above:  proofmark audit ${archiveFile} --policy ${stack.policyFile}\n`);
    context.write(`  ask again:               proofmark infer ${stack.url} --policy ${stack.policyFile}\n`);
    context.write('  stop with Ctrl-C\n');
    await stack.supervisor.stopped;
  });
  return exitCode.accepted;
}

/** One round with a state folder of its own: nothing of it stays. */
export async function demo(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, {
    ...platformOptions,
    tier: { type: 'string' },
    chain: { type: 'string' },
  });
  const started = performance.now();
  const stateDirectory = await mkdtemp(join(tmpdir(), 'proofmark-'));
  try {
    await withStack(context, parsed, { stateDirectory, port: 0 }, async () => undefined);
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
  context.write(`\nDone in ${((performance.now() - started) / 1_000).toFixed(1)} s.\n`);
  return exitCode.accepted;
}

/** The chain comes first and goes last: the worker's identity names its contracts. */
async function withStack(
  context: CommandContext,
  parsed: Parsed,
  where: { readonly stateDirectory: string; readonly port: number },
  then: (stack: Stack) => Promise<void>,
): Promise<void> {
  const tier = tierOption(parsed);
  const platform = platformOption(parsed);
  requireTier(tier, platform);
  const choice = await chainOption(parsed);
  await mkdir(where.stateDirectory, { recursive: true, mode: 0o700 });
  const onChain = choice.kind === 'local' ? await openOnChain(where.stateDirectory, platform, choice.start) : undefined;
  const host = listenForTransactions();
  try {
    const stack = await startStack({
      ...where,
      tier,
      platform,
      ...(onChain === undefined ? {} : { onChain }),
      onEvent: (event) => {
        if (event.kind === 'output' && event.role === 'host') host.hear(event.line);
        reportEvent(context, event);
      },
    });
    try {
      await proveOnce(context, stack, onChain === undefined ? undefined : await beginRound(stack, onChain, host));
      if (onChain !== undefined) await writeTransactions(context, onChain, host);
      else if (choice.kind === 'none') writeNoChain(context, choice.why);
      await then(stack);
    } finally {
      await stack.supervisor.stop();
    }
  } finally {
    await onChain?.local.stop();
  }
}

async function proveOnce(context: CommandContext, stack: Stack, round: ChainRound | undefined): Promise<void> {
  const client = connect(stack.url, {
    policy: stack.policy,
    ...(round === undefined ? {} : { payment: round.payment }),
  });
  const values = Array.from({ length: 128 }, (_, index) => (index - 64) / 64);
  const result = await client.infer({
    modelId: stack.files.modelId,
    inputs: [floatTensor('input', [1, 128], values)],
    outputs: 'all',
    format: 'binary',
  });
  await writeFile(join(stack.policyFile, '..', 'answer.proofmark'), result.archive());
  await round?.finish(result, values);
  const { style, write } = context;
  write(heading('Worker', style) + workerLines(result.worker, style));
  write(heading('Evidence chain', style) + chainLines(result.worker));
  write(heading('Answer', style));
  write(`  ${'input input'.padEnd(20)}FP32[1,128] ${values.slice(0, 6).join(' ')} …\n`);
  write(answerLines(result));
  write(heading('Checks', style) + checkLines(result.checks, style));
  write(`  ${outcomeCounts(result.checks)}\n`);
  write(heading('Not proven', style) + notProvenLines(allNotProven(result), style));
}

function allNotProven(result: InferResult): InferResult['notProven'] {
  const simulated =
    result.worker.level === 'simulated'
      ? [
          {
            id: 'simulated',
            reason: 'The root is this machine’s own: whoever owns the machine can forge all of the above.',
          },
        ]
      : [];
  return [...simulated, ...result.notProven];
}

function reportEvent(context: CommandContext, event: SupervisorEvent): void {
  switch (event.kind) {
    case 'warning':
      context.warn(`WARNING: ${printable(event.warning.detail)}\n`);
      break;
    case 'failed':
      context.warn(`${event.role} failed: ${printable(event.detail)}\n`);
      break;
    case 'restarting':
      context.warn(`${event.role} restarts in ${event.delayMs} ms\n`);
      break;
    case 'exited':
    case 'output':
    case 'started':
      break;
  }
}
