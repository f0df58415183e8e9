import { beforeEach, describe, expect, it } from 'vitest';
import type { InferCall } from '../../client/index.ts';
import type { ReceiptDraft } from '../../enclave/worker/log.ts';
import { ModelError } from '../../enclave/worker/model/errors.ts';
import { parseWorkerPolicy, verifyArchive } from '../../verifier/index.ts';
import { utf8 } from '../../wire/bytes.ts';
import { commitElements } from '../../wire/commitment/index.ts';
import { nodeSuite, sha256 } from '../../wire/crypto/node.ts';
import { decodeArchive } from '../../wire/message/archive.ts';
import type { Manifest } from '../../wire/message/manifest.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { uintWord } from '../../wire/words.ts';
import { release } from '../enclave/worker/core/harness.ts';
import { createWorld, RECORD, refusalOf, type World } from './world.ts';

const tensors: Pick<Manifest, 'inputs' | 'outputs'> = {
  inputs: [{ name: 'x', datatype: 'INT16', shape: ['batch', 2] }],
  outputs: [{ name: 'y', datatype: 'INT16', shape: ['batch', 2] }],
};
const circuit = sha256(utf8('circuit'));
const proved = release([utf8('model')], { ...tensors, name: 'proved', circuit });
const plain = release([utf8('model')], { ...tensors, name: 'plain' });
const chat = release([utf8('model')], { name: 'chat', kind: 'text-generation' });
const x: Tensor = { name: 'x', datatype: 'INT16', shape: [1, 2], data: Uint8Array.of(1, 0, 0xff, 0xff) };
const call: InferCall = { modelId: proved.modelId, inputs: [x], outputs: 'all', format: 'binary' };
const NOTHING = new Uint8Array(32);
const MISMATCH = 'receipt_refused/commitment_mismatch';
const never = { retry: 'never' } as const;

/** 1 and -1, of 16 bits with a sign, in and out. */
const ELEMENT = 0x8001n + 0x7fffn * 2n ** 16n;

function commitment(salt: Uint8Array, inputs: bigint = ELEMENT): Uint8Array {
  return uintWord(commitElements({ salt, inputs: [inputs], outputs: [ELEMENT] }));
}

let world: World;
beforeEach(async () => {
  world = await createWorld({}, { models: [proved, plain, chat], tensors });
});

const anyModel = { models: 'any' } as const;
const salt = (): Uint8Array => world.headers.at(-1)?.salt ?? NOTHING;

describe('a client', () => {
  it.each(['binary', 'json'] as const)('makes the commitment again from what it sent and got: %s', async (format) => {
    const result = await world.client(anyModel).infer({ ...call, format });
    expect(result.receipt.commitment).toEqual(commitment(salt()));
    expect(result.checks.find(({ id }) => id === 'K1')).toMatchObject({
      outcome: 'passed',
      detail: expect.stringMatching(/^matches: /),
    });
  });

  it('takes zero where nothing is committed to', async () => {
    const { receipt, checks } = await world.client(anyModel).infer({ ...call, modelId: plain.modelId });
    expect(receipt.commitment).toEqual(NOTHING);
    expect(checks.find(({ id }) => id === 'K1')?.detail).toBe('zero: the release names no circuit');
    const rows: Tensor = { ...x, shape: [2, 2], data: new Uint8Array(8) };
    expect((await world.client(anyModel).infer({ ...call, inputs: [rows] })).receipt.commitment).toEqual(NOTHING);
  });

  it('leaves an archive in which a stranger finds the same', async () => {
    const { archive } = await world.client(anyModel).infer(call);
    const policy = parseWorkerPolicy({ ...world.rules, ...anyModel });
    const purpose = { kind: 'live', now: world.now } as const;
    const options = { policy, purpose, suite: nodeSuite, cache: 'none' } as const;
    const verdict = await verifyArchive(decodeArchive(archive()), options);
    expect(verdict.verdict).toBe('accepted');
    expect(verdict.checks.find(({ id }) => id === 'K1')?.outcome).toBe('passed');
  });
});

describe('a hostile worker that commits', () => {
  const cases: readonly (readonly [string, InferCall, (draft: ReceiptDraft) => Uint8Array])[] = [
    ['to nothing', call, () => NOTHING],
    ['to another input', call, () => commitment(salt(), 5n)],
    ['under another salt', call, () => commitment(NOTHING)],
    ['to any word', call, ({ requestId }) => requestId],
    ['for a release without a circuit', { ...call, modelId: plain.modelId }, () => commitment(salt())],
    [
      'to one of several rows',
      { ...call, inputs: [{ ...x, shape: [2, 2], data: Uint8Array.of(1, 0, 255, 255, 1, 0, 255, 255) }] },
      () => commitment(salt()),
    ],
  ];

  it.each(cases)('%s is caught, and not asked again', async (_, asked, commit) => {
    const client = world.client(anyModel, never);
    world.onReceipt = (draft) => ({ ...draft, commitment: commit(draft) });
    expect(await refusalOf(client.infer(asked))).toBe(MISMATCH);
    const before = world.calls.filter((made) => made === RECORD).length;
    expect(await refusalOf(client.infer(asked))).not.toBe('accepted');
    expect(world.calls.filter((made) => made === RECORD)).toHaveLength(before);
  });

  it('when it should is not caught: the same bend that changes nothing', async () => {
    world.onReceipt = (draft) => ({ ...draft, commitment: commitment(salt()) });
    expect(await refusalOf(world.client(anyModel, never).infer(call))).toBe('accepted');
  });

  it('beside an answer in text is caught, streamed or whole', async () => {
    world.onReceipt = (draft) => ({ ...draft, commitment: circuit });
    const ask = { model: 'chat', messages: [{ role: 'user', content: 'Say hello' }] } as const;
    const options = { ...never, models: { chat: chat.modelId } };
    expect(await refusalOf(world.client(anyModel, options).chat(ask))).toBe(MISMATCH);
    const stream = async (): Promise<void> => {
      for await (const _ of world.client(anyModel, options).streamChat(ask)) {
        // Only the end counts.
      }
    };
    expect(await refusalOf(stream())).toBe(MISMATCH);
  });

  it('beside a refusal is caught', async () => {
    world.onReceipt = (draft) => ({ ...draft, commitment: circuit });
    world.pool.run = () => Promise.reject(new ModelError('model_input', 'the wrong tensors'));
    expect(await refusalOf(world.client(anyModel, never).infer(call))).toBe(MISMATCH);
  });
});
