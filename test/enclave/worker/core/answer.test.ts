import { describe, expect, it } from 'vitest';
import { type Answer, type Answering, answer } from '../../../../enclave/worker/answer.ts';
import { parseCpuInfo } from '../../../../enclave/worker/cpu.ts';
import { executionsOf } from '../../../../enclave/worker/executions.ts';
import { createLog, type TransparencyLog } from '../../../../enclave/worker/log.ts';
import { ModelError, type ModelErrorCode } from '../../../../enclave/worker/model/errors.ts';
import { createReleases } from '../../../../enclave/worker/releases.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import type { AnswerErrorCode } from '../../../../enclave/worker/work.ts';
import { concatBytes, utf8 } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import type { Price } from '../../../../wire/message/configuration.ts';
import { decodeExecution } from '../../../../wire/message/execution.ts';
import { decodeIntegers, encodeIntegers } from '../../../../wire/message/integers.ts';
import { decodeReceipt, type StatusName, status, statusName } from '../../../../wire/message/receipt.ts';
import {
  decodeRequest,
  encodeRequestHeader,
  type RequestHeader,
  requestPreimage,
  responsePreimage,
} from '../../../../wire/message/request.ts';
import {
  type BodyFormat,
  decodeInferResponse,
  encodeInferRequest,
  type Tensor,
} from '../../../../wire/message/tensor.ts';
import { random } from '../../../support/fake-log.ts';
import {
  body,
  type ConfigurationChanges,
  configuration,
  createFakePool,
  type FakePool,
  header,
  noRecipients,
  release,
  signingKey,
  x,
} from './harness.ts';

const signer = signingKey();
const demo = release([utf8('model')], { limits: { memoryBytes: 2 ** 30, runMilliseconds: 700 } });
const { modelId } = demo;

interface World {
  readonly pool: FakePool;
  readonly log: TransparencyLog;
  ask(changes?: Partial<RequestHeader>, content?: Uint8Array): Promise<Answer>;
}

async function open(changes: ConfigurationChanges = {}): Promise<World> {
  const rules = configuration(changes);
  const pool = createFakePool();
  const releases = createReleases({ configuration: rules, runtime, pool, makeRecipient: noRecipients });
  await releases.announce(demo.signed);
  await releases.receive({ modelId, file: 0, bytes: utf8('model') });
  const log = createLog({
    chainId: 0n,
    settlement: new Uint8Array(20),
    log: random(32),
    signer,
    capacity: 100,
    onEntries: () => {},
    onFatal: () => {},
  });
  const context: Answering = {
    configuration: rules,
    releases,
    charge: undefined,
    executionOf: executionsOf({ ...runtime, ...parseCpuInfo('') }),
    under: { endedBy: null, signal: new AbortController().signal },
    onPiece: () => undefined,
  };
  return {
    pool,
    log,
    ask(fields = {}, content = body.body) {
      const request = decodeRequest(concatBytes(encodeRequestHeader(header({ modelId, ...fields })), content));
      const reservation = log.reserve();
      if (reservation === undefined) throw new TypeError('full');
      return answer(context, request, reservation);
    },
  };
}

/** What the receipt and the body say, in one line. */
function outcome({ bundle, body: answered, format }: Answer): string {
  const name: StatusName = statusName(decodeReceipt(bundle.receipt).status);
  if (name === 'ok') return 'ok';
  expect(format).toBe(1n);
  const { error } = JSON.parse(new TextDecoder().decode(answered.body)) as { error: { code: string; detail: string } };
  expect(Object.keys(error)).toEqual(['code', 'detail']);
  return `${name} ${error.code}`;
}

const json = encodeInferRequest({ id: null, inputs: [x], outputs: 'all' }, 'json');
const asJson = { format: 1n, jsonLength: BigInt(json.jsonLength) };

