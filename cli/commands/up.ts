import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Client, connect, type InferResult, type LanguageResult } from '../../client/index.ts';
import type { SupervisorEvent } from '../../enclave/simulator/supervisor.ts';
import { toHex } from '../../wire/bytes.ts';
import { parseJson } from '../../wire/codec/json.ts';
import { limits } from '../../wire/limits.ts';
import { decodeInferRequest, tensorValues } from '../../wire/message/tensor.ts';
import { CommandError, exitCode, UsageError } from '../exit-codes.ts';
import { demoOfLevel, levelOption } from '../levels/index.ts';
import { type Sample, samplesOfFolder } from '../model/sample-set.ts';
import { modelTest } from '../model/test.ts';
import { createSteps } from '../progress/steps.ts';
import {
  answerLines,
  chainLines,
  checkLines,
  heading,
  jsonLine,
  notProvenLines,
  outcomeCounts,
  printable,
  rowLines,
  workerLines,
} from '../report.ts';
import { type DemoFacts, demoFacts } from '../stack/demo-facts.ts';
import { type DemoRelease, openDemoRelease } from '../stack/demo-release.ts';
import { type ChainChoice, listenForTransactions, openOnChain } from '../stack/on-chain.ts';
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
  transactionsOf,
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
  json: { type: 'boolean' },
  state: { type: 'string' },
  release: { type: 'string' },
} as const;

/** Starts everything, proves one inference, and serves until it is told to stop. */
export async function up(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, options);
  noNames(parsed, 'up');
  const stateDirectory = textOption(parsed, 'state') ?? defaultStateDirectory();
  const where = { stateDirectory, port: portOption(parsed, HOST_PORT) };
  await withStack(told(context, parsed), parsed, where, async ({ stack, release, facts, rpc }) => {
    if (parsed.values['json'] === true) {
      context.write(jsonLine(JSON.stringify(facts)));
      return stack.supervisor.stopped;
    }
    const archiveFile = join(stateDirectory, 'answer.proofmark');
    context.write(`${heading('Serving', context.style)}  ${stack.url}\n`);
    context.write(`  hub                      ${release.hub.url}  (${release.repository})\n`);
    context.write(`  audit the answer above:  proofmark audit ${archiveFile} --policy ${stack.policyFile}\n`);
    context.write(`  ask again:               proofmark infer ${stack.url} --policy ${stack.policyFile}\n`);
    context.write(`  look at it:              ${stack.url}/console/\n`);
    const more = `--hub ${release.hub.url}${rpc === undefined ? '' : ` --chain ${rpc}`}`;
    context.write(
      `  with your own code:      proofmark console --connect ${stack.url} --policy ${stack.policyFile} ${more}\n`,
    );
    context.write('  stop with Ctrl-C\n');
    return stack.supervisor.stopped;
  });
  return exitCode.accepted;
}

/** One round with a state folder of its own: nothing of it stays. */
export async function demo(context: CommandContext): Promise<number> {
  const parsed = parseArguments(context.args, {
    ...platformOptions,
    tier: { type: 'string' },
    chain: { type: 'string' },
    json: { type: 'boolean' },
    level: { type: 'string' },
  });
  noNames(parsed, 'demo');
  const level = levelOption(parsed);
  const started = performance.now();
  const stateDirectory = await mkdtemp(join(tmpdir(), 'proofmark-'));
  try {
    if (level !== undefined) await demoOfLevel(context, level, { stateDirectory, parsed });
    else {
      await withStack(told(context, parsed), parsed, { stateDirectory, port: 0 }, async ({ facts }) => {
        if (parsed.values['json'] === true) context.write(jsonLine(JSON.stringify(facts)));
      });
    }
  } finally {
    await rm(stateDirectory, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - started) / 1_000).toFixed(1);
  told(context, parsed).write(`\nDone in ${seconds} s.\n`);
  return exitCode.accepted;
}

function noNames({ positionals }: Parsed, command: string): void {
  if (positionals.length > 0) throw new UsageError(`${command} takes options only`);
}

/** What is told on the way is for people; with --json everything is in one document at the end. */
function told(context: CommandContext, parsed: Parsed): CommandContext {
  return parsed.values['json'] === true ? { ...context, write: () => undefined } : context;
}

interface Proven {
  readonly stack: Stack;
  readonly release: DemoRelease;
  readonly facts: DemoFacts;
  /** Of the local chain's node, where there is one. */
  readonly rpc: string | undefined;
}

