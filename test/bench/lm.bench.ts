import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { loadavg, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import type { Stack } from '../../cli/stack/stack.ts';
import { openTextCodec, type TextCodec } from '../../enclave/worker/model/language/text-codec.ts';
import { decoderSizes, entryOf, type TestDecoder, testDecoder } from '../models/decoder.ts';
import { writeLanguageRelease } from '../support/language-release.ts';
import { processorMicroseconds, processTree } from '../support/processes.ts';
import { builtStack } from './built.ts';
import { streamChat } from './lm/chat.ts';
import { type EngineJob, startEngine } from './lm/engine.ts';
import { startTransformers } from './lm/transformers.ts';
import { BenchError, type Report } from './report.ts';
import { median } from './serving/measure.ts';

/**
 * Tokens per second of generated text: the token engine in a process by itself, the same model through the whole stack
 * (HTTP, host, worker, model process, receipts), and transformers.js on the same folder and the same prompt.
 * In each round all of them run, one after the other; ratios are taken within a round, reported is the median.
 */
const ROUNDS = 5;
const TOKENS = 160;
const STREAMS = 8;
const MODEL = 'bench-lm';

const greedy = { maxTokens: TOKENS, temperature: 0, topP: 1, seed: new Uint8Array(32) } as const;
const nucleus = { maxTokens: TOKENS, temperature: 0.9, topP: 0.9, seed: new Uint8Array(32).fill(7) } as const;

/** The layout of model hubs, which all three read. */
const million: Partial<TestDecoder> = { ...decoderSizes.million, layout: 'optimum' };
const threeMillion: Partial<TestDecoder> = { ...decoderSizes.threeMillion, layout: 'optimum' };
/** The layout that this project makes of it. */
const split: Partial<TestDecoder> = { ...decoderSizes.million, layout: 'split' };

interface Prompt {
  readonly content: string;
  readonly tokens: readonly number[];
}

type Cleanup = (() => Promise<void>)[];

export async function run(report: Report): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'pm-lm-'));
  const cleanup: Cleanup = [() => rm(folder, { recursive: true, force: true })];
  try {
    const { rows, processor } = await runRounds(folder, cleanup);
    const ratios = (first: string, second: string): readonly number[] =>
      (rows.get(first) ?? []).map((value, round) => value / (rows.get(second)?.[round] ?? Number.NaN));
    const tax = (streams: string): number =>
      median(ratios(`stack.${streams}`, `engine.${streams}`).map((kept) => 100 * (1 - kept)));
    report.add('lm.tax_percent', Math.max(tax('1'), tax('8')));
    // Of the layout that our own releases have; that of foreign exports beside it.
    report.add('lm.batching_gain_8', median(ratios('engine-split.8', 'engine-split.1')));
    report.add('lm.batching_gain_8_optimum', median(ratios('engine.8', 'engine.1')));
    report.add('lm.over_transformersjs', median(ratios('engine.1', 'transformersjs.1')));
    for (const [name, values] of rows) report.add(`lm.rows.${name}.tokens_per_s`, median(values));
    // Over all rounds, since one is a few of the kernel's clock ticks.
    for (const [name, spent] of processor) report.add(`lm.rows.${name}.cpu_us_per_token`, spent);
  } finally {
    for (const clean of cleanup.reverse()) await clean();
  }
}

interface Rounds {
  /** Tokens per second, by round. */
  readonly rows: ReadonlyMap<string, readonly number[]>;
  /** Microseconds of all processes per token. */
  readonly processor: ReadonlyMap<string, number>;
}

