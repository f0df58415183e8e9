import { beforeEach, describe, expect, it } from 'vitest';
import { ClientError, floatTensor, tensorValues } from '../../client/index.ts';
import { ModelError } from '../../enclave/worker/model/errors.ts';
import { parsePolicy, verifyArchive } from '../../verifier/index.ts';
import { equalBytes, toBase64url, toHex, utf8 } from '../../wire/bytes.ts';
import { nodeSuite } from '../../wire/crypto/node.ts';
import { decodeArchive } from '../../wire/message/archive.ts';
import { flag } from '../../wire/message/request.ts';
import { createPublisher, release } from '../enclave/worker/core/harness.ts';
import { createWorld, EVIDENCE, HANDSHAKE, RECORD, RELEASE, refusalOf, STATUS, WORKERS, type World } from './world.ts';

let world: World;
beforeEach(async () => {
  world = await createWorld();
});

describe('a call', () => {
  it('gives a result in which nothing was left unchecked', async () => {
    const result = await world.client().infer(world.call);
    expect(tensorValues(result.response.outputs[0] as (typeof result.response.outputs)[number])).toEqual([1, 2]);
    expect(result.receipt).toMatchObject({ status: 'ok', sealed: true, headerBy: 'client', fee: 5n, index: 0 });
    expect(equalBytes(result.receipt.modelId, world.demo.modelId)).toBe(true);
    expect(result.release.manifest.name).toBe('demo');
    expect(result.checks.map(({ outcome }) => outcome).filter((outcome) => outcome !== 'passed')).toEqual(
      result.checks.filter(({ outcome }) => outcome === 'not-asked').map(() => 'not-asked'),
    );
    expect(result.checks.some(({ id }) => id === 'R8')).toBe(true);
    expect(result.notProven.map(({ id }) => id)).toContain('time');
  });

  it('is one question of each kind, and the second call is one record', async () => {
    const client = world.client();
    await client.infer(world.call);
    expect(world.calls).toEqual([EVIDENCE, HANDSHAKE, RELEASE, STATUS, RECORD]);
    await client.infer(world.call);
    expect(world.calls).toEqual([EVIDENCE, HANDSHAKE, RELEASE, STATUS, RECORD, RECORD]);
  });

  it('chooses every word of its header itself, and new ones each time', async () => {
    const client = world.client();
    await client.infer(world.call);
    await client.infer({ ...world.call, format: 'json' });
    const [first, second] = world.headers as [(typeof world.headers)[number], (typeof world.headers)[number]];
    expect(first).toMatchObject({
      operation: 0n,
      format: 0n,
      flags: flag.sealed,
      unitPrice: 5n,
      maxFee: 5n,
      deadline: 0n,
    });
    expect(second.format).toBe(1n);
    expect(toHex(first.requestId)).not.toBe(toHex(second.requestId));
    expect(toHex(first.salt)).not.toBe(toHex(second.salt));
    expect(toHex(first.salt)).not.toBe(toHex(first.requestId));
  });

  it('leaves an archive that a stranger accepts while the worker is', async () => {
    const { archive } = await world.client().infer(world.call);
    const purpose = { kind: 'live', now: world.now } as const;
    const options = { policy: parsePolicy(world.rules), purpose, suite: nodeSuite, cache: 'none' } as const;
    expect(await verifyArchive(decodeArchive(archive()), options)).toMatchObject({ verdict: 'accepted' });
  });

  it('works in JSON, too', async () => {
    const { response } = await world.client().infer({ ...world.call, format: 'json' });
    expect(response.outputs[0]?.data).toEqual(world.call.inputs[0]?.data);
  });
});

