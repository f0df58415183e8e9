import { concatBytes } from '../../../wire/bytes.ts';
import type { Runtime } from '../../../wire/message/execution.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import {
  decodeInferResponse,
  encodeInferRequest,
  type RequestMemory,
  type Tensor,
} from '../../../wire/message/tensor.ts';
import { ModelError } from './errors.ts';
import { type Keeper, unloaded } from './keeper.ts';
import { decodeModelBody, encodeModelBody, type LoadedInfo, modelKind } from './messages.ts';
import { checkInputs, checkOutputs, selectOutputs } from './signature.ts';

export interface TensorModel {
  readonly modelId: Uint8Array;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
  readonly engine: Runtime;
  /** Of the requests that it gets. */
  readonly remembered: RequestMemory;
  /** Runs wait in line. How many may wait is bounded by whoever calls. */
  run(inputs: readonly Tensor[], outputs: readonly string[] | 'all', options: RunOptions): Promise<TensorRun>;
  /** Takes no more, and ends the process once what waits is done. */
  retire(): void;
  close(): void;
}

export interface RunOptions {
  /**
   * Time to compute, counted from when the process takes the request: whoever waits behind an endless run is not punished
   * for it.
   */
  readonly deadlineMs: number;
  /** A run that still waits when nobody waits for it any more is not begun; one that computes is not interrupted. */
  readonly cancelled: () => boolean;
}

export interface TensorRun {
  readonly outputs: readonly Tensor[];
  /** Requests that were computed together, with this one. */
  readonly together: number;
}

interface Job {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly ManifestTensor[];
  readonly deadlineMs: number;
  /** Of the first dimension, where this request may be computed with others; else null. */
  readonly rows: number | null;
  readonly cancelled: () => boolean;
  readonly resolve: (run: TensorRun) => void;
  readonly reject: (error: unknown) => void;
}

export interface TensorModelOptions {
  readonly modelId: Uint8Array;
  readonly info: LoadedInfo;
  /** Rows that the publisher allows to be computed together: they do not depend on one another. One means never. */
  readonly batchRows: number;
  readonly onRun: (requests: number) => void;
}

/**
 * Requests are computed one after the other, or together where the publisher said that rows are independent: whatever came
 * while the last run was under way is the next one. There is no timer, so that nobody waits for company.
 */
export function serveTensors(keeper: Keeper<LoadedInfo>, options: TensorModelOptions): TensorModel {
  const { info, batchRows } = options;
  const stacks = batchRows > 1 && stackable(info);
  const line: Job[] = [];
  let working = false;
  let retired = false;
  let nextRequest = 1;

  /** The first of the line, and those behind it that fit to it. The order of the line is kept. */
  function takeBatch(): Job[] {
    const first = line.shift() as Job;
    const batch = [first];
    let rows = first.rows;
    while (rows !== null) {
      const next = line[0];
      if (next === undefined || next.rows === null || rows + next.rows > batchRows || !isAlike(first, next)) break;
      rows += next.rows;
      batch.push(line.shift() as Job);
    }
    return batch;
  }

  async function compute(
    inputs: readonly Tensor[],
    outputs: readonly ManifestTensor[],
    deadlineMs: number,
  ): Promise<readonly Tensor[]> {
    const process = await keeper.ready();
    const id = nextRequest++;
    const names = outputs.map(({ name }) => name);
    const payload = encodeModelBody(encodeInferRequest({ id: null, inputs, outputs: names }, 'binary'));
    const answer = process.exchange.expect(id);
    const sent = process.exchange.send({ id, kind: modelKind.run, payload });
    const [reply] = await process.within(deadlineMs, Promise.all([answer, sent]));
    const { outputs: given } = process.read(reply, modelKind.outputs, (body) =>
      decodeInferResponse(decodeModelBody(body), 'binary'),
    );
    checkOutputs(given, outputs);
    return given;
  }

  async function perform(batch: readonly Job[]): Promise<void> {
    const [first] = batch as [Job];
    options.onRun(batch.length);
    if (batch.length === 1) {
      await compute(first.inputs, first.outputs, first.deadlineMs).then(
        (outputs) => first.resolve({ outputs, together: 1 }),
        first.reject,
      );
      return;
    }
    try {
      const inputs = first.inputs.map((_, place) =>
        stack(batch.map((job) => inputNamed(job, first.inputs[place]?.name))),
      );
      const deadlineMs = Math.min(...batch.map((job) => job.deadlineMs));
      const outputs = await compute(inputs, first.outputs, deadlineMs);
      const parts = outputs.map((output) =>
        unstack(
          output,
          batch.map(({ rows }) => rows as number),
        ),
      );
      batch.forEach((job, place) => {
        const own = parts.map((part) => part[place] as Tensor);
        job.resolve({ outputs: own, together: batch.length });
      });
    } catch (error) {
      if (!(error instanceof ModelError) || keeper.closed) {
        for (const job of batch) job.reject(error);
        return;
      }
      // One request's input can fail, hang or crash a run: alone, it does so to itself.
      for (const job of batch) await perform([job]);
    }
  }

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    while (line.length > 0) {
      const batch = takeBatch().filter(({ cancelled, reject }) => {
        const left = cancelled();
        if (left) reject(new ModelError('model_cancelled', 'nobody waits for it'));
        return !left;
      });
      if (batch.length > 0) await perform(batch);
    }
    working = false;
    if (retired) keeper.close();
  }

  return {
    modelId: options.modelId,
    ...info,
    remembered: {},
    run: (inputs, asked, { deadlineMs, cancelled }) =>
      new Promise((resolve, reject) => {
        if (keeper.closed || retired) throw unloaded();
        checkInputs(inputs, info.inputs);
        const outputs = selectOutputs(asked, info.outputs);
        line.push({ inputs, outputs, deadlineMs, rows: stacks ? rowsOf(inputs) : null, cancelled, resolve, reject });
        // In a later turn: what arrived in one read of the link is computed together.
        if (!working) queueMicrotask(() => void work());
      }),
    retire() {
      retired = true;
      if (!working && line.length === 0) keeper.close();
    },
    close() {
      for (const job of line.splice(0)) job.reject(unloaded());
      keeper.close();
    },
  };
}

