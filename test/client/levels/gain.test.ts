import { beforeEach, describe, expect, it } from 'vitest';
import type { LevelsPolicy, Reach, RowToProve, SignedFinding } from '../../../client/index.ts';
import { ClientError, type Level, tensorValues } from '../../../client/index.ts';
import { commitElements } from '../../../wire/commitment/elements.ts';
import { packTensor } from '../../../wire/commitment/pack.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { signP256 } from '../../../wire/crypto/node-sign.ts';
import { encodeApproval } from '../../../wire/message/approval.ts';
import { decodeArchive } from '../../../wire/message/archive.ts';
import { encodeCircuitKey } from '../../../wire/message/circuit-key.ts';
import { encodeFinding } from '../../../wire/message/finding.ts';
import { integersToTensor } from '../../../wire/message/integers.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { decodeReceipt, decodeTreeHead, leafPreimage } from '../../../wire/message/receipt.ts';
import type { Tensor } from '../../../wire/message/tensor.ts';
import { release } from '../../enclave/worker/core/harness.ts';
import { forgedProofFile, trapdoorKey, trapdoorKeyBytes } from '../../support/trapdoor.ts';
import { createWorld, RECORD, refusalOf, type World } from '../world.ts';
import { type Auditor, createAuditor, naming, policyOf } from './evidence.ts';

const tensors = {
  inputs: [{ name: 'x', datatype: 'UINT8', shape: [1, 2] }],
  outputs: [{ name: 'y', datatype: 'UINT8', shape: [1, 2] }],
} as const satisfies Pick<Manifest, 'inputs' | 'outputs'>;

const proving = release([Uint8Array.of(1)], { ...tensors, circuit: sha256(trapdoorKeyBytes) });
const plain = release([Uint8Array.of(2)], { ...tensors, name: 'plain' });
const chat = release([Uint8Array.of(3)], { name: 'demo-chat', kind: 'text-generation' });
const asked: Tensor = { name: 'x', datatype: 'UINT8', shape: [1, 2], data: Uint8Array.of(3, 4) };

let world: World;
beforeEach(async () => {
  world = await createWorld({}, { models: [proving, plain, chat], tensors });
});

const call = (modelId = proving.modelId, inputs: readonly Tensor[] = [asked]) =>
  ({ modelId, inputs, outputs: 'all', format: 'binary' }) as const;

const infer = (reach: Reach | undefined, level: Level, one: ReturnType<typeof call> = call()) =>
  world
    .client({ models: 'any' }, { models: { chat: chat.modelId }, ...(reach === undefined ? {} : { reach }) })
    .infer(one, { level });

const nothing = { replayed: 'none', recomputed: 'none', proved: 'none' } as const;
const never = (): Promise<never> => Promise.reject(new TypeError('not to be asked'));

/** The refusal, after which no request must have been sent. */
async function beforehand(reach: Reach | undefined, level: Level, one = call()): Promise<string> {
  const refusal = await refusalOf(infer(reach, level, one));
  expect(world.calls).not.toContain(RECORD);
  return refusal;
}

describe('a level of the hardware', () => {
  it('is what the worker policy accepts, or is refused before anything is sent', async () => {
    expect(await beforehand(undefined, 'attested')).toBe('level_unavailable/policy_simulated');
    expect((await infer(undefined, 'simulated')).gained).toBe('none-asked');
  });
});