describe('an answer', () => {
  it('is bound to the request, the answer and the model by its receipt', async () => {
    const { ask } = await open();
    const fields = header({ modelId, deadline: 9n, flags: 1n });
    const { bundle, body: answered, format } = await ask(fields);
    const receipt = decodeReceipt(bundle.receipt);
    expect(receipt).toMatchObject({
      requestId: fields.requestId,
      modelId,
      channel: new Uint8Array(32),
      commitment: new Uint8Array(32),
      flags: 1n,
      status: status.ok,
      fee: 5n,
      cumulativeFee: 0n,
      deadline: 9n,
    });
    const { salt } = fields;
    const bodyHash = sha256(answered.body);
    const jsonLength = BigInt(answered.jsonLength);
    expect(receipt.requestHash).toEqual(sha256(requestPreimage(encodeRequestHeader(fields), sha256(body.body))));
    expect(receipt.responseHash).toEqual(sha256(responsePreimage({ salt, status: 0n, format, jsonLength, bodyHash })));
    expect(receipt.execution).toEqual(sha256(bundle.execution));
    expect(decodeExecution(bundle.execution)).toMatchObject({ ...runtime, layout: 'release', generation: null });
  });

  it.each<[BodyFormat, Partial<RequestHeader>, Uint8Array]>([
    ['binary', {}, body.body],
    ['json', asJson, json.body],
  ])('comes in the format of its request: %s', async (name, fields, content) => {
    const { bundle, body: answered, format } = await (await open()).ask(fields, content);
    expect(format).toBe(name === 'json' ? 1n : 0n);
    expect(decodeInferResponse(answered, name)).toMatchObject({
      modelName: 'demo',
      modelVersion: '1.0.0',
      id: name === 'json' ? null : 'mine',
      outputs: [{ name: 'y', data: x.data }],
    });
    expect(decodeReceipt(bundle.receipt).status).toBe(status.ok);
  });

  it('has the time that the stricter of manifest and configuration allows', async () => {
    for (const [allowed, expected] of [
      [5_000, 700],
      [300, 300],
    ] as const) {
      const { ask, pool } = await open({ limits: { runMilliseconds: allowed } });
      let given = 0;
      pool.run = async (inputs, deadlineMs) => {
        given = deadlineMs;
        return inputs.map((tensor) => ({ ...tensor, name: 'y' }));
      };
      await ask();
      expect(given).toBe(expected);
    }
  });
});

describe('the fee', () => {
  const feeOf = async (fields: Partial<RequestHeader>): Promise<bigint> =>
    decodeReceipt((await (await open()).ask(fields)).bundle.receipt).fee;

  it('is the price of one unit, never above what the requester allowed', async () => {
    expect(await feeOf({ unitPrice: 5n, maxFee: 100n })).toBe(5n);
    expect(await feeOf({ unitPrice: 9n, maxFee: 100n })).toBe(9n);
    expect(await feeOf({ unitPrice: 9n, maxFee: 8n })).toBe(8n);
  });

  it('is nothing for what was refused or failed', async () => {
    const { ask, pool } = await open();
    pool.run = () => Promise.reject(new ModelError('model_crashed', ''));
    expect(decodeReceipt((await ask({ seed: random(32) })).bundle.receipt).fee).toBe(0n);
    expect(decodeReceipt((await ask()).bundle.receipt).fee).toBe(0n);
  });
});

