import { readdirSync, readlinkSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { demoModel } from '../../../../cli/demo-model/mlp.ts';
import { onnxType } from '../../../../cli/demo-model/onnx-writer.ts';
import type { ModelErrorCode } from '../../../../enclave/worker/model/errors.ts';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import type { Datatype, Tensor } from '../../../../wire/message/tensor.ts';
import {
  childrenOf,
  commandLine,
  crash,
  floats,
  type Harness,
  type SimpleModel,
  simple,
  startHarness,
  statOf,
  until,
} from './harness.ts';
import { loopModel, model, slowModel } from './models.ts';

// What the program's own engine says, too: no reports to anybody while tests use the package directly.
process.env['ORT_DISABLE_TELEMETRY'] = '1';
const onnx = await import('onnxruntime-node');

const modelId = new Uint8Array(32);
const deadlineMs = 5_000;
const memoryBytes = 1024 ** 3;
const loadMilliseconds = 20_000;

let harness: Harness;
beforeAll(async () => {
  harness = await startHarness();
});
afterAll(() => harness.close());

const load = async (bytes: Uint8Array): Promise<SimpleModel> =>
  simple(await harness.pool.load({ modelId, bytes, batchRows: 1 }));

async function withModel<T>(bytes: Uint8Array, use: (loaded: SimpleModel) => Promise<T>): Promise<T> {
  const loaded = await load(bytes);
  try {
    return await use(loaded);
  } finally {
    loaded.close();
    await until(() => harness.pids().length === 0);
  }
}

async function refusal(work: Promise<unknown>): Promise<ModelErrorCode> {
  const outcome = await work.then(
    () => 'accepted',
    (error: unknown) => error,
  );
  if (outcome instanceof ModelError) return outcome.code;
  throw new Error('no ModelError', { cause: outcome });
}

const onlyPid = (): number => {
  const [pid, ...others] = harness.pids();
  if (pid === undefined || others.length > 0) throw new Error('expected one model process');
  return pid;
};

const x = floats('input', [3, 128], (i) => Math.fround((i % 17) / 8 - 1));

describe('running', () => {
  it('gives the bits that the engine gives, and the facts of the engine', async () => {
    const { onnx: bytes, inputs, outputs } = demoModel();
    const session = await onnx.InferenceSession.create(bytes, { intraOpNumThreads: 1, interOpNumThreads: 1 });
    const feed = new onnx.Tensor('float32', new Float32Array(x.data.slice().buffer), [3, 128]);
    const direct = (await session.run({ input: feed }))['logits']?.data as Float32Array;
    await withModel(bytes, async (loaded) => {
      expect({ inputs: loaded.inputs, outputs: loaded.outputs }).toEqual({ inputs, outputs });
      expect(loaded.engine).toEqual(runtime);
      const [logits] = await loaded.run([x], 'all', { deadlineMs });
      expect(logits).toMatchObject({ name: 'logits', datatype: 'FP32', shape: [3, 10] });
      expect(Buffer.from(logits?.data as Uint8Array).equals(Buffer.from(direct.buffer))).toBe(true);
    });
  });

  it('keeps two models and their queues apart', async () => {
    const [relu, negative] = await Promise.all([
      load(model({})),
      load(model({ nodes: [{ operator: 'Neg', inputs: ['x'], outputs: ['y'] }] })),
    ]);
    const values = [-2, -1, 0, 1];
    const runs = values.flatMap((value) =>
      [relu, negative].map(async (loaded) => {
        const [y] = await loaded.run([floats('x', [1, 1], () => value)], ['y'], { deadlineMs });
        return new Float32Array((y as Tensor).data.slice().buffer)[0];
      }),
    );
    expect(await Promise.all(runs)).toEqual([0, 2, 0, 1, 0, -0, 1, -1]);
    expect(harness.pids()).toHaveLength(2);
    relu.close();
    negative.close();
    await until(() => harness.pids().length === 0);
  });

  const types: readonly [Datatype, number, number][] = [
    ['BOOL', 9, 1],
    ['UINT8', 2, 1],
    ['UINT16', 4, 2],
    ['UINT32', 12, 4],
    ['UINT64', 13, 8],
    ['INT8', 3, 1],
    ['INT16', 5, 2],
    ['INT32', 6, 4],
    ['INT64', 7, 8],
    ['FP16', 10, 2],
    ['FP32', 1, 4],
    ['FP64', 11, 8],
  ];

  it('carries every datatype through unchanged, from any alignment', async () => {
    const names = types.map(([datatype]) => datatype.toLowerCase());
    const dimensions = [3];
    const values = types.map(([, type], i) => ({ name: names[i] as string, type: type as 1, dimensions }));
    const echo = model({
      nodes: names.map((name) => ({ operator: 'Identity', inputs: [name], outputs: [`${name}_out`] })),
      inputs: values,
      outputs: values.map((value) => ({ ...value, name: `${value.name}_out` })),
    });
    const inputs = types.map(([datatype, , size], i): Tensor => {
      const one = Uint8Array.from({ length: size }, (_, byte) => (byte === 0 ? 1 : 0));
      return { name: names[i] as string, datatype, shape: [3], data: concatBytes(one, one, one) };
    });
    await withModel(echo, async (loaded) => {
      const outputs = await loaded.run(inputs, 'all', { deadlineMs });
      expect(outputs.map(({ name }) => name)).toEqual(names.map((name) => `${name}_out`));
      expect(outputs.map(({ datatype, data }) => ({ datatype, data: [...data] }))).toEqual(
        inputs.map(({ datatype, data }) => ({ datatype, data: [...data] })),
      );
    });
  });
});

describe('what does not fit', () => {
  it('refuses inputs and outputs that the model does not have', async () => {
    const add = model({
      nodes: [{ operator: 'Add', inputs: ['a', 'b'], outputs: ['y'] }],
      inputs: ['a', 'b'].map((name) => ({ name, type: onnxType.float32, dimensions: ['rows', 2] })),
      outputs: [{ name: 'y', type: onnxType.float32, dimensions: ['rows', 2] }],
    });
    await withModel(add, async (loaded) => {
      const a = floats('a', [2, 2], Number);
      const b = floats('b', [2, 2], Number);
      const bad: readonly (readonly Tensor[])[] = [
        [],
        [a],
        [a, a],
        [a, b, floats('c', [2, 2], Number)],
        [a, { ...b, name: 'c' }],
        [a, { ...b, datatype: 'INT32' }],
        [a, floats('b', [2, 3], Number)],
        [a, floats('b', [4], Number)],
        [a, floats('b', [1, 2], Number)],
      ];
      for (const inputs of bad) expect(await refusal(loaded.run(inputs, 'all', { deadlineMs }))).toBe('model_input');
      for (const outputs of [[], ['z'], ['y', 'y']]) {
        expect(await refusal(loaded.run([a, b], outputs, { deadlineMs }))).toBe('model_input');
      }
      expect(await loaded.run([b, a], ['y'], { deadlineMs })).toHaveLength(1);
    });
  });

  it('refuses a Loop before any process starts', async () => {
    const before = harness.exits.length;
    expect(await refusal(load(loopModel()))).toBe('model_refused');
    expect(harness.pids()).toEqual([]);
    expect(harness.exits).toHaveLength(before);
  });

  it('refuses what the engine refuses, and values that are not served', async () => {
    const dangling = model({ nodes: [{ operator: 'Relu', inputs: ['nowhere'], outputs: ['y'] }] });
    const text = { type: 8 as 1, dimensions: [1] };
    const strings = model({
      nodes: [{ operator: 'Identity', inputs: ['x'], outputs: ['y'] }],
      inputs: [{ name: 'x', ...text }],
      outputs: [{ name: 'y', ...text }],
    });
    expect(await refusal(load(dangling))).toBe('model_refused');
    expect(await refusal(load(strings))).toBe('model_refused');
    await until(() => harness.pids().length === 0);
  });

  it('reports an error of the engine and goes on', async () => {
    const gather = model({
      nodes: [{ operator: 'Gather', inputs: ['x', 'i'], outputs: ['y'] }],
      inputs: [
        { name: 'x', type: onnxType.float32, dimensions: ['n'] },
        { name: 'i', type: onnxType.int64, dimensions: [1] },
      ],
      outputs: [{ name: 'y', type: onnxType.float32, dimensions: [1] }],
    });
    const index = (value: bigint): Tensor => ({
      name: 'i',
      datatype: 'INT64',
      shape: [1],
      data: new Uint8Array(BigInt64Array.of(value).buffer),
    });
    await withModel(gather, async (loaded) => {
      const pid = onlyPid();
      const values = floats('x', [4], Number);
      expect(await refusal(loaded.run([values, index(99n)], 'all', { deadlineMs }))).toBe('model_failed');
      expect(await loaded.run([values, index(3n)], 'all', { deadlineMs })).toHaveLength(1);
      expect(onlyPid()).toBe(pid);
    });
  });

  it('refuses an output that is larger than a body', async () => {
    const wide = model({
      nodes: [{ operator: 'Expand', inputs: ['x', 'shape'], outputs: ['y'] }],
      inputs: [
        { name: 'x', type: onnxType.float32, dimensions: [1] },
        { name: 'shape', type: onnxType.int64, dimensions: [1] },
      ],
      outputs: [{ name: 'y', type: onnxType.float32, dimensions: ['n'] }],
    });
    const shape = (size: bigint): Tensor => ({
      name: 'shape',
      datatype: 'INT64',
      shape: [1],
      data: new Uint8Array(BigInt64Array.of(size).buffer),
    });
    await withModel(wide, async (loaded) => {
      const one = floats('x', [1], () => 1);
      expect(await refusal(loaded.run([one, shape(5_000_000n)], 'all', { deadlineMs }))).toBe('model_output_too_large');
      expect((await loaded.run([one, shape(4n)], 'all', { deadlineMs }))[0]?.shape).toEqual([4]);
    });
  });
});

/** What this process and the kernel hold for model processes: descriptors by kind, sockets, processes and zombies. */
function footprint(): Readonly<Record<string, number>> {
  const open = readdirSync('/proc/self/fd').map((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`).replace(/[^a-z].*/, '');
    } catch {
      return 'gone';
    }
  });
  const started = childrenOf(process.pid).filter((pid) => commandLine(pid).includes('model'));
  return {
    sockets: open.filter((kind) => kind === 'socket').length,
    pipes: open.filter((kind) => kind === 'pipe').length,
    processes: started.length + harness.pids().length,
    zombies: childrenOf(process.pid).filter((pid) => statOf(pid).state === 'Z').length,
  };
}

/** What is there once nothing comes or goes: just after a start, descriptors are still being handed over. */
async function settledFootprint(): Promise<Readonly<Record<string, number>>> {
  let last = footprint();
  for (let quiet = 0, looks = 0; quiet < 3 && looks < 100; looks++) {
    await new Promise((resolve) => setTimeout(resolve, 100));
    const now = footprint();
    quiet = JSON.stringify(now) === JSON.stringify(last) ? quiet + 1 : 0;
    last = now;
  }
  return last;
}

describe('a process that ends', () => {
  const large = floats('x', [640, 640], () => 0);
  const small = floats('x', [2, 2], () => 1);

  it('kills a run at its deadline, and the requests behind it get a new process', async () => {
    await withModel(slowModel(), async (loaded) => {
      const pid = onlyPid();
      const start = performance.now();
      const hung = refusal(loaded.run([large], 'all', { deadlineMs: 200 }));
      const behind = loaded.run([small], 'all', { deadlineMs });
      expect(await hung).toBe('model_timeout');
      expect(performance.now() - start).toBeLessThan(5_000);
      expect(await behind).toHaveLength(1);
      expect(onlyPid()).not.toBe(pid);
      expect(statOf(pid).state).toBe('gone');
    });
  });

  it('reports a crash in the middle of a run and starts again', async () => {
    await withModel(slowModel(), async (loaded) => {
      const pid = onlyPid();
      const crashed = refusal(loaded.run([large], 'all', { deadlineMs: 20_000 }));
      await new Promise((resolve) => setTimeout(resolve, 100));
      crash(pid, 'SIGSEGV');
      expect(await crashed).toBe('model_crashed');
      expect(harness.exits.at(-1)).toEqual({ code: null, signal: 'SIGSEGV', overMemory: false });
      expect(await loaded.run([small], 'all', { deadlineMs })).toHaveLength(1);
    });
  });

  it('replaces a process that was killed between two runs', async () => {
    await withModel(model({}), async (loaded) => {
      await loaded.run([small], 'all', { deadlineMs });
      const pid = onlyPid();
      process.kill(pid, 'SIGKILL');
      await until(() => harness.pids().some((other) => other !== pid));
      expect(await loaded.run([small], 'all', { deadlineMs })).toHaveLength(1);
    });
  });

  it('survives a hundred deadlines, eight at a time, and leaves nothing behind', { timeout: 240_000 }, async () => {
    const slow = slowModel();
    const models = await Promise.all(Array.from({ length: 8 }, () => load(slow)));
    for (const loaded of models) await loaded.run([small], 'all', { deadlineMs });
    const before = await settledFootprint();
    const ended = harness.exits.length;
    await Promise.all(
      models.map(async (loaded, index) => {
        for (let round = index; round < 100; round += models.length) {
          expect(await refusal(loaded.run([large], 'all', { deadlineMs: 20 }))).toBe('model_timeout');
        }
        await loaded.run([small], 'all', { deadlineMs: 60_000 });
      }),
    );
    expect(harness.pids()).toHaveLength(models.length);
    expect(await settledFootprint()).toEqual(before);
    for (const loaded of models) loaded.close();
    // A hundred for their deadline, and eight at the end; each end was told once. A process is gone before that is told.
    await until(() => harness.pids().length === 0 && harness.exits.length - ended >= 108).catch(() => undefined);
    expect(harness.exits.length - ended).toBe(108);
    expect(harness.pids()).toEqual([]);
  });

  it('is replaced within a second', async () => {
    await withModel(model({}), async (loaded) => {
      await loaded.run([small], 'all', { deadlineMs });
      // The median of five: this machine may have more to do.
      const times: number[] = [];
      for (let round = 0; round < 5; round++) {
        process.kill(onlyPid(), 'SIGKILL');
        const start = performance.now();
        await until(() => harness.exits.length > 0 && harness.pids().every((pid) => statOf(pid).state !== 'Z'));
        await loaded.run([small], 'all', { deadlineMs }).catch(() => loaded.run([small], 'all', { deadlineMs }));
        times.push(performance.now() - start);
      }
      expect(times.sort((a, b) => a - b)[2]).toBeLessThan(1_000);
    });
  });

  it('gives a model no more memory than it may have, and goes on', async () => {
    const pool = harness.poolWith({ memoryBytes: 400 * 1024 * 1024, loadMilliseconds });
    // A tensor of 1.6 GB, held by the next operator's input while that one makes another.
    const bomb = model({
      nodes: [
        { operator: 'Expand', inputs: ['x', 'shape'], outputs: ['e'] },
        { operator: 'Exp', inputs: ['e'], outputs: ['f'] },
        { operator: 'ReduceSum', inputs: ['f'], outputs: ['y'], attributes: { keepdims: { int: 0 } } },
      ],
      inputs: [
        { name: 'x', type: onnxType.float32, dimensions: [1] },
        { name: 'shape', type: onnxType.int64, dimensions: [1] },
      ],
      outputs: [{ name: 'y', type: onnxType.float32, dimensions: [] }],
    });
    const loaded = simple(await pool.load({ modelId, bytes: bomb, batchRows: 1 }));
    const shape: Tensor = {
      name: 'shape',
      datatype: 'INT64',
      shape: [1],
      data: new Uint8Array(BigInt64Array.of(400_000_000n).buffer),
    };
    const run = loaded.run([floats('x', [1], () => 1), shape], 'all', { deadlineMs: 30_000 });
    // The kernel refuses it when it is asked for, and the next request finds a new process.
    await expect(run).rejects.toMatchObject({
      code: 'model_crashed',
      message: 'the model used more memory than it may',
    });
    const one = new Uint8Array(BigInt64Array.of(1n).buffer);
    const after = loaded.run([floats('x', [1], () => 1), { ...shape, data: one }], 'all', { deadlineMs });
    await expect(after).resolves.toHaveLength(1);
    expect(harness.exits.at(-1)).toEqual({ code: 12, signal: null, overMemory: false });
    loaded.close();
    await until(() => harness.pids().length === 0);
  });

  const int64 = (name: string, ...values: bigint[]): Tensor => ({
    ...{ name, datatype: 'INT64', shape: [values.length] },
    data: new Uint8Array(BigInt64Array.from(values).buffer),
  });
  /** Operators that make much of little, each with an input that asks for terabytes and one that asks for a byte or two. */
  const bombs: readonly (readonly [string, readonly string[], (size: bigint) => readonly Tensor[]])[] = [
    ['ConstantOfShape', ['shape'], (size) => [int64('shape', size)]],
    ['Expand', ['x', 'shape'], (size) => [floats('x', [1], () => 1), int64('shape', size)]],
    ['Tile', ['x', 'shape'], (size) => [floats('x', [1], () => 1), int64('shape', size)]],
    ['Range', ['start', 'limit', 'step'], (size) => [0n, size, 1n].map((value, i) => scalar(i, value))],
  ];
  const scalar = (index: number, value: bigint): Tensor => ({
    ...int64(['start', 'limit', 'step'][index] as string, value),
    shape: [],
  });

  it.each(bombs)('is not brought down by %s', async (operator, names, inputsFor) => {
    const type = operator === 'Range' ? onnxType.int64 : onnxType.float32;
    const bomb = model({
      nodes: [{ operator, inputs: names, outputs: ['y'] }],
      inputs: inputsFor(1n).map(({ name, datatype, shape: dimensions }) => ({
        ...{ name, dimensions },
        type: datatype === 'INT64' ? onnxType.int64 : onnxType.float32,
      })),
      outputs: [{ name: 'y', type, dimensions: ['n'] }],
    });
    await withModel(bomb, async (loaded) => {
      for (const size of [1n << 40n, 1n << 62n]) {
        const code = await refusal(loaded.run(inputsFor(size), 'all', { deadlineMs: 20_000 }));
        expect(['model_failed', 'model_crashed', 'model_output_too_large']).toContain(code);
      }
      expect(await loaded.run(inputsFor(2n), 'all', { deadlineMs })).toHaveLength(1);
    });
  });

  it('does not restart for ever a model that does not fit into its memory', async () => {
    const pool = harness.poolWith({ memoryBytes: 1024 * 1024, loadMilliseconds });
    expect(['model_refused', 'model_crashed']).toContain(
      await refusal(pool.load({ modelId, bytes: model({}), batchRows: 1 })),
    );
    await until(() => harness.pids().length === 0);
  });

  it('gives up loading at its deadline', async () => {
    const pool = harness.poolWith({ memoryBytes, loadMilliseconds: 5 });
    expect(await refusal(pool.load({ modelId, bytes: model({}), batchRows: 1 }))).toBe('model_timeout');
    await until(() => harness.pids().length === 0);
  });

  it('refuses everything once it is unloaded, the waiting as well', async () => {
    const loaded = await load(slowModel());
    const running = refusal(loaded.run([large], 'all', { deadlineMs: 20_000 }));
    const waiting = refusal(loaded.run([small], 'all', { deadlineMs }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    loaded.close();
    expect(await Promise.all([running, waiting])).toEqual(['model_unloaded', 'model_unloaded']);
    expect(await refusal(loaded.run([small], 'all', { deadlineMs }))).toBe('model_unloaded');
    await until(() => harness.pids().length === 0);
  });
});

describe('the engine', () => {
  it('is told the format, so that a marked flatbuffer is never one to it', async () => {
    const { loadEngine } = await import('../../../../enclave/worker/model/engine.ts');
    const marked = concatBytes(Uint8Array.of(0x18, 0, 0, 0), utf8('ORTM'), new Uint8Array(64));
    await expect(loadEngine(marked, runtime)).rejects.toThrow(/protobuf parsing/);
    await expect(onnx.InferenceSession.create(marked)).rejects.toThrow(/ORT format/);
  });
});