async function runRounds(folder: string, cleanup: Cleanup): Promise<Rounds> {
  const files = testDecoder(million);
  const modelFolder = join(folder, 'hub', 'decoder');
  for (const [path, bytes] of files) {
    await mkdir(dirname(join(modelFolder, path)), { recursive: true });
    await writeFile(join(modelFolder, path), bytes);
  }
  const codec = openTextCodec(files);
  const engine = startEngine();
  const transformers = startTransformers();
  cleanup.push(engine.stop, transformers.stop);
  const { url, supervisor } = await serve(folder, files, cleanup);
  const endTokens = [...codec.endTokens];
  const prompts = await findPrompts(codec, async (tokens) => {
    const { tokens: all } = await engine.run({ decoder: million, endTokens, prompts: [tokens], sampling: greedy });
    return all[0] ?? [];
  });
  const tokens = prompts.map((prompt) => prompt.tokens);
  const [first] = prompts;
  if (first === undefined) throw new BenchError('bench_invalid', 'no prompt');

  const inEngine = (job: Omit<EngineJob, 'endTokens'>) => async (): Promise<number> => {
    const { seconds, tokens: made } = await engine.run({ ...job, endTokens: job.sampling === greedy ? endTokens : [] });
    return sum(made.map(({ length }) => length)) / seconds;
  };
  const throughStack = (asked: readonly Prompt[]) => async (): Promise<number> => {
    const started = performance.now();
    const answers = await Promise.all(
      asked.map(({ content }) => streamChat(url, MODEL, { content, maxTokens: TOKENS })),
    );
    const seconds = (performance.now() - started) / 1_000;
    for (const answer of answers) {
      if (answer.tokens !== TOKENS || !answer.receipted) throw new BenchError('answer_wrong', JSON.stringify(answer));
    }
    return sum(answers.map((answer) => answer.tokens)) / seconds;
  };
  const own = await engine.run({ decoder: million, endTokens, prompts: [first.tokens], sampling: greedy });
  const withTransformers = (threads: 1 | 'default') => async (): Promise<number> => {
    const { seconds, tokens: made } = await transformers.run({
      folder: modelFolder,
      threads,
      prompt: first.tokens,
      maxTokens: TOKENS,
    });
    if (made.join() !== own.tokens[0]?.join())
      throw new BenchError('answer_wrong', 'transformers.js says other tokens');
    return made.length / seconds;
  };
  const measured: Readonly<Record<string, () => Promise<number>>> = {
    'engine.1': inEngine({ decoder: million, prompts: tokens.slice(0, 1), sampling: greedy }),
    'stack.1': throughStack(prompts.slice(0, 1)),
    'engine.8': inEngine({ decoder: million, prompts: tokens, sampling: greedy }),
    'stack.8': throughStack(prompts),
    'transformersjs-1-thread.1': withTransformers(1),
    'transformersjs-default.1': withTransformers('default'),
    'engine-split.1': inEngine({ decoder: split, prompts: tokens.slice(0, 1), sampling: greedy }),
    'engine-split.8': inEngine({ decoder: split, prompts: tokens, sampling: greedy }),
    'engine-top-p.1': inEngine({ decoder: million, prompts: tokens.slice(0, 1), sampling: nucleus }),
    'engine-top-p.8': inEngine({ decoder: million, prompts: tokens, sampling: nucleus }),
    'engine-3m.1': inEngine({ decoder: threeMillion, prompts: tokens.slice(0, 1), sampling: { ...greedy } }),
    'engine-3m.8': inEngine({ decoder: threeMillion, prompts: tokens, sampling: { ...greedy } }),
  };
  const rootsOf: Readonly<Record<string, () => readonly number[]>> = {
    engine: () => [engine.pid],
    stack: () => Object.values(supervisor.pids()).filter((pid) => pid !== null),
  };
  const rows = new Map<string, number[]>();
  const processor = new Map<string, number>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const [name, work] of Object.entries(measured)) {
      // Once to load and to warm up what the turn before has pushed out.
      await work();
      const [what = '', streams] = name.split('.');
      const pids = processTree(rootsOf[what]?.() ?? []);
      const before = sum(pids.map(processorMicroseconds));
      rows.set(name, [...(rows.get(name) ?? []), await work()]);
      if (pids.length === 0) continue;
      const spent = sum(pids.map(processorMicroseconds)) - before;
      processor.set(name, (processor.get(name) ?? 0) + spent / (ROUNDS * TOKENS * Number(streams)));
    }
    console.log(`  round ${round + 1} of ${ROUNDS}, load of the machine ${loadavg()[0]?.toFixed(1)}`);
  }
  // Held against the faster of the two: some machines have cores to spare for it, others do not.
  const alone = rows.get('transformersjs-1-thread.1') ?? [];
  const spread = rows.get('transformersjs-default.1') ?? [];
  rows.set('transformersjs.1', median(alone) > median(spread) ? alone : spread);
  return { rows, processor };
}

async function serve(folder: string, files: ReadonlyMap<string, Uint8Array>, cleanup: Cleanup): Promise<Stack> {
  const state = join(folder, 's');
  const { directory } = await writeLanguageRelease(state, { name: MODEL, entry: entryOf(million), files });
  const { startStack } = await builtStack();
  const stack = await startStack({
    stateDirectory: state,
    port: 0,
    tier: 'sim-process',
    platform: { tee: 'aws-nitro', role: null },
    instead: { release: directory, hostArguments: [], hostEnvironment: {} },
    onEvent: () => {},
  });
  cleanup.push(() => stack.supervisor.stop());
  return stack;
}

/** Weights are random, and so are ends: prompts whose answers go on as long as they are measured. */
async function findPrompts(
  codec: TextCodec,
  generate: (tokens: readonly number[]) => Promise<readonly number[]>,
): Promise<readonly Prompt[]> {
  const found: Prompt[] = [];
  for (let at = 0; found.length < STREAMS; at++) {
    if (at > 20 * STREAMS) throw new BenchError('bench_invalid', 'every answer of this model is short');
    const content = `tell me story number ${at} about the sea`;
    const tokens = codec.encodeChat([{ role: 'user', content }]);
    if ((await generate(tokens)).length === TOKENS) found.push({ content, tokens });
  }
  return found;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