describe('what the worker refuses', () => {
  const other = sha256(utf8('other'));
  const price = (model: 'any' | Uint8Array, operation: number, unitPrice: bigint): Price => ({
    model,
    operation,
    unitPrice,
  });

  interface Case {
    readonly says: string;
    readonly code: AnswerErrorCode;
    readonly fields?: Partial<RequestHeader>;
    readonly changes?: ConfigurationChanges;
  }

  const cases: readonly Case[] = [
    { says: 'another operation', code: 'operation_not_offered', fields: { operation: 1n } },
    { says: 'a model without a price', code: 'operation_not_offered', changes: { prices: [price(other, 0, 1n)] } },
    { says: 'an operation without a price', code: 'operation_not_offered', changes: { prices: [price('any', 1, 1n)] } },
    { says: 'a stream', code: 'stream_not_offered', fields: { flags: 4n } },
    { says: 'a channel that was not opened', code: 'channel_not_open', fields: { channel: random(32) } },
    { says: 'a price below its own', code: 'price_too_low', fields: { unitPrice: 4n } },
    { says: 'a maximum below one unit', code: 'price_too_low', fields: { maxFee: 4n } },
    {
      says: 'a price below the model’s own',
      code: 'price_too_low',
      changes: { prices: [price('any', 0, 1n), price(modelId, 0, 6n)] },
    },
    { says: 'a seed', code: 'seed_without_sampling', fields: { seed: random(32) } },
    { says: 'a model that is not here', code: 'model_not_loaded', fields: { modelId: other } },
    {
      says: 'a body beyond its limit',
      code: 'body_too_large',
      changes: { limits: { bodyBytes: body.body.length - 1 } },
    },
  ];

  it.each(cases)('$says', async ({ code, fields = {}, changes = {} }) => {
    const { ask, pool, log } = await open(changes);
    let ran = false;
    pool.run = async () => {
      ran = true;
      return [];
    };
    expect(outcome(await ask(fields))).toBe(`refused ${code}`);
    expect(ran).toBe(false);
    expect(log.size).toBe(1);
  });

  it.each([
    ['JSON that is none', utf8('{"inputs":[')],
    ['a name twice', utf8('{"inputs":[],"inputs":[]}')],
    ['a number that no float is', utf8('{"inputs":[{"name":"x","shape":[1],"datatype":"FP32","data":[1e999]}]}')],
    ['forty thousand lists', utf8('['.repeat(40_000))],
  ])('%s as input', async (_, content) => {
    const { ask } = await open();
    const jsonLength = BigInt(content.length);
    expect(outcome(await ask({ format: 1n, jsonLength }, content))).toBe('refused input_invalid');
  });

  it('a binary body whose header word contradicts it', async () => {
    const { ask } = await open();
    expect(outcome(await ask({ jsonLength: BigInt(body.jsonLength - 1) }))).toBe('refused input_invalid');
  });
});

describe('what goes wrong with a model', () => {
  it.each<[ModelErrorCode, StatusName]>([
    ['model_refused', 'refused'],
    ['model_input', 'refused'],
    ['model_timeout', 'stopped'],
    ['model_output_too_large', 'stopped'],
    ['model_unloaded', 'stopped'],
    ['model_crashed', 'modelError'],
    ['model_failed', 'modelError'],
  ])('%s is receipted as %s', async (code, name) => {
    const { ask, pool } = await open();
    pool.run = () => Promise.reject(new ModelError(code, `detail ${'\u{1F600}'.repeat(2_000)}`));
    const given = await ask();
    expect(outcome(given)).toBe(`${name} ${code}`);
    expect(given.body.body.length).toBeLessThan(5_000);
    expect(given.body.jsonLength).toBe(given.body.body.length);
  });

  it('is told in JSON, whatever was asked, and hashed like every answer', async () => {
    const { ask } = await open();
    const fields = header({ modelId, seed: random(32) });
    const { bundle, body: answered } = await ask(fields);
    const { salt } = fields;
    const bodyHash = sha256(answered.body);
    const facts = { salt, status: status.refused, format: 1n, jsonLength: BigInt(answered.jsonLength), bodyHash };
    expect(decodeReceipt(bundle.receipt).responseHash).toEqual(sha256(responsePreimage(facts)));
  });

  it('is not hidden where it is the worker’s own fault: no receipt, and the place is free again', async () => {
    const { ask, pool, log } = await open();
    pool.run = () => Promise.reject(new RangeError('a bug'));
    await expect(ask()).rejects.toBeInstanceOf(RangeError);
    expect(log.size).toBe(0);
  });
});

