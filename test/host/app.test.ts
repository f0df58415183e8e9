import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { explanations } from '../../host/http/errors.ts';
import { fromBase64url, toHex } from '../../wire/bytes.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { bundleFromHeader, decodeBundle } from '../../wire/message/bundle.ts';
import { decodeEvidence } from '../../wire/message/evidence.ts';
import { encodeRefusal, linkKind, type WorkerRefusalCode } from '../../wire/message/link.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../wire/message/receipt.ts';
import { decodeRegistrationEvidence } from '../../wire/message/registration-evidence.ts';
import { decodeRequestHeader } from '../../wire/message/request.ts';
import { verifyConsistency, verifyInclusion } from '../../wire/tree/index.ts';
import { random } from '../support/fake-log.ts';
import { challengeIn } from '../support/fake-worker.ts';
import { type Served, serve, until } from './support/served.ts';

let served: Served;
let url: string;

beforeAll(async () => {
  served = await serve({ evidencePerSecond: 0.001 });
  url = served.host.url;
});

afterAll(() => served.stop());

const octets = { 'content-type': 'application/octet-stream' };
const json = { 'content-type': 'application/json' };

async function refusal(path: string, init: RequestInit = {}): Promise<string> {
  const response = await fetch(url + path, init);
  const body = (await response.json()) as { code: keyof typeof explanations; message: string };
  expect(response.status).toBe(explanations[body.code].status);
  const { message } = explanations[body.code];
  const inference = path.startsWith('/v2') ? { error: message } : {};
  expect(body).toEqual({ code: body.code, message, ...inference });
  return `${response.status} ${body.code}`;
}

describe('plain requests', () => {
  it('answers with body, receipt, log and the header that the host chose', async () => {
    const body = '{"inputs":[]}';
    const response = await fetch(`${url}/v2/models/demo/infer`, { method: 'POST', headers: json, body });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(body);
    expect(response.headers.get('proofmark-log')).toBe(toHex(served.worker.log.log));
    const header = decodeRequestHeader(fromBase64url(response.headers.get('proofmark-request') ?? ''));
    expect(header).toMatchObject({ modelId: served.release.modelId, format: 1n, unitPrice: 5n, maxFee: 5n, flags: 0n });
    expect(header.jsonLength).toBe(BigInt(body.length));
    const bundle = bundleFromHeader(response.headers.get('proofmark-receipt') ?? '');
    expect(decodeReceipt(bundle.receipt).requestId).toEqual(header.requestId);

    const again = await fetch(`${url}/v1/receipts/${toHex(header.requestId)}`);
    expect(again.headers.get('content-type')).toBe('application/cbor');
    const stored = decodeBundle(new Uint8Array(await again.arrayBuffer()));
    expect(stored.receipt).toEqual(bundle.receipt);
    const head = decodeTreeHead(stored.head);
    const index = Number(decodeReceipt(stored.receipt).index);
    const claim = { leafHash: sha256(leafPreimage(stored.receipt)), index, size: head.size, proof: stored.proof };
    expect(await verifyInclusion(nodeSuite, { ...claim, root: head.root })).toBe(true);
  });

  it('takes a model by its id, and binary tensors', async () => {
    const response = await fetch(`${url}/v2/models/${toHex(served.release.modelId)}/infer`, {
      method: 'POST',
      headers: { ...octets, 'inference-header-content-length': '2' },
      body: Uint8Array.of(0x7b, 0x7d, 0, 1, 2, 3),
    });
    expect(response.status).toBe(200);
    expect(response.headers.get('inference-header-content-length')).toBe('2');
    expect(response.headers.get('content-type')).toBe('application/octet-stream');
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(Uint8Array.of(0x7b, 0x7d, 0, 1, 2, 3));
  });

  it('draws a new request number and salt each time', async () => {
    const headers = await Promise.all(
      Array.from({ length: 20 }, async () => {
        const response = await fetch(`${url}/v2/models/demo/infer`, { method: 'POST', headers: json, body: '{}' });
        return decodeRequestHeader(fromBase64url(response.headers.get('proofmark-request') ?? ''));
      }),
    );
    expect(new Set(headers.flatMap(({ requestId, salt }) => [toHex(requestId), toHex(salt)])).size).toBe(40);
  });

  it.each([
    ['an unknown model', '/v2/models/other/infer', { headers: json, body: '{}' }, '404 model_unknown'],
    ['no body', '/v2/models/demo/infer', { headers: json }, '400 request_invalid'],
    ['octets of no declared shape', '/v2/models/demo/infer', { headers: octets, body: '{}' }, '400 request_invalid'],
    [
      'another type',
      '/v2/models/demo/infer',
      { headers: { 'content-type': 'text/plain' }, body: '{}' },
      '415 media_type_unsupported',
    ],
    ['no type', '/v2/models/demo/infer', { body: new Uint8Array(2) }, '415 media_type_unsupported'],
    [
      'a compressed body',
      '/v2/models/demo/infer',
      { headers: { ...json, 'content-encoding': 'gzip' }, body: '{}' },
      '415 media_type_unsupported',
    ],
    ...['0', '-1', '3', '1e1', '99999999999', 'x'].map(
      (length) =>
        [
          `a JSON length of ${length}`,
          '/v2/models/demo/infer',
          { headers: { ...octets, 'inference-header-content-length': length }, body: '{}' },
          '400 request_invalid',
        ] as const,
    ),
  ] as const)('refuses %s', async (_, path, init, expected) => {
    expect(await refusal(path, { method: 'POST', ...init })).toBe(expected);
  });

  it.each<[WorkerRefusalCode, string]>([
    ['busy', '503 busy'],
    ['log_full', '503 busy'],
    ['malformed', '400 request_invalid'],
    ['not_configured', '503 worker_unreachable'],
    ['internal', '502 worker_refused'],
  ])('says what a worker that answers %s means', async (code, expected) => {
    served.worker.misbehave = ({ id, kind }) => {
      if (kind !== linkKind.plain) return false;
      served.worker.send({ id, kind: linkKind.refusal, payload: encodeRefusal({ code, detail: '/secret/path' }) });
      return true;
    };
    const init = { method: 'POST', headers: json, body: '{}' };
    expect(await refusal('/v2/models/demo/infer', init)).toBe(expected);
    served.worker.misbehave = undefined;
  });
});

