import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { fromBase64url, toHex } from '../../../wire/bytes.ts';
import { decodeRequestHeader } from '../../../wire/message/request.ts';
import { random } from '../../support/fake-log.ts';
import { testRelease } from '../../support/fake-release.ts';
import { type Served, serve } from '../support/served.ts';

const inputs = [
  { name: 'x', datatype: 'FP32', shape: ['batch', 128] },
  { name: 'mask', datatype: 'BOOL', shape: [] },
] as const;
const outputs = [{ name: 'y', datatype: 'INT64', shape: ['batch', 1] }] as const;

const first = testRelease([random(10)], { name: 'mlp', version: '1.0.0', inputs, outputs });
const second = testRelease([random(10)], { name: 'mlp', version: '2.0.0', inputs, outputs });
const chat = testRelease([random(10)], { name: 'talker', kind: 'text-generation' });
const absent = testRelease([random(10)], { name: 'absent' });

let served: Served;
let url: string;

beforeAll(async () => {
  served = await serve({ releases: [first, second, chat] });
  url = served.host.url;
});

afterAll(() => served.stop());

async function get(path: string): Promise<{ readonly status: number; readonly body: unknown }> {
  const response = await fetch(url + path);
  return { status: response.status, body: await response.json() };
}

async function infer(path: string): Promise<Response> {
  return fetch(url + path, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' });
}

async function modelOf(response: Response): Promise<Uint8Array> {
  expect(response.status).toBe(200);
  return decodeRequestHeader(fromBase64url(response.headers.get('proofmark-request') ?? '')).modelId;
}

describe('metadata of the Open Inference Protocol', () => {
  it('says what the server is, in its own version', async () => {
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect(await get('/v2')).toEqual({
      status: 200,
      body: { name: 'proofmark', version, extensions: ['binary_tensor_data'] },
    });
  });

  const metadata = {
    name: 'mlp',
    versions: ['1.0.0', '2.0.0'],
    platform: 'onnxruntime_onnx',
    inputs: [
      { name: 'x', datatype: 'FP32', shape: [-1, 128] },
      { name: 'mask', datatype: 'BOOL', shape: [] },
    ],
    outputs: [{ name: 'y', datatype: 'INT64', shape: [-1, 1] }],
  };

  it.each([
    '/v2/models/mlp',
    '/v2/models/mlp/versions/1.0.0',
    '/v2/models/mlp@1.0.0',
    '/v2/models/mlp%401.0.0',
    `/v2/models/${toHex(first.modelId)}`,
    `/v2/models/${toHex(first.modelId)}/versions/1.0.0`,
  ])('%s describes the model from its manifest', async (path) => {
    expect(await get(path)).toEqual({ status: 200, body: metadata });
  });

  it.each([
    '/v2/models/none',
    '/v2/models/mlp/versions/3.0.0',
    `/v2/models/${toHex(first.modelId)}/versions/2.0.0`,
    '/v2/models/mlp@1.0.0/versions/2.0.0',
    '/v2/models/__proto__',
    '/v2/models/mlp/versions/__proto__/ready',
    `/v2/models/${toHex(absent.modelId)}/ready`,
  ])('%s is unknown', async (path) => {
    expect(await get(path)).toMatchObject({
      status: 404,
      body: { code: 'model_unknown', error: 'no release of that name or id is served here' },
    });
  });

  it('calls a model ready that a worker has', async () => {
    const ready = { status: 200, body: { name: 'mlp', ready: true } };
    expect(await get('/v2/models/mlp/ready')).toEqual(ready);
    expect(await get('/v2/models/mlp/versions/1.0.0/ready')).toEqual(ready);
  });

  it('calls a model not ready that no worker took', async () => {
    const releases = [first, testRelease([random(10)], { name: 'late' })];
    const half = await serve({ releases });
    (half.worker.models as Uint8Array[]).splice(1, 1);
    half.worker.misbehave = () => true;
    half.worker.dropConnection();
    let status = 200;
    for (let i = 0; i < 100 && status === 200; i++) {
      ({ status } = await fetch(`${half.host.url}/v2/models/late/ready`));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    expect(status).toBe(503);
    await half.stop();
  });
});

describe('calls of a version', () => {
  it.each([
    ['/v2/models/mlp/infer', second],
    ['/v2/models/mlp/versions/1.0.0/infer', first],
    ['/v2/models/mlp/versions/2.0.0/infer', second],
    ['/v2/models/mlp%401.0.0/infer', first],
    [`/v2/models/${toHex(first.modelId)}/versions/1.0.0/infer`, first],
  ])('%s asks for that release', async (path, release) => {
    expect(await modelOf(await infer(path))).toEqual(release.modelId);
  });

  it.each([
    ['/v2/models/mlp/versions/3.0.0/infer', 404, 'model_unknown'],
    ['/v2/models/talker/infer', 400, 'operation_unsupported'],
    ['/v2/models/%zz/infer', 400, 'request_invalid'],
    ['/v2/models//infer', 404, 'not_found'],
    ['/v2/models/mlp/infer/', 404, 'not_found'],
    ['/v2/models/mlp/versions/infer', 405, 'method_not_allowed'],
  ])('%s is refused', async (path, status, code) => {
    const response = await infer(path);
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ code });
  });

  it('GET is not offered, and says what is', async () => {
    const response = await fetch(`${url}/v2/models/mlp/infer`);
    expect(response.status).toBe(405);
    expect(response.headers.get('allow')).toBe('POST');
  });

  it('takes a target in absolute form, and a query that means nothing', async () => {
    expect((await infer('/v2/models/mlp/infer?x=1')).status).toBe(200);
    const { raw } = await import('../support/served.ts');
    const head = ['Host: h', 'Content-Type: application/json', 'Content-Length: 2', 'Connection: close'].join('\r\n');
    expect(await raw(url, `POST http://h/v2/models/mlp/infer HTTP/1.1\r\n${head}\r\n\r\n{}`)).toMatch(
      /^HTTP\/1.1 200 /,
    );
  });
});

describe('workers', () => {
  it('are listed with their logs and models', async () => {
    const { body } = await get('/v1/workers');
    const models = [first, second, chat].map(({ modelId }) => toHex(modelId));
    expect(body).toEqual([{ state: 'ready', log: toHex(served.worker.log.log), models }]);
  });

  it('are asked for by their log, or not at all', async () => {
    const challenge = toHex(random(32));
    const { log } = served.worker.log;
    expect((await fetch(`${url}/v1/evidence?challenge=${challenge}&log=${toHex(log)}`)).status).toBe(200);
    const other = toHex(random(32));
    expect(await get(`/v1/evidence?challenge=${challenge}&log=${other}`)).toMatchObject({
      status: 404,
      body: { code: 'worker_unknown' },
    });
    const opened = (query: string): Promise<Response> =>
      fetch(`${url}/v1/sessions${query}`, {
        method: 'POST',
        headers: { 'content-type': 'application/octet-stream' },
        body: random(48),
      });
    expect((await opened(`?log=${toHex(log)}`)).status).toBe(200);
    expect((await opened(`?log=${other}`)).status).toBe(404);
    expect((await opened(`?log=${toHex(log)}&log=${toHex(log)}`)).status).toBe(400);
    expect((await opened('?log=x')).status).toBe(400);
  });
});
