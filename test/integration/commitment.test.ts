import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ServedRelease } from '../../cli/stack/demo-files.ts';
import { openReleaseKey } from '../../cli/stack/keys.ts';
import { type Stack, startStack } from '../../cli/stack/stack.ts';
import { type Client, connect, type InferResult } from '../../client/index.ts';
import { fromBase64url, toHex, utf8 } from '../../wire/bytes.ts';
import { commitElements, commitmentOfExchange, packTensor } from '../../wire/commitment/index.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { signP256 } from '../../wire/crypto/node-sign.ts';
import { releaseMessage } from '../../wire/message/authorisations.ts';
import { bundleFromHeader } from '../../wire/message/bundle.ts';
import { decodeExecution } from '../../wire/message/execution.ts';
import { decodeManifest, encodeManifest, type Manifest } from '../../wire/message/manifest.ts';
import { decodeReceipt } from '../../wire/message/receipt.ts';
import { decodeRequestHeader } from '../../wire/message/request.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { uintWord } from '../../wire/words.ts';
import { networkModel } from '../support/integer-models.ts';

/** An integer model that names a circuit, computed by the real engine in the real worker, asked in every way. */
const WIDTHS = [5, 7, 3] as const;
const NOTHING = new Uint8Array(32);

let state: string;
let stack: Stack;
let client: Client;
let manifest: Manifest;

beforeAll(async () => {
  state = await mkdtemp(join(tmpdir(), 'pm-commitment-'));
  const release = await writeRelease();
  stack = await startStack({
    ...{ stateDirectory: state, port: 0, tier: 'sim-process', release },
    ...{ platform: { tee: 'aws-nitro', role: null }, onEvent: () => {} },
  });
  client = connect(stack.url, { policy: stack.policy });
}, 60_000);

afterAll(async () => {
  await stack.supervisor.stop();
  await rm(state, { recursive: true, force: true });
}, 30_000);

async function writeRelease(): Promise<ServedRelease> {
  const key = await openReleaseKey(join(state, 'publisher.pem'));
  const { onnx, datatype } = networkModel(1, WIDTHS);
  const encoded = encodeManifest({
    ...{ schema: 'proofmark manifest v1', owner: key.owner, name: 'integers', version: '1.0.0', kind: 'tensor' },
    ...{ description: '', licence: 'Apache-2.0', task: '', tags: [], samples: [], entry: 'model.onnx' },
    files: [{ path: 'model.onnx', size: onnx.length, sha256: sha256(onnx) }],
    inputs: [{ name: 'x', datatype, shape: ['batch', WIDTHS[0]] }],
    outputs: [{ name: outputOf(onnx), datatype: 'INT32', shape: ['batch', WIDTHS[2]] }],
    execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 32 },
    limits: { memoryBytes: 512 * 1024 * 1024, runMilliseconds: 2_000 },
    circuit: sha256(utf8('a circuit that nobody wrote')),
  });
  manifest = decodeManifest(encoded);
  const modelId = sha256(encoded);
  const releaseDirectory = join(state, 'release');
  await mkdir(releaseDirectory);
  const files: Readonly<Record<string, Uint8Array | string>> = {
    'model.onnx': onnx,
    'manifest.json': encoded,
    'owner.hex': `${toHex(key.owner)}\n`,
    'signature.hex': `${toHex(signP256(key.privateKey, releaseMessage(modelId)))}\n`,
  };
  for (const [name, content] of Object.entries(files)) await writeFile(join(releaseDirectory, name), content);
  return { modelId, owner: key.owner, releaseDirectory };
}

/** The generator calls a model's output by its last node. */
function outputOf(onnx: Uint8Array): string {
  const names = [...new TextDecoder('latin1').decode(onnx).matchAll(/v\d+/g)].map(([name]) => name);
  return names.at(-1) ?? '';
}

function row(seed: number): Tensor {
  return { name: 'x', datatype: 'UINT8', shape: [1, 5], data: Uint8Array.from({ length: 5 }, (_, i) => seed * 31 + i) };
}

function ask(inputs: readonly Tensor[], format: 'binary' | 'json' = 'binary'): Promise<InferResult> {
  return client.infer({ modelId: stack.files.modelId, inputs, outputs: 'all', format });
}

function expected({ header, response }: InferResult, input: Tensor): Uint8Array {
  const { salt } = decodeRequestHeader(header);
  const outputs = response.outputs.flatMap((tensor) => [...packTensor(tensor)]);
  return uintWord(commitElements({ salt, inputs: packTensor(input), outputs }));
}

describe('the receipt of an integer model that names a circuit', () => {
  it.each(['binary', 'json'] as const)('commits to what was asked and answered, sealed: %s', async (format) => {
    const result = await ask([row(1)], format);
    expect(result.receipt.commitment).toEqual(expected(result, row(1)));
    expect(result.checks.find(({ id }) => id === 'K1')?.outcome).toBe('passed');
  });

  it('commits to each of what was computed together', async () => {
    const inputs = Array.from({ length: 24 }, (_, index) => row(index % 8));
    let together: readonly InferResult[] = [];
    // Whether requests meet in the line is up to the machine; some do, in one round or another.
    for (let round = 0; round < 20 && together.length === 0; round++) {
      const results = await Promise.all(inputs.map((input) => ask([input])));
      together = results.filter(({ bundle }) => decodeExecution(bundle.execution).schedule === 'rows');
      for (const [index, result] of results.entries()) {
        expect(result.receipt.commitment).toEqual(expected(result, inputs[index] as Tensor));
      }
      expect(new Set(results.map(({ receipt }) => toHex(receipt.commitment))).size).toBe(24);
    }
    expect(together.length).toBeGreaterThan(1);
  });

  it('commits to nothing for several rows', async () => {
    const { receipt } = await ask([{ ...row(1), shape: [2, 5], data: new Uint8Array(10) }]);
    expect(receipt.commitment).toEqual(NOTHING);
  });

  it('commits to a plain call, under the salt that the host chose', async () => {
    const data = [1, 2, 3, 4, 5];
    const body = JSON.stringify({ inputs: [{ name: 'x', shape: [1, 5], datatype: 'UINT8', data }] });
    const response = await fetch(`${stack.url}/v2/models/integers/infer`, {
      ...{ method: 'POST', body, headers: { 'content-type': 'application/json' } },
    });
    const answered = new Uint8Array(await response.arrayBuffer());
    const header = decodeRequestHeader(fromBase64url(response.headers.get('proofmark-request') ?? ''));
    const { receipt } = bundleFromHeader(response.headers.get('proofmark-receipt') ?? '');
    const { commitment } = decodeReceipt(receipt);
    expect(commitment).not.toEqual(NOTHING);
    expect(commitment).toEqual(
      commitmentOfExchange(manifest, {
        header,
        body: utf8(body),
        response: { format: 1n, jsonLength: answered.length, body: answered },
      }),
    );
  });
});
