import { performance } from 'node:perf_hooks';
import { ModelError } from '../../enclave/worker/model/errors.ts';
import type { LanguageModel } from '../../enclave/worker/model/language-model.ts';
import type { TensorModel } from '../../enclave/worker/model/tensor-model.ts';
import { equalBytes } from '../../wire/bytes.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { type Remark, wrongRemark } from './findings.ts';
import { madeUp } from './made-up.ts';
import { responseRemarks, sampleCalls } from './sample-calls.ts';
import type { Subject } from './subject.ts';

/** What was seen of a model that ran. */
export interface RunReport {
  readonly inputs: 'samples' | 'made up';
  readonly calls: number;
  /** The first and the second time. */
  readonly milliseconds: readonly [number, number];
  readonly peakBytes: number | null;
  readonly repeats: 'same bits' | 'other bits';
  /** Whether rows that were computed together are what they are alone; only a release can promise that. */
  readonly rows: 'not promised' | 'never together' | 'same bits' | 'other bits';
}

export interface RunResult {
  readonly report: RunReport | null;
  readonly remarks: readonly Remark[];
}

/** Where no release limits it. */
export const RUN_DEADLINE_MS = 60_000;
const FREE_SIZE = 2;
const ROWS_TOGETHER = 4;

interface Options {
  readonly deadlineMs: number;
  readonly peakBytes: () => number | undefined;
}

/** Twice the same: once for how long it takes when nothing is warm, and bit by bit against each other. */
export async function runTensors(subject: Subject, model: TensorModel, options: Options): Promise<RunResult> {
  const { calls, remarks } = await sampleCalls(subject, new Set(model.inputs.map(({ name }) => name)));
  const inputs = calls.length > 0 ? 'samples' : 'made up';
  const all =
    calls.length > 0
      ? calls.map((call) => call.inputs)
      : [madeUp(model.inputs, { free: FREE_SIZE, rows: FREE_SIZE, salt: 0 })];
  try {
    const [first, firstTime] = await timed(() => oneByOne(model, all, options));
    const [second, secondTime] = await timed(() => oneByOne(model, all, options));
    const repeats = sameOutputs(first, second) ? 'same bits' : 'other bits';
    const rows = await tryRows(subject, model, options);
    const report: RunReport = {
      inputs,
      calls: all.length,
      milliseconds: [firstTime, secondTime],
      peakBytes: options.peakBytes() ?? null,
      repeats,
      rows,
    };
    return { report, remarks: [...remarks, ...verdictsOf(report), ...responseRemarks(calls, first)] };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { report: null, remarks: [...remarks, failed(error, inputs)] };
  }
}

function* verdictsOf({ repeats, rows }: RunReport): Generator<Remark> {
  if (repeats === 'other bits') {
    yield wrongRemark(
      'not_deterministic',
      'the model',
      'the same call twice has two results',
      'Find the operator that draws on chance or on time: nobody could check an answer of this model.',
    );
  }
  if (rows === 'other bits') {
    yield wrongRemark(
      'rows_dependent',
      'execution.batchRows',
      'rows that are computed together have other results than alone: the promise of batchRows is broken',
      'Set batchRows to 1, or take out what mixes rows: normalisation over the batch, sums or sorting along the first dimension.',
    );
  }
}

function failed(error: ModelError, inputs: RunReport['inputs']): Remark {
  const own = inputs === 'made up' ? ' Inputs were made up: with samples in the draft it is run on those.' : '';
  return wrongRemark(
    'run_failed',
    'the model',
    `it does not run: ${error.message}`,
    `Check the limits of the release, and what values the model takes.${own}`,
  );
}

async function oneByOne(
  model: TensorModel,
  calls: readonly (readonly Tensor[])[],
  { deadlineMs }: Options,
): Promise<readonly (readonly Tensor[])[]> {
  const results: (readonly Tensor[])[] = [];
  for (const inputs of calls) {
    const { outputs } = await model.run(inputs, 'all', { deadlineMs, cancelled: () => false });
    results.push(outputs);
  }
  return results;
}

/** Rows of different values: equal ones could hide that they were mixed up. */
async function tryRows(subject: Subject, model: TensorModel, options: Options): Promise<RunReport['rows']> {
  const batchRows = subject.terms?.execution.batchRows ?? 1;
  if (batchRows === 1) return 'not promised';
  const calls = Array.from({ length: Math.min(batchRows, ROWS_TOGETHER) }, (_, salt) =>
    madeUp(model.inputs, { free: FREE_SIZE, rows: 1, salt }),
  );
  const alone = await oneByOne(model, calls, options);
  const { deadlineMs } = options;
  const runs = await Promise.all(
    calls.map((inputs) => model.run(inputs, 'all', { deadlineMs, cancelled: () => false })),
  );
  if (!runs.some(({ together }) => together > 1)) return 'never together';
  return sameOutputs(
    alone,
    runs.map(({ outputs }) => outputs),
  )
    ? 'same bits'
    : 'other bits';
}

function sameOutputs(a: readonly (readonly Tensor[])[], b: readonly (readonly Tensor[])[]): boolean {
  return a.every((outputs, call) =>
    outputs.every((tensor, place) => {
      const other = b[call]?.[place];
      return other !== undefined && tensor.shape.join() === other.shape.join() && equalBytes(tensor.data, other.data);
    }),
  );
}

async function timed<T>(work: () => Promise<T>): Promise<readonly [T, number]> {
  const start = performance.now();
  const result = await work();
  return [result, performance.now() - start];
}

/** Greedy, so that nothing is drawn. */
export async function runLanguage(model: LanguageModel, { deadlineMs, peakBytes }: Options): Promise<RunResult> {
  const generate = async (): Promise<string> => {
    let text = '';
    const order = {
      input: { kind: 'completion', prompt: 'Once upon a time' },
      ...{ temperature: '0', topP: '1', stop: [], seed: new Uint8Array(32), maxTokens: 16, maxUnits: 1_024 },
    } as const;
    const { signal } = new AbortController();
    await model.generate(order, {
      deadlineMs,
      signal,
      onText: (piece) => {
        text += piece;
      },
    });
    return text;
  };
  try {
    const [first, firstTime] = await timed(generate);
    const [second, secondTime] = await timed(generate);
    const report: RunReport = {
      inputs: 'made up',
      calls: 1,
      milliseconds: [firstTime, secondTime],
      peakBytes: peakBytes() ?? null,
      repeats: first === second ? 'same bits' : 'other bits',
      rows: 'not promised',
    };
    return { report, remarks: [...verdictsOf(report)] };
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return { report: null, remarks: [failed(error, 'made up')] };
  }
}