/** The chain comes first and goes last: the worker's identity names its contracts. */
async function withStack(
  context: CommandContext,
  parsed: Parsed,
  where: { readonly stateDirectory: string; readonly port: number },
  then: (proven: Proven) => Promise<void>,
): Promise<void> {
  const tier = tierOption(parsed);
  const platform = platformOption(parsed);
  requireTier(tier, platform);
  const draft = textOption(parsed, 'release');
  const choice = draft === undefined ? await chainOption(parsed) : withoutChain(parsed);
  const steps = createSteps(context);
  steps.begin(choice.kind === 'local' ? 'starts a chain, and creates the contracts' : 'begins');
  await mkdir(where.stateDirectory, { recursive: true, mode: 0o700 });
  const onChain = choice.kind === 'local' ? await openOnChain(where.stateDirectory, platform, choice.start) : undefined;
  const host = listenForTransactions();
  let release: DemoRelease | undefined;
  try {
    steps.begin('publishes the model to a hub of this machine, and pulls it again');
    release = await openDemoRelease(where.stateDirectory, draft);
    const listed = onChain === undefined ? null : await listRelease(onChain, release);
    steps.begin(`starts signer, worker and host: ${tier}`);
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
      steps.end();
      writeRelease(context, release, listed);
      steps.begin(onChain === undefined ? 'asks the worker' : 'registers the worker, opens a channel, and asks');
      const round = onChain === undefined ? undefined : await beginRound(stack, onChain, host);
      steps.end();
      const { result, story } = await proveOnce(context, { stack, release, round });
      if (story !== undefined) writePool(context, story);
      if (draft === undefined) await trySamples(context, stack);
      else await tryDraft(context, stack);
      const transactions = onChain === undefined ? [] : await transactionsOf(onChain, host);
      if (onChain !== undefined) writeTransactions(context, onChain, transactions);
      else if (choice.kind === 'none') writeNoChain(context, choice.why);
      const facts = demoFacts({ stack, result, archiveFile: archiveFileOf(stack), onChain, transactions });
      await then({ stack, release, facts, rpc: onChain?.local.url });
    } finally {
      await stack.supervisor.stop();
    }
  } finally {
    steps.end();
    await release?.hub.close();
    await onChain?.local.stop();
  }
}

/** The story on the chain is of a pool that asks one model; a release of somebody else's is served without it. */
function withoutChain(parsed: Parsed): ChainChoice {
  if (textOption(parsed, 'chain') === 'local')
    throw new UsageError('--release serves a model of yours with --chain none');
  return { kind: 'none', why: 'a release of yours is served without one' };
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
async function proveOnce(
  context: CommandContext,
  { stack, release, round }: Prove,
): Promise<{ readonly result: FirstAnswer['result']; readonly story: PoolStory | undefined }> {
  const client = connect(stack.url, {
    policy: stack.policy,
    ...(round === undefined ? {} : { payment: round.payment }),
  });
  const { samples } = await samplesOfFolder(release.releaseDirectory, stack.policy);
  const [sample] = samples as readonly [Sample];
  const { result, asked, said } = await askSample(client, release, sample);
  await writeFile(archiveFileOf(stack), result.archive());
  const story = 'response' in result ? await round?.finish(result) : undefined;
  const { style, write } = context;
  write(heading('Worker', style) + workerLines(result.worker, style));
  write(heading('Evidence chain', style) + chainLines(result.worker));
  write(heading('Answer', style) + asked + said);
  write(heading('Checks', style) + checkLines(result.checks, style));
  write(`  ${outcomeCounts(result.checks)}\n`);
  write(heading('Not proven', style) + notProvenLines(allNotProven(result), style));
  return { result, story };
}

function archiveFileOf({ policyFile }: Stack): string {
  return join(policyFile, '..', 'answer.proofmark');
}

interface FirstAnswer {
  readonly result: InferResult | LanguageResult;
  readonly asked: string;
  readonly said: string;
}

async function askSample(client: Client, release: DemoRelease, sample: Sample): Promise<FirstAnswer> {
  const { modelId, manifest } = release;
  if (manifest.kind === 'text-generation') {
    const call = parseJson(sample.request, limits.languageBodyBytes) as Readonly<Record<string, unknown>>;
    const result = await client.chat({ ...call, model: toHex(modelId) });
    const said = answerLines({ ...result, response: NO_TENSORS }) + rowLines([['text', printable(result.text)]]);
    return { result, asked: rowLines([['asked', `the first sample, ${sample.name}`]]), said };
  }
  const { inputs } = decodeInferRequest({ body: sample.request, jsonLength: sample.request.length }, 'json');
  const result = await client.infer({ modelId, inputs, outputs: 'all', format: 'binary' });
  const asked = inputs.map((tensor): readonly [string, string] => {
    const shown = tensorValues(tensor).slice(0, 6).map(String).join(' ');
    return [`input ${tensor.name}`, `${tensor.datatype}[${tensor.shape.join()}] ${shown} …`];
  });
  return { result, asked: rowLines(asked), said: answerLines(result) };
}

/** A language model's answer has a text and no tensors. */
const NO_TENSORS: InferResult['response'] = { modelName: '', modelVersion: '', id: null, outputs: [] };

/** Everything that the publisher says the model answers, as \`proofmark model test\` tries it. */
async function trySamples(context: CommandContext, { files, policyFile, url }: Stack): Promise<void> {
  // The publisher's samples were made on another processor, perhaps: what they may be off by is said, not hidden.
  const args = [files.releaseDirectory, '--policy', policyFile, '--host', url, '--tolerance', SAMPLE_TOLERANCE];
  const code = await modelTest({ ...context, args });
  if (code !== exitCode.accepted) throw new CommandError('the model does not answer its samples as its publisher says');
}

/** A draft is served all the same: what is wrong with its samples is for whoever writes them. */
async function tryDraft(context: CommandContext, stack: Stack): Promise<void> {
  try {
    await trySamples(context, stack);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    context.warn(`WARNING: ${printable(error.message)}\n`);
  }
}

const SAMPLE_TOLERANCE = '1e-5';

function allNotProven(result: FirstAnswer['result']): InferResult['notProven'] {
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