describe('sessions', () => {
  it('carries handshakes and records, and looks into neither', async () => {
    const hello = random(48);
    const opened = await fetch(`${url}/v1/sessions`, { method: 'POST', headers: octets, body: hello });
    const answer = new Uint8Array(await opened.arrayBuffer());
    expect(answer).toHaveLength(64);
    expect(answer.slice(16)).toEqual(hello);
    const record = random(100_000);
    const id = toHex(answer.slice(0, 16));
    const sealed = await fetch(`${url}/v1/sessions/${id}`, { method: 'POST', headers: octets, body: record });
    expect(new Uint8Array(await sealed.arrayBuffer())).toEqual(record);
  });

  it.each([
    ['a short handshake', '/v1/sessions', random(47), '400 request_invalid'],
    ['a long handshake', '/v1/sessions', random(49), '413 body_too_large'],
    ['a session id that is none', '/v1/sessions/zz', random(49), '400 request_invalid'],
    ['an empty record', `/v1/sessions/${'0'.repeat(32)}`, new Uint8Array(0), '400 request_invalid'],
  ])('refuses %s', async (_, path, body, expected) => {
    expect(await refusal(path, { method: 'POST', headers: octets, body })).toBe(expected);
  });
});

describe('evidence', () => {
  it('comes with the signer’s word where a log is to be registered', async () => {
    const challenge = random(32);
    const response = await fetch(`${url}/v1/registration?challenge=${toHex(challenge)}`);
    const { evidence, possession } = decodeRegistrationEvidence(new Uint8Array(await response.arrayBuffer()));
    expect(challengeIn(evidence.document)).toEqual(challenge);
    expect(possession).toHaveLength(64);
    expect(await refusal('/v1/registration?challenge=00')).toBe('400 request_invalid');
  });

  it('serves a document for the challenge of whoever asks, until they ask too often', async () => {
    const challenge = random(32);
    const response = await fetch(`${url}/v1/evidence?challenge=${toHex(challenge)}`);
    const evidence = decodeEvidence(new Uint8Array(await response.arrayBuffer()));
    expect(challengeIn(evidence.document)).toEqual(challenge);
    expect(evidence).toMatchObject({ ...served.worker.log.ready, tee: 'aws-nitro', certificates: [] });
    const statuses: number[] = [];
    for (let i = 0; i < 20; i++)
      statuses.push((await fetch(`${url}/v1/evidence?challenge=${toHex(challenge)}`)).status);
    // One was asked for above, and one here.
    expect(statuses.filter((status) => status === 200)).toHaveLength(14);
    const spoofed = { headers: { 'x-forwarded-for': '10.0.0.1', forwarded: 'for=10.0.0.2' } };
    expect(await refusal(`/v1/evidence?challenge=${toHex(challenge)}`, spoofed)).toBe('429 rate_limited');
  });

  it.each(['', '?challenge=', '?challenge=00', `?challenge=${'AA'.repeat(32)}`, `?challenge=${'00'.repeat(33)}`])(
    'refuses a challenge that is none: %j',
    async (query) => {
      expect(await refusal(`/v1/evidence${query}`)).toBe('400 request_invalid');
    },
  );

  it('refuses two challenges', async () => {
    const one = `challenge=${'00'.repeat(32)}`;
    expect(await refusal(`/v1/evidence?${one}&${one}`)).toBe('400 request_invalid');
  });

  it('keeps the first evidence of a log', async () => {
    await until(() => served.events.some(({ event }) => event === 'evidence_saved'));
  });
});