describe('an answer that is too large', () => {
  function floats(count: number): Tensor {
    return { name: 'y', datatype: 'FP32', shape: [count / 2, 2], data: new Uint8Array(4 * count).fill(0x3f) };
  }

  it('for the configuration is stopped, to the byte', async () => {
    const exact = (await (await open()).ask()).body.body.length;
    expect(outcome(await (await open({ limits: { responseBytes: exact } })).ask())).toBe('ok');
    const { ask } = await open({ limits: { responseBytes: exact - 1 } });
    expect(outcome(await ask())).toBe('stopped response_too_large');
  });

  it('for any body is the same, in JSON, where numbers grow, and in binary', async () => {
    const limits = { responseBytes: 16_777_216 };
    const { ask, pool } = await open({ limits });
    pool.run = async () => [floats(1_500_000)];
    expect(outcome(await ask(asJson, json.body))).toBe('stopped response_too_large');
    pool.run = async () => [floats(4_194_304)];
    expect(outcome(await ask())).toBe('stopped response_too_large');
  });

  it('is a fault of the model where JSON cannot say it', async () => {
    const { ask, pool } = await open();
    const data = new Uint8Array(Float32Array.of(Number.NaN, 1).buffer);
    pool.run = async () => [{ name: 'y', datatype: 'FP32', shape: [1, 2], data }];
    expect(outcome(await ask(asJson, json.body))).toBe('modelError model_failed');
    expect(outcome(await ask())).toBe('ok');
  });
});

describe('a contract’s request', () => {
  const ids = (seed?: Uint8Array): Partial<RequestHeader> => {
    const requestId = random(32);
    const fields = { requestId, salt: requestId, format: 2n, jsonLength: 0n, flags: 1n, deadline: 9n };
    return { ...fields, seed: seed ?? sha256(requestId) };
  };
  const integers = encodeIntegers([{ decimals: 2, shape: [1, 2], values: [150n, -25n] }]);

  it('is answered in its integers, one tensor an output, without JSON', async () => {
    const { ask, pool } = await open();
    let given: readonly Tensor[] = [];
    pool.run = async (inputs) => {
      given = inputs;
      return inputs.map((tensor) => ({ ...tensor, name: 'y' }));
    };
    const fields = ids();
    const { bundle, body: answered, format } = await ask(fields, integers);
    expect(given).toMatchObject([{ name: 'x', datatype: 'FP32', shape: [1, 2] }]);
    expect(new Float32Array(Uint8Array.from(given[0]?.data ?? []).buffer)).toEqual(Float32Array.of(1.5, -0.25));
    expect([format, answered.jsonLength]).toEqual([2n, 0]);
    const values = [1_500_000_000_000_000_000n, -250_000_000_000_000_000n];
    expect(decodeIntegers(answered.body)).toEqual([{ decimals: 18, shape: [1, 2], values }]);
    expect(decodeReceipt(bundle.receipt)).toMatchObject({ status: status.ok, fee: 5n, cumulativeFee: 0n, flags: 1n });
  });

  it('may have no seed, and no other than the hash of its id', async () => {
    const { ask } = await open();
    expect(outcome(await ask(ids(new Uint8Array(32)), integers))).toBe('ok');
    expect(outcome(await ask(ids(random(32)), integers))).toBe('refused seed_without_sampling');
    const { requestId } = ids();
    const seed = sha256(requestId as Uint8Array);
    expect(outcome(await ask({ requestId: requestId as Uint8Array, seed }))).toBe('refused seed_without_sampling');
  });

  it.each([
    ['no tensor', []],
    [
      'two for one input',
      [
        { decimals: 0, shape: [1], values: [1n] },
        { decimals: 0, shape: [1], values: [1n] },
      ],
    ],
    ['a value that no float holds', [{ decimals: 0, shape: [1, 2], values: [2n ** 200n, 1n] }]],
  ])('is refused with %s', async (_, tensors) => {
    const { ask } = await open();
    expect(outcome(await ask(ids(), encodeIntegers(tensors)))).toBe('refused input_invalid');
    expect(outcome(await ask(ids(), new Uint8Array(31)))).toBe('refused input_invalid');
  });

  it('is a fault of the model where no integer can say its answer', async () => {
    const { ask, pool } = await open();
    const data = new Uint8Array(Float32Array.of(Number.NaN, 1).buffer);
    pool.run = async () => [{ name: 'y', datatype: 'FP32', shape: [1, 2], data }];
    expect(outcome(await ask(ids(), integers))).toBe('modelError model_failed');
  });
});