describe('an argument that no request can be made of', () => {
  it.each<[string, Partial<World['call']>]>([
    ['a short model id', { modelId: new Uint8Array(31) }],
    ['a model id that is text', { modelId: 'demo' as unknown as Uint8Array }],
    ['a tensor with too few bytes', { inputs: [{ name: 'x', datatype: 'FP32', shape: [2], data: new Uint8Array(4) }] }],
    [
      'two tensors of one name',
      { inputs: [floatTensor('x', [1], new Float32Array(1)), floatTensor('x', [1], new Float32Array(1))] },
    ],
    ['no output', { outputs: [] }],
    ['NaN in JSON', { inputs: [floatTensor('x', [1], Float32Array.of(Number.NaN))], format: 'json' }],
    ['more than a body holds', { inputs: [floatTensor('x', [4_194_305], new Float32Array(4_194_305))] }],
  ])('%s is refused before anything is sent', async (_, change) => {
    expect(await refusalOf(world.client().infer({ ...world.call, ...change }))).toMatch(/^argument_invalid\//);
    expect(world.calls).toEqual([]);
  });
});

describe('a bound on what an answer may cost', () => {
  it.each([-1n, 2n ** 128n, 5 as unknown as bigint])('of %s is refused before anything is sent', async (maxFee) => {
    expect(await refusalOf(world.client().infer(world.call, { maxFee }))).toBe('argument_invalid/argument_invalid');
    expect(world.calls).toEqual([]);
  });
});

describe('a worker that the policy does not accept', () => {
  it.each([
    ['another image', { images: [] }, 'image_refused'],
    ['another root', { roots: ['00'.repeat(32)] }, 'root_not_trusted'],
    ['another operator', { operators: [] }, 'operator_refused'],
    ['another publisher', { publishers: [] }, 'publisher_refused'],
  ])('%s: no session is opened with it', async (_, change, code) => {
    const refusal: unknown = await world
      .client(change)
      .worker()
      .catch((error: unknown) => error);
    expect(refusal).toMatchObject({ code: 'evidence_refused', reason: code });
    expect((refusal as ClientError).verdict).toMatchObject({ code });
    expect(world.calls).toEqual([EVIDENCE, WORKERS]);
  });

  it('an old document for a new challenge', async () => {
    let old: Uint8Array | undefined;
    world.onGet = async (_, reply) => {
      old ??= reply;
      return old;
    };
    await world.client().worker();
    expect(await refusalOf(world.client().worker())).toBe('evidence_refused/challenge_mismatch');
  });
});

describe('a host that breaks the protocol', () => {
  const broken: readonly (readonly [string, (world: World) => void])[] = [
    ['evidence that is no JSON', (at) => replaceGet(at, '/v1/evidence', utf8('<html>'))],
    ['evidence without its document', (at) => replaceGet(at, '/v1/evidence', utf8('{"version":1}'))],
    ['a release that is none', (at) => replaceGet(at, '/v1/releases', utf8('{"manifest":"e30"}'))],
    ['a handshake that is too short', (at) => replacePost(at, HANDSHAKE, new Uint8Array(15))],
    ['a handshake of its own', (at) => replacePost(at, HANDSHAKE, new Uint8Array(64).fill(9))],
    ['an answer of its own', (at) => replacePost(at, RECORD, new Uint8Array(600).fill(9))],
    ['an empty answer', (at) => replacePost(at, RECORD, new Uint8Array(0))],
  ];

  function replaceGet(at: World, prefix: string, reply: Uint8Array): void {
    at.onGet = async (path, usual) => (path.startsWith(prefix) ? reply : usual);
  }

  function replacePost(at: World, name: string, reply: Uint8Array): void {
    at.onPost = async (path, pass) => (`POST ${path}` === name ? reply : pass());
  }

  it.each(broken)('%s', async (_, bend) => {
    bend(world);
    expect(await refusalOf(world.client().infer(world.call))).toMatch(/^protocol_violated\//);
  });

  it('an answer to the request before', async () => {
    const client = world.client();
    let old: Uint8Array | undefined;
    world.onPost = async (path, pass) => {
      const reply = await pass();
      if (`POST ${path}` !== RECORD) return reply;
      old ??= reply;
      return old;
    };
    await client.infer(world.call);
    expect(await refusalOf(client.infer(world.call))).toBe('protocol_violated/record_invalid');
  });
});

describe('a release', () => {
  it.each<[string, () => ReturnType<typeof release>]>([
    ['of another model', () => release([utf8('other')])],
    ['of a publisher that the policy does not name', () => release([utf8('model')], {}, createPublisher())],
  ])('%s is refused', async (_, make) => {
    const { manifest, owner, signature } = make().signed;
    const fields = { manifest: toBase64url(manifest), owner: toBase64url(owner), signature: toBase64url(signature) };
    world.onGet = async (path, usual) => (path.startsWith('/v1/releases/') ? utf8(JSON.stringify(fields)) : usual);
    expect(await refusalOf(world.client().infer(world.call))).toMatch(/^release_refused\//);
    expect(world.calls).not.toContain(RECORD);
  });
});

describe('what the worker answers', () => {
  it.each([
    ['the receipt', { receipt: true }],
    ['the proof', { proof: true }],
    ['the signature', { signature: true }],
  ])('is refused where %s is not right', async (_, change) => {
    world.onBundle = (bundle) => ({
      ...bundle,
      ...('receipt' in change ? { receipt: flipped(bundle.receipt) } : {}),
      ...('proof' in change ? { proof: [new Uint8Array(32)] } : {}),
      ...('signature' in change ? { signature: flipped(bundle.signature) } : {}),
    });
    const refusal: unknown = await world
      .client()
      .infer(world.call)
      .catch((error: unknown) => error);
    expect(refusal).toBeInstanceOf(ClientError);
    expect(refusal).toMatchObject({ code: 'receipt_refused' });
    expect((refusal as ClientError).verdict).toMatchObject({ code: (refusal as ClientError).reason });
  });

  it('is refused where the body is another', async () => {
    world.onAnswer = (said) => ({ ...said, body: flipped(said.body) });
    expect(await refusalOf(world.client().infer(world.call))).toBe('receipt_refused/response_mismatch');
  });

  it('is refused for a model that the policy does not list', async () => {
    expect(await refusalOf(world.client({ models: [] }).infer(world.call))).toBe('receipt_refused/model_refused');
  });

  it('is refused when the worker’s acceptance ended while it ran', async () => {
    world.onPost = (path, pass) => {
      if (`POST ${path}` === RECORD) world.now += 601_000;
      return pass();
    };
    expect(await refusalOf(world.client().infer(world.call))).toBe('receipt_refused/worker_expired');
  });

  it('with a bundle that is none breaks the protocol', async () => {
    world.onAnswer = (said) => ({ ...said, bundle: utf8('none') });
    expect(await refusalOf(world.client().infer(world.call))).toMatch(/^protocol_violated\//);
  });

  it('and signs as a refusal is an error with the worker’s own code', async () => {
    world.pool.run = () => Promise.reject(new ModelError('model_timeout', 'no answer within 700 ms'));
    expect(await refusalOf(world.client().infer(world.call))).toBe('answer_failed/model_timeout');
  });

  it('and signs twice differently is a fork', async () => {
    const client = world.client();
    await client.infer(world.call);
    world.fork();
    expect(await refusalOf(client.infer(world.call))).toMatch(/^log_forked\//);
  });

  it('under one head after the other is no fork', async () => {
    const client = world.client();
    for (let i = 0; i < 3; i++) expect((await client.infer(world.call)).receipt.index).toBe(i);
    const together = await Promise.all(Array.from({ length: 8 }, () => client.infer(world.call)));
    expect(together.map(({ receipt }) => receipt.index).sort((a, b) => a - b)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
  });
});

function flipped(bytes: Uint8Array): Uint8Array {
  const changed = Uint8Array.from(bytes);
  changed[40] = (changed[40] as number) ^ 1;
  return changed;
}