describe('the log', () => {
  it('serves heads and proves them consistent', async () => {
    for (let i = 0; i < 5; i++)
      await fetch(`${url}/v2/models/demo/infer`, { method: 'POST', headers: json, body: '{}' });
    const newest = (await (await fetch(`${url}/v1/log/head`)).json()) as Record<string, string>;
    const { heads } = (await (await fetch(`${url}/v1/log/heads`)).json()) as { heads: Record<string, string>[] };
    expect(heads.at(-1)).toMatchObject({ head: newest['head'], signature: newest['signature'] });
    const [first, second] = [heads[0], heads.at(-1)].map((one) => decodeTreeHead(fromBase64url(one?.['head'] ?? '')));
    if (first === undefined || second === undefined) throw new Error('no heads');
    const query = `log=${newest['log']}&first=${first.size}&second=${second.size}`;
    const { proof } = (await (await fetch(`${url}/v1/log/consistency?${query}`)).json()) as { proof: string[] };
    const claim = { first: first.size, firstRoot: first.root, second: second.size, secondRoot: second.root };
    expect(await verifyConsistency(nodeSuite, { ...claim, proof: proof.map(fromBase64url) })).toBe(true);
  });

  it.each([
    [`/v1/receipts/${'00'.repeat(32)}`, '404 receipt_unknown'],
    ['/v1/receipts/xyz', '400 request_invalid'],
    ['/v1/receipts/%ff', '400 request_invalid'],
    [`/v1/log/head?log=${'00'.repeat(32)}`, '404 log_unknown'],
    ['/v1/log/head?log=1', '400 request_invalid'],
    ['/v1/log/consistency', '400 request_invalid'],
    ['/v1/log/consistency?first=1&second=999999', '404 size_unknown'],
    ['/v1/log/consistency?first=0&second=1', '404 size_unknown'],
    ['/v1/log/consistency?first=01&second=2', '400 request_invalid'],
    ['/v1/log/consistency?first=1&second=1e3', '400 request_invalid'],
    ['/v1/log/heads?after=-1', '400 request_invalid'],
  ])('%s is %s', async (path, expected) => {
    expect(await refusal(path)).toBe(expected);
  });
});

describe('what is where', () => {
  it('lists releases and serves their signed manifests', async () => {
    const modelId = toHex(served.release.modelId);
    expect(await (await fetch(`${url}/v1/releases`)).json()).toEqual([{ modelId, name: 'demo', version: '1.0.0' }]);
    const one = (await (await fetch(`${url}/v1/releases/${modelId}`)).json()) as Record<string, string>;
    expect(sha256(fromBase64url(one['manifest'] ?? ''))).toEqual(served.release.modelId);
    expect(fromBase64url(one['signature'] ?? '')).toEqual(served.release.signed.signature);
    expect(await refusal('/v1/releases/demo')).toBe('404 model_unknown');
  });

  it('says that it lives and is ready, and what it offers', async () => {
    expect(await (await fetch(`${url}/v2/health/live`)).json()).toEqual({ live: true });
    expect(await (await fetch(`${url}/v2/health/ready`)).json()).toMatchObject({ ready: true });
    expect(await (await fetch(url)).json()).toMatchObject({ service: 'proofmark host' });
  });

  it.each([
    ['GET', '/nothing', '404 not_found'],
    ['GET', '/v1/Evidence', '404 not_found'],
    ['GET', '/v1/sessions', '405 method_not_allowed'],
    ['DELETE', '/v1/log/head', '405 method_not_allowed'],
    ['POST', '/', '405 method_not_allowed'],
  ])('%s %s is %s', async (method, path, expected) => {
    expect(await refusal(path, { method })).toBe(expected);
  });

  it('sends no header that names its maker, and none that lets a page act for it', async () => {
    const { headers } = await fetch(url);
    expect(headers.get('x-powered-by')).toBeNull();
    expect(headers.get('etag')).toBeNull();
    expect(headers.get('access-control-allow-origin')).toBeNull();
    expect(headers.get('x-content-type-options')).toBe('nosniff');
  });
});