describe('recomputed', () => {
  const recomputing = (compute: (row: readonly bigint[]) => readonly bigint[], policy?: LevelsPolicy): Reach => ({
    ...nothing,
    policy: policy ?? policyOf({ recomputations: 'this-machine' }),
    recomputed: {
      by: 'this-machine',
      open: async () => ({ where: 'a test', compute: async ([row]) => [compute(row ?? [])] }),
    },
  });

  it('hands out an answer that was computed again, with what it was checked by', async () => {
    const { response, gained } = await infer(
      recomputing((row) => row),
      'recomputed',
      call(plain.modelId),
    );
    expect(response.outputs.map(tensorValues)).toEqual([[3, 4]]);
    expect(gained).toMatchObject({
      asked: 'recomputed',
      result: { standing: 'undisputed' },
      evidence: { recomputations: [{ where: 'a test', outputs: [[3n, 4n]] }] },
    });
    expect(gained !== 'none-asked' && gained.evidence.costs).toMatchObject([{ level: 'recomputed', gas: 'unknown' }]);
  });

  it('hands out no answer that comes out otherwise, but its archive', async () => {
    const error = await infer(
      recomputing(() => [3n, 5n]),
      'recomputed',
    ).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(ClientError);
    expect(error).toMatchObject({ code: 'level_refused', reason: 'other_values', action: 'stop-trusting' });
    expect(decodeArchive((error as ClientError).archive as Uint8Array).format).toBe('proofmark archive v1');
  });

  it('is not reached where the computing fails', async () => {
    const failing = recomputing(() => {
      throw new RangeError('out of memory');
    });
    const error = await infer(failing, 'recomputed').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: 'level_not_reached', reason: 'reach_failed', action: 'retry' });
    expect((error as ClientError).message).toContain('out of memory');
    expect((error as ClientError).archive).toBeInstanceOf(Uint8Array);
  });

  it('is refused beforehand where it cannot be', async () => {
    expect(await beforehand(undefined, 'recomputed')).toBe('level_unavailable/reach_none');
    expect(await beforehand({ ...nothing, policy: policyOf() }, 'recomputed')).toBe('level_unavailable/reach_none');
    const unwanted = recomputing((row) => row, policyOf({ recomputations: 'chain' }));
    expect(await beforehand(unwanted, 'recomputed')).toBe('level_unavailable/policy_none');
    const closed: Reach = {
      ...recomputing((row) => row),
      recomputed: { by: 'this-machine', open: async () => 'unavailable' },
    };
    expect(await beforehand(closed, 'recomputed')).toBe('level_unavailable/reach_refuses');
    const rows = { ...asked, shape: [2, 2], data: Uint8Array.of(1, 2, 3, 4) };
    const reach = recomputing((row) => row);
    expect(await beforehand(reach, 'recomputed', call(proving.modelId, [rows]))).toBe('level_unavailable/not_one_row');
    const text = world.client({ models: 'any' }, { models: { chat: chat.modelId }, reach });
    expect(
      await refusalOf(
        text.chat({ model: 'chat', messages: [{ role: 'user', content: 'hi' }] }, { level: 'recomputed' }),
      ),
    ).toMatch(/^level_unavailable\/not_integers/);
  });
});

describe('proved', () => {
  const commitmentOf = ({ salt, inputs, outputs }: RowToProve): bigint => {
    const packed = ([values = []]: RowToProve['inputs']): readonly bigint[] =>
      packTensor(integersToTensor({ name: 'row', datatype: 'UINT8' }, { decimals: 0, shape: [1, 2], values }));
    return commitElements({ salt, inputs: packed(inputs), outputs: packed(outputs) });
  };
  const proverOf = (prove: (row: RowToProve) => Uint8Array, circuitKey = trapdoorKeyBytes): Reach => ({
    ...nothing,
    policy: policyOf(),
    proved: { open: async () => ({ circuitKey, prove: async (row) => prove(row) }) },
  });
  const honest = proverOf((row) => forgedProofFile([commitmentOf(row), 0n, 0n]));

  it('hands out an answer with a proof that the client has checked itself', async () => {
    const { gained } = await infer(honest, 'proved');
    expect(gained !== 'none-asked' && gained.evidence.proofs).toHaveLength(1);
    expect(gained !== 'none-asked' && gained.result.levels.map(({ level, state }) => `${level} ${state}`)).toEqual([
      'simulated reached',
      'attested refused',
      'replayed not-reached',
      'recomputed not-reached',
      'proved reached',
    ]);
  });

  it('hands out none with a proof about something else', async () => {
    const lying = proverOf(() => forgedProofFile([1n, 0n, 0n]));
    expect(await refusalOf(infer(lying, 'proved'))).toBe('level_refused/commitment_of_another');
  });

  it('is refused beforehand where it cannot be', async () => {
    expect(await beforehand(honest, 'proved', call(plain.modelId))).toBe('level_unavailable/circuit_none');
    expect(await beforehand({ ...honest, policy: policyOf({ setups: 'none' }) }, 'proved')).toBe(
      'level_unavailable/policy_none',
    );
    const other = encodeCircuitKey({ ...trapdoorKey, phase1: 5 });
    expect(
      await beforehand(
        proverOf(() => other, other),
        'proved',
      ),
    ).toBe('level_unavailable/circuit_of_another');
    const closed: Reach = { ...honest, proved: { open: async () => 'unavailable' } };
    expect(await beforehand(closed, 'proved')).toBe('level_unavailable/reach_refuses');
  });

  it('is refused beforehand under a setup that the policy does not accept, and a key that is none', async () => {
    const dev = encodeCircuitKey({ ...trapdoorKey, phase2: 1 });
    const none = Uint8Array.of(7);
    const models = [dev, none].map((key, place) =>
      release([Uint8Array.of(4)], { ...tensors, name: `one-${place}`, circuit: sha256(key) }),
    );
    world = await createWorld({}, { models, tensors });
    const [ofDev, ofNone] = models.map(({ modelId }) => call(modelId));
    expect(
      await beforehand(
        proverOf(() => dev, dev),
        'proved',
        ofDev,
      ),
    ).toBe('level_unavailable/setup_refused');
    expect(
      await beforehand(
        proverOf(() => none, none),
        'proved',
        ofNone,
      ),
    ).toBe('level_unavailable/key_invalid');
  });
});

