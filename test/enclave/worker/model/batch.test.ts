import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoModel } from '../../../../cli/demo-model/mlp.ts';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import type { TensorModel, TensorRun } from '../../../../enclave/worker/model/tensor-model.ts';
import type { Tensor } from '../../../../wire/message/tensor.ts';
import { floats, type Harness, startHarness } from './harness.ts';
import { model } from './models.ts';

const modelId = new Uint8Array(32);

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

async function using(bytes: Uint8Array, batchRows: number, use: (loaded: TensorModel) => Promise<void>): Promise<void> {
  const loaded = await harness.pool.load({ modelId, bytes, batchRows });
  try {
    await use(loaded);
  } finally {
    loaded.close();
  }
}

const run = (loaded: TensorModel, inputs: readonly Tensor[], deadlineMs = 5_000): Promise<TensorRun> =>
  loaded.run(inputs, 'all', { deadlineMs, cancelled: () => false });

const rows = (count: number, seed: number): Tensor => floats('input', [count, 128], (at) => Math.sin(at + seed * 31));

describe('requests that are computed together', () => {
  it('get the same bits as alone, each its own, whatever their rows', async () => {
    await using(demoModel().onnx, 32, async (loaded) => {
      const inputs = Array.from({ length: 100 }, (_, index) => rows(1 + (index % 3), index));
      const before = harness.runs.length;
      const together = await Promise.all(inputs.map((input) => run(loaded, [input])));
      expect(Math.max(...together.map((one) => one.together))).toBeGreaterThan(8);
      const runs = harness.runs.slice(before);
      expect(runs.reduce((sum, requests) => sum + requests)).toBe(inputs.length);
      expect(runs).toContain(together.at(-1)?.together);
      for (const [index, input] of inputs.entries()) {
        const alone = await run(loaded, [input]);
        expect(alone.together).toBe(1);
        expect(together[index]?.outputs).toEqual(alone.outputs);
      }
    });
  });

  it('are never more rows than the publisher allows, and none where that is one', async () => {
    await using(demoModel().onnx, 4, async (loaded) => {
      const together = await Promise.all(Array.from({ length: 20 }, (_, index) => run(loaded, [rows(2, index)])));
      expect(Math.max(...together.map((one) => one.together))).toBe(2);
    });
    await using(demoModel().onnx, 1, async (loaded) => {
      const together = await Promise.all(Array.from({ length: 20 }, (_, index) => run(loaded, [rows(1, index)])));
      expect(together.every((one) => one.together === 1)).toBe(true);
    });
  });

  it('have equal shapes and ask for the same outputs', async () => {
    const wide = model({
      inputs: [{ name: 'x', type: 1, dimensions: ['n', 'm'] }],
      outputs: [{ name: 'y', type: 1, dimensions: ['n', 'm'] }],
    });
    await using(wide, 32, async (loaded) => {
      const sizes = Array.from({ length: 24 }, (_, index) => 1 + (index % 2));
      const all = await Promise.all(sizes.map((size) => run(loaded, [floats('x', [1, size], (at) => at - size)])));
      for (const [index, size] of sizes.entries()) {
        expect(all[index]?.outputs[0]?.shape).toEqual([1, size]);
        expect(all[index]?.together).toBe(1);
      }
    });
  });

  it('fail alone where only one of them fails', async () => {
    const gather = model({
      nodes: [{ operator: 'GatherElements', inputs: ['x', 'i'], outputs: ['y'], attributes: { axis: { int: 1 } } }],
      inputs: [
        { name: 'x', type: 1, dimensions: ['n', 4] },
        { name: 'i', type: 7, dimensions: ['n', 1] },
      ],
      outputs: [{ name: 'y', type: 1, dimensions: ['n', 1] }],
    });
    const index = (value: bigint): Tensor => {
      const data = new Uint8Array(BigInt64Array.of(value).buffer);
      return { name: 'i', datatype: 'INT64', shape: [1, 1], data };
    };
    await using(gather, 32, async (loaded) => {
      const values = floats('x', [1, 4], (at) => at);
      const asked = [0n, 1n, 99n, 2n, 3n];
      const settled = await Promise.allSettled(asked.map((value) => run(loaded, [values, index(value)])));
      expect(settled.map(({ status }) => status)).toEqual([
        ...['fulfilled', 'fulfilled', 'rejected', 'fulfilled', 'fulfilled'],
      ]);
      const [, , broken] = settled;
      expect(broken?.status === 'rejected' && broken.reason).toBeInstanceOf(ModelError);
    });
  });

  it('are none of a model that does not give a row for each', async () => {
    const sum = model({
      nodes: [{ operator: 'ReduceSum', inputs: ['x'], outputs: ['y'], attributes: { keepdims: { int: 1 } } }],
      inputs: [{ name: 'x', type: 1, dimensions: ['n', 'm'] }],
      outputs: [{ name: 'y', type: 1, dimensions: ['k', 'l'] }],
    });
    await using(sum, 32, async (loaded) => {
      // Only a publisher that promised wrongly gets here; what each gets is still its own.
      const all = await Promise.all([1, 2, 3, 4].map((value) => run(loaded, [floats('x', [1, 1], () => value)])));
      expect(
        all.map(({ outputs }) => new Float32Array(outputs[0]?.data.slice().buffer ?? new ArrayBuffer(0))[0]),
      ).toEqual([...[1, 2, 3, 4]]);
    });
  });

  it('are not begun where nobody waits any more', async () => {
    await using(demoModel().onnx, 32, async (loaded) => {
      let cancelled = false;
      const first = run(loaded, [rows(1, 0)]);
      const left = loaded.run([rows(1, 1)], 'all', { deadlineMs: 5_000, cancelled: () => cancelled });
      cancelled = true;
      await expect(left).rejects.toMatchObject({ code: 'model_cancelled' });
      expect((await first).outputs).toHaveLength(1);
    });
  });
});