/** The first dimension of everything is free, and the same one in all inputs. */
function stackable({ inputs, outputs }: LoadedInfo): boolean {
  const [first] = inputs;
  const batch = first?.shape[0];
  return (
    typeof batch === 'string' &&
    inputs.every(({ shape }) => shape[0] === batch) &&
    outputs.every(({ shape }) => typeof shape[0] === 'string')
  );
}

function rowsOf(inputs: readonly Tensor[]): number | null {
  const rows = inputs[0]?.shape[0] ?? 0;
  return rows > 0 && inputs.every(({ shape }) => shape[0] === rows) ? rows : null;
}

/** Only such are computed together: the same inputs, as wide as each other, for the same outputs. */
function isAlike(one: Job, other: Job): boolean {
  const shapeOf = ({ name }: Tensor): readonly number[] => inputNamed(other, name).shape;
  const sameShape = (tensor: Tensor): boolean => sameItems(tensor.shape.slice(1), shapeOf(tensor).slice(1));
  return sameItems(one.outputs, other.outputs) && one.inputs.every(sameShape);
}

function sameItems<T>(one: readonly T[], other: readonly T[]): boolean {
  return one.length === other.length && one.every((item, i) => item === other[i]);
}

function inputNamed({ inputs }: Job, name: string | undefined): Tensor {
  return inputs.find((tensor) => tensor.name === name) as Tensor;
}

function stack(parts: readonly Tensor[]): Tensor {
  const [first] = parts as [Tensor];
  const rows = parts.reduce((sum, { shape }) => sum + (shape[0] as number), 0);
  return { ...first, shape: [rows, ...first.shape.slice(1)], data: concatBytes(...parts.map(({ data }) => data)) };
}

/** Rows of equal size, since the outputs of a batch are dense: a model that mixes them up is caught by its count of rows. */
function unstack(output: Tensor, counts: readonly number[]): readonly Tensor[] {
  const rows = counts.reduce((sum, count) => sum + count, 0);
  if (output.shape[0] !== rows)
    throw new ModelError('model_failed', `${output.name} has not one row for each of the inputs`);
  const rowBytes = output.data.length / rows;
  let start = 0;
  return counts.map((count) => {
    const data = output.data.subarray(start, start + count * rowBytes);
    start += count * rowBytes;
    return { ...output, shape: [count, ...output.shape.slice(1)], data };
  });
}