describe('replayed', () => {
  const [a, b] = [createAuditor(), createAuditor()];
  const one = policyOf(naming([a, b], 1));
  type Ask = Exclude<Reach['replayed'], 'none'>['ask'];
  const auditing = (ask: Ask, policy = one, keys = [a.id, b.id]): Reach => ({
    ...nothing,
    policy,
    replayed: { keys, ask },
  });
  const approving =
    ({ key, id }: Auditor): Ask =>
    async ({ archive, statement }) => {
      const { receipt, head, request, response } = decodeArchive(archive);
      const { modelId, execution } = decodeReceipt(receipt);
      const words = encodeApproval({
        ...statement,
        ...{ log: decodeTreeHead(head).log, modelId, execution },
        inputHash: request?.bodyHash as Uint8Array,
        outputHash: response?.bodyHash as Uint8Array,
      });
      return { approvals: [{ key: id, words, signature: signP256(key, words) }], findings: [] };
    };
  const disputing =
    ({ key, id }: Auditor): Ask =>
    async ({ archive }) => {
      const { receipt, head } = decodeArchive(archive);
      const { log, size, root } = decodeTreeHead(head);
      const finding = encodeFinding({
        ...{ auditorX: id.slice(0, 32), auditorY: id.slice(32), log, headSize: BigInt(size), headRoot: root },
        ...{ seed: new Uint8Array(32), index: decodeReceipt(receipt).index, verdict: 2n },
        leaf: sha256(leafPreimage(receipt)),
        ...{ answer: sha256(Uint8Array.of(1)), class: new Uint8Array(32), intermediates: new Uint8Array(32) },
      });
      const shown: SignedFinding = { finding, signature: signP256(key, finding) };
      return {
        approvals: (await approving(b)({ archive, statement: statementOf(archive) })).approvals,
        findings: [shown],
      };
    };

  it('hands out what enough of the named auditors have signed, of tensors and of text', async () => {
    const reach = auditing(approving(a));
    expect((await infer(reach, 'replayed')).gained).toMatchObject({ asked: 'replayed' });
    const client = world.client({ models: 'any' }, { models: { chat: chat.modelId }, reach });
    const said = await client.chat(
      { model: 'chat', messages: [{ role: 'user', content: 'hi' }] },
      { level: 'replayed' },
    );
    expect(said.gained).toMatchObject({ asked: 'replayed', result: { standing: 'undisputed' } });
    const stream = client.streamChat(
      { model: 'chat', messages: [{ role: 'user', content: 'hi' }] },
      { level: 'replayed' },
    );
    for await (const _ of stream);
    expect((await stream.result).gained).toMatchObject({ asked: 'replayed' });
  });

  it('hands out nothing that too few have signed, or that one disputes', async () => {
    expect(await refusalOf(infer(auditing(approving(a), policyOf(naming([a, b], 2))), 'replayed'))).toBe(
      'level_not_reached/auditors_few',
    );
    expect(await refusalOf(infer(auditing(disputing(a)), 'replayed'))).toBe('level_refused/disputed');
    expect(await refusalOf(infer(auditing(approving(createAuditor())), 'replayed'))).toBe(
      'level_refused/auditor_unnamed',
    );
  });

  it('is refused beforehand where too few can be asked, or nobody is named', async () => {
    const two = policyOf(naming([a, b], 2));
    expect(await beforehand(auditing(never, two, [a.id]), 'replayed')).toBe('level_unavailable/auditors_few');
    expect(await beforehand(auditing(never, policyOf()), 'replayed')).toBe('level_unavailable/policy_none');
  });
});

function statementOf(archive: Uint8Array): Parameters<Exclude<Reach['replayed'], 'none'>['ask']>[0]['statement'] {
  const { requestId: escrow } = decodeReceipt(decodeArchive(archive).receipt);
  return { chainId: 0n, verifier: new Uint8Array(20), escrow };
}
