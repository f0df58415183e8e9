import type { Runtime } from '../../../wire/message/execution.ts';
import type { ManifestTensor } from '../../../wire/message/manifest.ts';
import type { Tensor } from '../../../wire/message/tensor.ts';
import type { Control } from './control.ts';
import { ModelError } from './errors.ts';
import type { ModelExecution } from './messages.ts';
import { OnnxError } from './onnx-error.ts';
import { scanOnnx } from './onnx-scan.ts';
import { type ModelProcess, startModelProcess } from './process.ts';
import { checkInputs, checkOutputs, selectOutputs } from './signature.ts';

/** Models that are ready to run, each in a process of its own (DESIGN section 7). */
export interface ModelPool {
  /** `bytes` stay with the pool, which loads them again after a crash: the caller must not change them. */
  load(options: { readonly modelId: Uint8Array; readonly bytes: Uint8Array }): Promise<LoadedModel>;
}

export interface LoadedModel {
  readonly modelId: Uint8Array;
  readonly inputs: readonly ManifestTensor[];
  readonly outputs: readonly ManifestTensor[];
  readonly engine: Runtime;
  /**
   * Runs wait in line, one at a time. `deadlineMs` is time to compute, counted from when the process takes the request:
   * whoever waits behind an endless run is not punished for it. How many may wait is bounded by whoever calls.
   */
  run(
    inputs: readonly Tensor[],
    outputs: readonly string[] | 'all',
    options: { readonly deadlineMs: number },
  ): Promise<readonly Tensor[]>;
  close(): void;
}

export interface PoolOptions {
  readonly control: Control;
  /** Where sockets of model processes are made: only this sandbox sees it. */
  readonly privateDirectory: string;
  readonly execution: ModelExecution;
  readonly limits: { readonly memoryBytes: number; readonly loadMilliseconds: number };
}

interface Job {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly ManifestTensor[];
  readonly deadlineMs: number;
  readonly resolve: (outputs: readonly Tensor[]) => void;
  readonly reject: (error: unknown) => void;
}

export function createModelPool(options: PoolOptions): ModelPool {
  let nextId = 1;

  return {
    async load({ modelId, bytes }) {
      refuseUnsafe(bytes);
      const start = (): Promise<ModelProcess> =>
        startModelProcess(bytes, {
          id: nextId++,
          control: options.control,
          privateDirectory: options.privateDirectory,
          execution: options.execution,
          memoryBytes: options.limits.memoryBytes,
          loadMilliseconds: options.limits.loadMilliseconds,
        });
      return serve(modelId, await start(), start);
    },
  };
}

function refuseUnsafe(bytes: Uint8Array): void {
  try {
    scanOnnx(bytes);
  } catch (error) {
    if (error instanceof OnnxError) throw new ModelError('model_refused', error.message, { cause: error });
    throw error;
  }
}

function serve(modelId: Uint8Array, first: ModelProcess, start: () => Promise<ModelProcess>): LoadedModel {
  const { info } = first;
  const line: Job[] = [];
  let current: Promise<ModelProcess> = Promise.resolve(first);
  let closed = false;
  let working = false;
  let asked = false;
  watch(first);

  /** A process that can take a job: the old one, or a new one after the old has ended (two would share one limit). */
  function ready(): Promise<ModelProcess> {
    current = current.then(
      (process) => (process.alive ? process : process.exited.then(restart)),
      () => restart(),
    );
    return current;
  }

  async function restart(): Promise<ModelProcess> {
    if (closed) throw unloaded();
    const process = await start();
    if (closed) process.kill();
    watch(process);
    return process;
  }

  /**
   * A process that ended is replaced at once, so that the next request finds one. Not where it never got a request: a
   * process that dies by itself would be replaced for ever.
   */
  function watch(process: ModelProcess): void {
    asked = false;
    void process.exited.then(() => {
      if (asked && !closed) ready().catch(() => undefined);
    });
  }

  async function perform(job: Job): Promise<readonly Tensor[]> {
    const process = await ready();
    if (closed) throw unloaded();
    asked = true;
    const names = job.outputs.map(({ name }) => name);
    const outputs = await process.run(job.inputs, names, job.deadlineMs);
    checkOutputs(outputs, job.outputs);
    return outputs;
  }

  async function work(): Promise<void> {
    if (working) return;
    working = true;
    for (let job = line.shift(); job !== undefined; job = line.shift()) {
      await perform(job).then(job.resolve, job.reject);
    }
    working = false;
  }

  return {
    modelId,
    ...info,
    run: (inputs, outputs, { deadlineMs }) =>
      new Promise((resolve, reject) => {
        if (closed) throw unloaded();
        checkInputs(inputs, info.inputs);
        line.push({ inputs, outputs: selectOutputs(outputs, info.outputs), deadlineMs, resolve, reject });
        void work();
      }),
    close() {
      closed = true;
      for (const job of line.splice(0)) job.reject(unloaded());
      current.then(
        (process) => process.kill(),
        () => undefined,
      );
    },
  };
}

function unloaded(): ModelError {
  return new ModelError('model_unloaded', 'the model was unloaded');
}
