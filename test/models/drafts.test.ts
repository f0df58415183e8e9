import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCpuFacts } from '../../enclave/worker/cpu.ts';
import { scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import {
  decodeInferResponse,
  encodeInferResponse,
  type InferResponse,
  type Tensor,
  tensorValues,
} from '../../wire/message/tensor.ts';
import { type Harness, startHarness } from '../enclave/worker/model/harness.ts';
import { cardOf, digestOf, draftNames, engineOf, pathIn, readDraft, readIn, sampleRequest } from './drafts.ts';

/** What the committed answers were computed on. There they are equal in every bit, elsewhere within the tolerance. */
const MADE_ON = 'AuthenticAMD/25/17: avx avx2 fma avx512f avx512bw avx512vl avx512_vnni';
/** Of floats, relative to the larger one: a few units in the last place of FP32 for each of some ten operations. */
const TOLERANCE = 2e-6;

const cpu = readCpuFacts();
const here = `${cpu.cpuFamily}: ${cpu.cpuIsa}`;
const names = draftNames();
const tensorNames = names.filter((name) => readDraft(name).manifest.kind === 'tensor');

function responseAt(name: string, path: string): InferResponse {
  const body = readIn(name, path);
  return decodeInferResponse({ body, jsonLength: body.length }, 'json');
}

function expectEqual(given: readonly Tensor[], expected: readonly Tensor[]): void {
  if (here === MADE_ON) {
    expect(given).toEqual(expected);
    return;
  }
  expect(given.map(({ name, datatype, shape }) => ({ name, datatype, shape }))).toEqual(
    expected.map(({ name, datatype, shape }) => ({ name, datatype, shape })),
  );
  given.forEach((tensor, index) => {
    const wanted = tensorValues(expected[index] as Tensor);
    tensorValues(tensor).forEach((value, place) => {
      const other = wanted[place];
      if (typeof value !== 'number' || !tensor.datatype.startsWith('FP')) expect(value).toEqual(other);
      else expect(Math.abs(value - Number(other))).toBeLessThanOrEqual(TOLERANCE * Math.abs(Number(other)));
    });
  });
}

/** Answers of the engine with the worker's options, as a worker writes them. */
async function answers(name: string): Promise<ReadonlyMap<string, InferResponse>> {
  const draft = readDraft(name);
  const engine = await engineOf(draft);
  const made = new Map<string, InferResponse>();
  for (const { request, response } of draft.manifest.samples) {
    const { inputs, outputs } = sampleRequest(name, request);
    made.set(response, {
      modelName: draft.manifest.name,
      modelVersion: draft.manifest.version,
      id: null,
      outputs: await engine.run(inputs, outputs),
    });
  }
  return made;
}

beforeAll(async () => {
  if (process.env['PROOFMARK_WRITE_SAMPLES'] !== 'yes') return;
  for (const name of tensorNames) {
    for (const [path, response] of await answers(name)) {
      writeFileSync(pathIn(name, path), encodeInferResponse(response, 'json').body);
    }
  }
  console.log(`made on ${here}`);
});

describe('the committed releases', () => {
  it('are these', () => {
    expect(names).toEqual(expect.arrayContaining(['volatility-1h', 'volatility-1h-int8']));
  });
});

describe.each(names)('the draft of %s', (name) => {
  it('becomes a manifest, and all its files are there', () => {
    const { manifest } = readDraft(name);
    expect(manifest.name).toBe(name);
    expect(manifest.files.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', manifest.entry]));
    expect(manifest.samples.length).toBeGreaterThan(0);
  });
});

describe.each(tensorNames)('%s', (name) => {
  const draft = readDraft(name);

  it('passes the scan of the worker', () => {
    expect(scanOnnx(draft.entry, { kind: draft.manifest.kind }).operators.size).toBeGreaterThan(0);
  });

  it('is the file whose digest the card names', () => {
    expect(cardOf(name)).toContain(digestOf(draft.entry));
  });

  it('answers its samples as committed', async () => {
    for (const [path, response] of await answers(name)) {
      const { outputs, ...rest } = responseAt(name, path);
      expect(rest).toEqual({ modelName: name, modelVersion: draft.manifest.version, id: null });
      expectEqual(response.outputs, outputs);
    }
  });
});

describe('in a model process of the worker', () => {
  let harness: Harness;
  beforeAll(async () => {
    harness = await startHarness();
  });
  afterAll(() => harness.close());

  it.each(tensorNames)('%s is loaded within its limits and answers its samples', async (name) => {
    const { manifest, entry } = readDraft(name);
    const pool = harness.poolWith({ memoryBytes: manifest.limits.memoryBytes, loadMilliseconds: 30_000 });
    const model = await pool.load({
      modelId: new Uint8Array(32),
      bytes: entry,
      batchRows: manifest.execution.batchRows,
    });
    try {
      for (const { request, response } of manifest.samples) {
        const { inputs, outputs } = sampleRequest(name, request);
        const run = await model.run(inputs, outputs, { deadlineMs: 30_000, cancelled: () => false });
        expectEqual(run.outputs, responseAt(name, response).outputs);
      }
    } finally {
      model.close();
    }
  });
});
