import { describe, expect, it } from 'vitest';
import { type Answer, type Answering, answer } from '../../../../enclave/worker/answer.ts';
import type { Charge } from '../../../../enclave/worker/channels.ts';
import { parseCpuInfo } from '../../../../enclave/worker/cpu.ts';
import { executionsOf } from '../../../../enclave/worker/executions.ts';
import { createLog } from '../../../../enclave/worker/log.ts';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import { Refusal } from '../../../../enclave/worker/refusal.ts';
import { createReleases } from '../../../../enclave/worker/releases.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { commitElements, packTensor } from '../../../../wire/commitment/index.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { encodeIntegers } from '../../../../wire/message/integers.ts';
import type { Manifest } from '../../../../wire/message/manifest.ts';
import { decodeReceipt, type Receipt, status } from '../../../../wire/message/receipt.ts';
import { decodeRequest, encodeRequestHeader, type RequestHeader } from '../../../../wire/message/request.ts';
import {
  type BodyFormat,
  encodeInferRequest,
  type InferRequest,
  type Tensor,
} from '../../../../wire/message/tensor.ts';
import { uintWord } from '../../../../wire/words.ts';
import { random } from '../../../support/fake-log.ts';
import { configuration, createFakePool, header, noRecipients, type Run, release, signingKey } from './harness.ts';

const integers: Pick<Manifest, 'inputs' | 'outputs' | 'circuit'> = {
  inputs: [
    { name: 'a', datatype: 'UINT8', shape: ['batch', 2] },
    { name: 'b', datatype: 'INT8', shape: ['batch', 1] },
  ],
  outputs: [
    { name: 'y', datatype: 'INT32', shape: ['batch', 1] },
    { name: 'z', datatype: 'BOOL', shape: ['batch', 1] },
  ],
  circuit: sha256(utf8('a circuit')),
};
const a: Tensor = { name: 'a', datatype: 'UINT8', shape: [1, 2], data: Uint8Array.of(7, 200) };
const b: Tensor = { name: 'b', datatype: 'INT8', shape: [1, 1], data: Uint8Array.of(0xff) };
const y: Tensor = { name: 'y', datatype: 'INT32', shape: [1, 1], data: Uint8Array.of(0xfe, 0xff, 0xff, 0xff) };
const z: Tensor = { name: 'z', datatype: 'BOOL', shape: [1, 1], data: Uint8Array.of(1) };

interface World {
  readonly run: Run;
  readonly manifest: Partial<Manifest>;
  readonly charge: Charge | undefined;
  readonly cancelled: boolean;
}

/** What a worker's log would say of one request to a model that answers as `run` does. */
async function receiptOf(
  content: Body,
  world: Partial<World> = {},
): Promise<{ receipt: Receipt; fields: RequestHeader }> {
  const changes = { ...integers, ...world.manifest };
  const demo = release([utf8('model')], changes);
  const pool = createFakePool();
  pool.inputs = changes.inputs;
  pool.outputs = changes.outputs;
  pool.run = world.run ?? (async () => [y, z]);
  const rules = configuration({});
  const releases = createReleases({ configuration: rules, runtime, pool, makeRecipient: noRecipients });
  await releases.announce(demo.signed);
  await releases.receive({ modelId: demo.modelId, file: 0, bytes: utf8('model') });
  const log = createLog({
    ...{ chainId: 0n, settlement: new Uint8Array(20), log: random(32), signer: signingKey(), capacity: 10 },
    ...{ onEntries: () => {}, onFatal: () => {} },
  });
  const context: Answering = {
    ...{ configuration: rules, releases, charge: world.charge, onPiece: () => undefined },
    executionOf: executionsOf({ ...runtime, ...parseCpuInfo('') }),
    under: { endedBy: world.cancelled === true ? 'client' : null, signal: new AbortController().signal },
  };
  const fields = header({ modelId: demo.modelId, ...content.fields });
  const request = decodeRequest(concatBytes(encodeRequestHeader(fields), content.bytes));
  const reservation = log.reserve();
  if (reservation === undefined) throw new TypeError('full');
  const answered: Answer = await answer(context, request, reservation);
  return { receipt: decodeReceipt(answered.bundle.receipt), fields };
}

interface Body {
  readonly fields: Partial<RequestHeader>;
  readonly bytes: Uint8Array;
}

function body(format: BodyFormat, changes: Partial<InferRequest> = {}): Body {
  const encoded = encodeInferRequest({ id: null, inputs: [a, b], outputs: 'all', ...changes }, format);
  const fields = { format: format === 'json' ? 1n : 0n, jsonLength: BigInt(encoded.jsonLength) };
  return { fields, bytes: encoded.body };
}

const requestId = random(32);
const contract: Body = {
  fields: { requestId, salt: requestId, format: 2n, jsonLength: 0n, flags: 1n, seed: sha256(requestId) },
  bytes: encodeIntegers([
    { decimals: 0, shape: [1, 2], values: [7n, 200n] },
    { decimals: 0, shape: [1, 1], values: [-1n] },
  ]),
};

const NOTHING = new Uint8Array(32);

