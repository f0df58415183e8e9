import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { readCpuFacts } from '../../enclave/worker/cpu.ts';
import { scanOnnx } from '../../enclave/worker/model/onnx-scan.ts';
import { toHex } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import {
  decodeInferResponse,
  encodeInferResponse,
  type InferResponse,
  type Tensor,
  tensorValues,
} from '../../wire/message/tensor.ts';
import { type Harness, startHarness } from '../enclave/worker/model/harness.ts';
import {
  type CommittedRelease,
  cardOf,
  committedRelease,
  draftNames,
  engineOf,
  pathIn,
  readIn,
  sampleRequest,
} from './drafts.ts';

/** What the committed answers were computed on. There they are equal in every bit, elsewhere within the tolerance. */
const MADE_ON = 'AuthenticAMD/25/17: avx avx2 fma avx512f avx512bw avx512vl avx512_vnni';
/** Of floats, relative to the larger one: a few units in the last place of FP32 for each of some ten operations. */
const TOLERANCE = 2e-6;

const cpu = readCpuFacts();
const here = `${cpu.cpuFamily}: ${cpu.cpuIsa}`;
const names = draftNames();
const releases = new Map<string, CommittedRelease>();
for (const name of names) releases.set(name, await committedRelease(name));
const tensorNames = names.filter((name) => releaseOf(name).manifest.kind === 'tensor');

function releaseOf(name: string): CommittedRelease {
  const release = releases.get(name);
  if (release === undefined) throw new Error(`no release ${name}`);
  return release;
}

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
  const release = releaseOf(name);
  const { manifest } = release;
  const engine = await engineOf(release);
  const made = new Map<string, InferResponse>();
  for (const { request, response } of manifest.samples) {
    const { inputs, outputs } = sampleRequest(name, request);
    made.set(response, {
      modelName: manifest.name,
      modelVersion: manifest.version,
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
    expect(names).toEqual(expect.arrayContaining(['liquidation-24h', 'volatility-1h', 'volatility-1h-int8']));
  });
});

describe.each(names)('the draft of %s', (name) => {
  it('becomes a manifest, with a card and samples', () => {
    const { manifest } = releaseOf(name);
    expect(manifest.name).toBe(name);
    expect(manifest.files.map(({ path }) => path)).toEqual(expect.arrayContaining(['README.md', manifest.entry]));
    expect(manifest.samples.length).toBeGreaterThan(0);
  });
});

describe.each(tensorNames)('%s', (name) => {
  const { manifest, entry } = releaseOf(name);

  it('passes the scan of the worker', () => {
    expect(scanOnnx(entry, { kind: manifest.kind }).operators.size).toBeGreaterThan(0);
  });

  it('is the file whose size and digest the card names', () => {
    const size = entry.length.toLocaleString('en-US');
    expect(cardOf(name)).toContain(`\`model.onnx\`, ${size} bytes, SHA-256 \`${toHex(sha256(entry))}\``);
  });

  it('answers its samples as committed', async () => {
    for (const [path, response] of await answers(name)) {
      const { outputs, ...rest } = responseAt(name, path);
      expect(rest).toEqual({ modelName: name, modelVersion: manifest.version, id: null });
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
    const { manifest, entry } = releaseOf(name);
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
