import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prebuiltFolder } from '../../../../enclave/native/build.ts';
import { buildWorker } from '../../../../enclave/worker/build/bundle.ts';
import type { Separation } from '../../../../enclave/worker/confine/plan.ts';
import { type ChildTable, createChildTable } from '../../../../enclave/worker/launcher.ts';
import type { ChildExit, Control } from '../../../../enclave/worker/model/control.ts';
import { createModelPool, type ModelPool, type PoolOptions } from '../../../../enclave/worker/model/pool.ts';
import type { TensorModel } from '../../../../enclave/worker/model/tensor-model.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import type { Tensor } from '../../../../wire/message/tensor.ts';

export const root: string = join(import.meta.dirname, '../../../..');
export const confine: string = join(prebuiltFolder, 'confine');

/** What this kernel gives to this user; without namespaces the other half of the confinement is still tested. */
export const separation: Separation =
  spawnSync(confine, ['--parent', String(process.pid), '--namespaces', 'user', '--', '/bin/true']).status === 0
    ? 'user-namespaces'
    : 'filter-only';

/** A pool in the test's own process over real model processes of the bundled program, started as the launcher does it. */
export interface Harness {
  readonly pool: ModelPool;
  readonly exits: readonly ChildExit[];
  /** How many requests each run of a tensor model was for. */
  readonly runs: readonly number[];
  /** Model processes that are alive, or not yet reaped; not the helpers beside them. */
  pids(): readonly number[];
  poolWith(limits: PoolOptions['limits']): ModelPool;
  close(): void;
}

export async function startHarness(): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), 'proofmark-model-'));
  await buildWorker({ root, outDir: join(directory, 'bundle') });
  const exits: ChildExit[] = [];
  const runs: number[] = [];
  const tables: ChildTable[] = [];
  const poolWith = (limits: PoolOptions['limits']): ModelPool => {
    const privateDirectory = mkdtempSync(join(directory, 'private-'));
    const listeners = new Map<number, (exit: ChildExit) => void>();
    const table = createChildTable({
      script: join(directory, 'bundle/worker.mjs'),
      privateDirectory,
      confiner: { program: confine, parent: process.pid, separation, hidden: [privateDirectory] },
      onExit: (id, exit) => {
        exits.push(exit);
        listeners.get(id)?.(exit);
      },
    });
    tables.push(table);
    const onExit = (id: number, listener: (exit: ChildExit) => void): void => void listeners.set(id, listener);
    const control: Control = { start: table.start, kill: table.kill, onExit };
    return createModelPool({
      control,
      onRun: (requests) => runs.push(requests),
      privateDirectory,
      execution: runtime,
      limits,
    });
  };
  return {
    pool: poolWith({ memoryBytes: 1024 ** 3, loadMilliseconds: 20_000 }),
    exits,
    runs,
    pids: () => modelsBelow(process.pid),
    poolWith,
    close: () => {
      for (const table of tables) table.killAll();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

/** Each is the child of a helper, which has its command line too, or is started in place of it. */
export function modelsBelow(pid: number): readonly number[] {
  const started = childrenOf(pid).filter((child) => commandLine(child).includes('model'));
  return separation === 'filter-only' ? started : started.flatMap(childrenOf);
}

/**
 * As a fault in the process would end it. It is the first one of its namespace, to which signals from outside do not come
 * unless they are SIGKILL; the helper beside it stands for it.
 */
export function crash(pid: number, signal: NodeJS.Signals): void {
  process.kill(separation === 'filter-only' ? pid : statOf(pid).parent, signal);
}

/** From /proc, so that a zombie counts as well. */
export function childrenOf(parent: number): readonly number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => statOf(pid).parent === parent);
}

export function statOf(pid: number): { readonly state: string; readonly parent: number } {
  try {
    const [state = '', parent = ''] = readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
    return { state, parent: Number(parent) };
  } catch {
    return { state: 'gone', parent: -1 };
  }
}

export function commandLine(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1').split('\0');
  } catch {
    return [];
  }
}

/** A model as most tests use one: nobody leaves early, and what came with a run is of no interest. */
export interface SimpleModel extends Omit<TensorModel, 'run'> {
  run(
    inputs: readonly Tensor[],
    outputs: readonly string[] | 'all',
    options: { readonly deadlineMs: number },
  ): Promise<readonly Tensor[]>;
}

export function simple(model: TensorModel): SimpleModel {
  return {
    ...model,
    run: async (inputs, outputs, { deadlineMs }) =>
      (await model.run(inputs, outputs, { deadlineMs, cancelled: () => false })).outputs,
  };
}

export function floats(name: string, shape: readonly number[], at: (index: number) => number): Tensor {
  const values = Float32Array.from({ length: shape.reduce((product, size) => product * size, 1) }, (_, i) => at(i));
  return { name, datatype: 'FP32', shape, data: new Uint8Array(values.buffer) };
}

export async function until(condition: () => boolean, milliseconds = 5_000): Promise<void> {
  const end = performance.now() + milliseconds;
  while (!condition()) {
    if (performance.now() > end) throw new Error('the condition did not come true');
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