function expected(salt: Uint8Array, first: bigint = 2n ** 31n - 2n): Uint8Array {
  const inputs = [7n + 200n * 256n, 127n];
  const outputs = [first, 1n];
  return uintWord(commitElements({ salt, inputs, outputs }));
}

describe('a worker commits to one row of integers', () => {
  const { bytes, fields: binary } = body('binary', { inputs: [b, a], outputs: ['z', 'y'] });

  it.each<readonly [string, Body, Run | undefined]>([
    ['in binary', body('binary'), undefined],
    ['in JSON', body('json'), undefined],
    ['from a contract', contract, undefined],
    ['sealed', { fields: { ...binary, flags: 2n }, bytes }, async () => [z, y]],
    ['whatever the order of its names', { fields: binary, bytes }, async () => [z, y]],
  ])('%s', async (_, content, run) => {
    const { receipt, fields } = await receiptOf(content, run === undefined ? {} : { run });
    expect(receipt.status).toBe(status.ok);
    expect(receipt.commitment).toEqual(expected(fields.salt));
  });

  it('that a channel pays for', async () => {
    const charge = { reserve: () => true, release: () => undefined, settle: (fee: bigint) => fee };
    const { fields, bytes: content } = body('binary');
    const channel = { fields: { ...fields, channel: random(32) }, bytes: content };
    const { receipt, fields: sent } = await receiptOf(channel, { charge });
    expect([receipt.status, receipt.cumulativeFee]).toEqual([status.ok, 5n]);
    expect(receipt.commitment).toEqual(expected(sent.salt));
  });

  it('as its model answered', async () => {
    const other: Tensor = { ...y, data: Uint8Array.of(1, 0, 0, 0) };
    const { receipt, fields } = await receiptOf(body('binary'), { run: async () => [other, z] });
    expect(receipt.commitment).toEqual(expected(fields.salt, 2n ** 31n + 1n));
    expect(receipt.commitment).not.toEqual(expected(fields.salt));
  });
});

describe('a worker commits to nothing', () => {
  const twoRows: readonly Tensor[] = [
    { ...a, shape: [2, 2], data: Uint8Array.of(1, 2, 3, 4) },
    { ...b, shape: [2, 1], data: Uint8Array.of(1, 2) },
  ];
  const twoAnswers: readonly Tensor[] = [
    { ...y, shape: [2, 1], data: new Uint8Array(8) },
    { ...z, shape: [2, 1], data: new Uint8Array(2) },
  ];

  it.each<readonly [string, Body, Partial<World>, bigint]>([
    ['without a circuit', body('binary'), { manifest: { circuit: null } }, status.ok],
    ['of several rows', body('binary', { inputs: twoRows }), { run: async () => twoAnswers }, status.ok],
    ['of some of the outputs', body('binary', { outputs: ['y'] }), { run: async () => [y] }, status.ok],
    [
      'that failed',
      body('binary'),
      { run: () => Promise.reject(new ModelError('model_crashed', '')) },
      status.modelError,
    ],
    ['that it refused', { fields: { format: 1n, jsonLength: 2n }, bytes: utf8('{}') }, {}, status.refused],
    [
      'that the client ended',
      body('binary'),
      { cancelled: true, run: () => Promise.reject(new ModelError('model_cancelled', '')) },
      status.cancelled,
    ],
  ])('%s', async (_, content, world, expectedStatus) => {
    const { receipt } = await receiptOf(content, world);
    expect(receipt.status).toBe(expectedStatus);
    expect(receipt.commitment).toEqual(NOTHING);
  });
});

describe('a release that names a circuit and cannot be committed to', () => {
  it.each<readonly [RegExp, Partial<Manifest>]>([
    [/y is FP32/, { outputs: [{ name: 'y', datatype: 'FP32', shape: ['batch', 1] }] }],
    [/a has the shape \[batch,n\]/, { inputs: [{ name: 'a', datatype: 'INT8', shape: ['batch', 'n'] }] }],
    [/text-generation/, { kind: 'text-generation' }],
  ])('is refused: %s', async (reason, changes) => {
    const refused = receiptOf(body('binary'), { manifest: changes });
    await expect(refused).rejects.toThrow(reason);
    await expect(refused).rejects.toBeInstanceOf(Refusal);
    await expect(refused).rejects.toMatchObject({ code: 'release_invalid' });
  });

  it('is loaded where it names none', async () => {
    const floats: Partial<Manifest> = {
      circuit: null,
      outputs: [{ name: 'y', datatype: 'FP32', shape: ['batch', 1] }],
    };
    const run: Run = async () => [{ name: 'y', datatype: 'FP32', shape: [1, 1], data: new Uint8Array(4) }];
    const { receipt } = await receiptOf(body('binary'), { manifest: floats, run });
    expect([receipt.status, receipt.commitment]).toEqual([status.ok, NOTHING]);
  });
});

it('packs as the request and the answer say', () => {
  expect([...packTensor(a), ...packTensor(b), ...packTensor(y), ...packTensor(z)]).toEqual([
    7n + 200n * 256n,
    127n,
    2n ** 31n - 2n,
    1n,
  ]);
});
