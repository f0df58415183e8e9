import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type InferResult } from '../../client/index.ts';
import type { SupervisorEvent } from '../../enclave/simulator/supervisor.ts';
import { toHex } from '../../wire/bytes.ts';
import { decodeInferRequest, tensorValues } from '../../wire/message/tensor.ts';
import { CommandError, exitCode } from '../exit-codes.ts';
import { type Sample, samplesOfFolder } from '../model/sample-set.ts';
import { modelTest } from '../model/test.ts';
import {
  answerLines,
  chainLines,
  checkLines,
  heading,
  notProvenLines,
  outcomeCounts,
  printable,
  rowLines,
  workerLines,
} from '../report.ts';
import { type DemoRelease, openDemoRelease } from '../stack/demo-release.ts';
import { listenForTransactions, openOnChain } from '../stack/on-chain.ts';
import { HOST_PORT } from '../stack/port.ts';
import { type Stack, startStack } from '../stack/stack.ts';
import { requireTier } from '../stack/tiers.ts';
import { type Parsed, parseArguments, portOption, textOption, tierOption } from './arguments.ts';
import { type CommandContext, defaultStateDirectory } from './context.ts';
import {
  beginRound,
  type ChainRound,
  chainOption,
  listRelease,
  type PoolStory,
  writeNoChain,
  writePool,
  writeTransactions,
} from './on-chain.ts';
import { platformOption, platformOptions } from './platform.ts';

const options = {
  ...platformOptions,
  tier: { type: 'string' },
  chain: { type: 'string' },
  port: { type: 'string' },
  state: { type: 'string' },
} as const;

/** Starts everything, proves one inference, and serves until it is told to stop. */
export async function up(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  const stateDirectory = textOption(parsed, 'state') ?? defaultStateDirectory();
  await withStack(context, parsed, { stateDirectory, port: portOption(parsed, HOST_PORT) }, async (stack, release) => {
    const archiveFile = join(stateDirectory, 'answer.proofmark');
    context.write(`${heading('Serving', context.style)}  ${stack.url}\n`);
    context.write(`  hub                      ${release.hub.url}  (${release.repository})\n`);
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
  then: (stack: Stack, release: DemoRelease) => Promise<void>,
): Promise<void> {
  const tier = tierOption(parsed);
  const platform = platformOption(parsed);
  requireTier(tier, platform);
  const choice = await chainOption(parsed);
  await mkdir(where.stateDirectory, { recursive: true, mode: 0o700 });
  const onChain = choice.kind === 'local' ? await openOnChain(where.stateDirectory, platform, choice.start) : undefined;
  const host = listenForTransactions();
  let release: DemoRelease | undefined;
  try {
    release = await openDemoRelease(where.stateDirectory);
    const listed = onChain === undefined ? null : await listRelease(onChain, release);
    const stack = await startStack({
      ...where,
      tier,
      platform,
      release,
      ...(onChain === undefined ? {} : { onChain }),
      onEvent: (event) => {
        if (event.kind === 'output' && event.role === 'host') host.hear(event.line);
        reportEvent(context, event);
      },
    });
    try {
      writeRelease(context, release, listed);
      const round = onChain === undefined ? undefined : await beginRound(stack, onChain, host);
      const story = await proveOnce(context, { stack, release, round });
      if (story !== undefined) writePool(context, story);
      await trySamples(context, stack);
      if (onChain !== undefined) await writeTransactions(context, onChain, host);
      else if (choice.kind === 'none') writeNoChain(context, choice.why);
      await then(stack, release);
    } finally {
      await stack.supervisor.stop();
    }
  } finally {
    await release?.hub.close();
    await onChain?.local.stop();
  }
}

function writeRelease({ style, write }: CommandContext, release: DemoRelease, listed: string | null): void {
  const { repository, version, modelId, owner, hub, sentFiles } = release;
  write(heading('Release', style));
  write(
    rowLines([
      ['repository', `${repository} ${version}, on a hub of this machine (${hub.url})`],
      ['model id', toHex(modelId)],
      ['owner', toHex(owner)],
      ['published', `${sentFiles} files sent; pulled again, every digest and the signature verified`],
      ...(listed === null ? [] : [['listed on chain', listed] as const]),
    ]),
  );
}

interface Prove {
  readonly stack: Stack;
  readonly release: DemoRelease;
  readonly round: ChainRound | undefined;
}

/** The first sample of the release, sealed and paid. */
async function proveOnce(context: CommandContext, { stack, release, round }: Prove): Promise<PoolStory | undefined> {
  const client = connect(stack.url, {
    policy: stack.policy,
    ...(round === undefined ? {} : { payment: round.payment }),
  });
  const { samples } = await samplesOfFolder(release.releaseDirectory, stack.policy);
  const [sample] = samples as readonly [Sample];
  const { inputs } = decodeInferRequest({ body: sample.request, jsonLength: sample.request.length }, 'json');
  const result = await client.infer({ modelId: release.modelId, inputs, outputs: 'all', format: 'binary' });
  await writeFile(join(stack.policyFile, '..', 'answer.proofmark'), result.archive());
  const story = await round?.finish(result);
  const { style, write } = context;
  write(heading('Worker', style) + workerLines(result.worker, style));
  write(heading('Evidence chain', style) + chainLines(result.worker));
  write(heading('Answer', style));
  for (const { name, datatype, shape, ...tensor } of inputs) {
    const values = tensorValues({ name, datatype, shape, ...tensor });
    const shown = `${datatype}[${shape.join()}] ${values.slice(0, 6).map(String).join(' ')} …`;
    write(rowLines([[`input ${name}`, shown]]));
  }
  write(answerLines(result));
  write(heading('Checks', style) + checkLines(result.checks, style));
  write(`  ${outcomeCounts(result.checks)}\n`);
  write(heading('Not proven', style) + notProvenLines(allNotProven(result), style));
  return story;
}

/** Everything that the publisher says the model answers, as \`proofmark model test\` tries it. */
async function trySamples(context: CommandContext, { files, policyFile, url }: Stack): Promise<void> {
  // The publisher's samples were made on another processor, perhaps: what they may be off by is said, not hidden.
  const args = [files.releaseDirectory, '--policy', policyFile, '--host', url, '--tolerance', SAMPLE_TOLERANCE];
  const code = await modelTest({ ...context, args });
  if (code !== exitCode.accepted) throw new CommandError('the model does not answer its samples as its publisher says');
}

const SAMPLE_TOLERANCE = '1e-5';

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
