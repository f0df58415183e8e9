import { describe, expect, it } from 'vitest';
import { ModelError } from '../../../../enclave/worker/model/errors.ts';
import { createReleases, type Releases } from '../../../../enclave/worker/releases.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { equalBytes, toHex, utf8 } from '../../../../wire/bytes.ts';
import { sha256 } from '../../../../wire/crypto/node.ts';
import { signP256 } from '../../../../wire/crypto/node-sign.ts';
import { releaseMessage } from '../../../../wire/message/authorisations.ts';
import { decodeRefusal, encodeRefusal, type WorkerRefusalCode } from '../../../../wire/message/link.ts';
import {
  type ConfigurationChanges,
  codeOf,
  configuration,
  createFakePool,
  createPublisher,
  type FakePool,
  gate,
  noRecipients,
  publisher,
  release,
  signature,
  type TestRelease,
} from './harness.ts';

interface Opened {
  readonly releases: Releases;
  readonly pool: FakePool;
}

function open(changes: ConfigurationChanges = {}): Opened {
  const pool = createFakePool();
  return {
    releases: createReleases({ configuration: configuration(changes), runtime, pool, makeRecipient: noRecipients }),
    pool,
  };
}

/** Sends all files in pieces of `step` bytes; the last answer. */
async function send(releases: Releases, { modelId, files }: TestRelease, step = 1_000): Promise<boolean> {
  let complete = false;
  for (const [file, bytes] of files.entries()) {
    for (let at = 0; at < Math.max(1, bytes.length); at += step) {
      complete = await releases.receive({ modelId, file, bytes: bytes.subarray(at, at + step) });
    }
  }
  return complete;
}

async function push(releases: Releases, one: TestRelease, step?: number): Promise<boolean> {
  await releases.announce(one.signed);
  return send(releases, one, step);
}

const named = (name: string): TestRelease => release([utf8(name)], { name });

describe('a release', () => {
  it('is served once every file is there, and only its entry goes to the engine', async () => {
    const { releases, pool } = open();
    const one = release([utf8('licence'), utf8('the model itself'), new Uint8Array(0)], { entry: 'file-1.bin' });
    await releases.announce(one.signed);
    expect(releases.find(one.modelId)).toBeUndefined();
    expect(await send(releases, one, 5)).toBe(true);
    expect(pool.loads).toEqual([{ modelId: one.modelId, bytes: utf8('the model itself'), batchRows: 1 }]);
    expect(releases.find(one.modelId)?.manifest.name).toBe('demo');
    expect(releases.ids()).toEqual([one.modelId]);
  });

  it('is the same whatever the pieces', async () => {
    const bytes = Uint8Array.from({ length: 999 }, (_, i) => i % 251);
    for (const step of [1, 7, 998, 999, 5_000]) {
      const { releases, pool } = open();
      expect(await push(releases, release([bytes]), step)).toBe(true);
      expect(equalBytes(pool.loads[0]?.bytes as Uint8Array, bytes)).toBe(true);
    }
  });

  it('does not change with the host’s buffer after the digest was taken', async () => {
    const { releases, pool } = open();
    const one = release([utf8('first half, second half')]);
    await releases.announce(one.signed);
    const piece = Uint8Array.from(one.files[0]?.subarray(0, 10) as Uint8Array);
    await releases.receive({ modelId: one.modelId, file: 0, bytes: piece });
    piece.fill(0);
    await releases.receive({ modelId: one.modelId, file: 0, bytes: one.files[0]?.subarray(10) as Uint8Array });
    expect(equalBytes(pool.loads[0]?.bytes as Uint8Array, one.files[0] as Uint8Array)).toBe(true);
  });

  it('of empty files alone is complete when each was sent, empty', async () => {
    const { releases } = open();
    const one = release([new Uint8Array(0), new Uint8Array(0)]);
    await releases.announce(one.signed);
    expect(await releases.receive({ modelId: one.modelId, file: 0, bytes: new Uint8Array(0) })).toBe(false);
    expect(await releases.receive({ modelId: one.modelId, file: 1, bytes: new Uint8Array(0) })).toBe(true);
  });
});

describe('an announcement', () => {
  const stranger = createPublisher();
  const good = release();

  interface Case {
    readonly says: string;
    readonly signed: TestRelease['signed'];
    readonly code: WorkerRefusalCode;
    readonly changes?: ConfigurationChanges;
  }

  const other = named('b').signed.signature;
  const large = release([new Uint8Array(600), new Uint8Array(401)]).signed;
  const unlisted = { models: [sha256(utf8('b'))] };
  const small = { limits: { releaseBytes: 1_000 } };
  const cases: readonly Case[] = [
    { says: 'by a stranger', signed: release([utf8('m')], {}, stranger).signed, code: 'publisher_not_allowed' },
    { says: 'under a publisher’s name, signed by a stranger', signed: forged(), code: 'release_invalid' },
    { says: 'signed with zeros', signed: { ...good.signed, signature: new Uint8Array(64) }, code: 'release_invalid' },
    { says: 'signed over another', signed: { ...good.signed, signature: other }, code: 'release_invalid' },
    { says: 'by one publisher, of another’s manifest', signed: borrowed(), code: 'release_invalid' },
    { says: 'whose manifest is no manifest', signed: nonsense(), code: 'release_invalid' },
    { says: 'of an unlisted model', signed: good.signed, code: 'release_invalid', changes: unlisted },
    { says: 'with another optimisation', signed: withExecution({ optimisation: 'basic' }), code: 'release_invalid' },
    { says: 'with more threads', signed: withExecution({ threads: 2 }), code: 'release_invalid' },
    { says: 'that wants more memory', signed: withMemory(2 ** 30 + 1), code: 'release_too_large' },
    { says: 'of more bytes than allowed', signed: large, code: 'release_too_large', changes: small },
  ];

  function forged(): TestRelease['signed'] {
    const { signed } = release([utf8('m')], { owner: publisher.owner }, stranger);
    return { ...signed, owner: publisher.owner };
  }

  function borrowed(): TestRelease['signed'] {
    // Signed by the publisher, over a manifest that names the stranger as its owner.
    return release([utf8('m')], { owner: stranger.owner }).signed;
  }

  function nonsense(): TestRelease['signed'] {
    const manifest = utf8('{"schema": "proofmark manifest v1"}');
    return {
      manifest,
      owner: publisher.owner,
      signature: signP256(publisher.privateKey, releaseMessage(sha256(manifest))),
    };
  }

  function withExecution(change: {
    readonly optimisation?: 'basic';
    readonly threads?: number;
  }): TestRelease['signed'] {
    const { optimisation, threads } = runtime;
    return release([utf8('m')], {
      execution: { engine: 'onnxruntime', optimisation, threads, batchRows: 1, ...change },
    }).signed;
  }

  function withMemory(memoryBytes: number): TestRelease['signed'] {
    return release([utf8('m')], { limits: { memoryBytes, runMilliseconds: 1 } }).signed;
  }

  it.each(cases)('$says is refused', async ({ signed, code, changes = {} }) => {
    const { releases } = open(changes);
    expect(await codeOf(releases.announce(signed))).toBe(code);
    const piece = { modelId: sha256(signed.manifest), file: 0, bytes: new Uint8Array(0) };
    expect(await codeOf(releases.receive(piece))).toBe('file_unexpected');
  });

  it('of a listed model, with exactly the memory and bytes allowed, is taken', async () => {
    const one = release([new Uint8Array(1_000)], { limits: { memoryBytes: 2 ** 30, runMilliseconds: 1 } });
    const { releases } = open({ models: [one.modelId], limits: { releaseBytes: 1_000 } });
    expect(await push(releases, one)).toBe(true);
  });

  it('of what is here already is refused', async () => {
    const { releases } = open();
    const one = release();
    await push(releases, one);
    expect(await codeOf(releases.announce(one.signed))).toBe('release_invalid');
  });

  it('beyond the number of models is refused, and none goes to make room', async () => {
    const { releases } = open({ limits: { models: 2 } });
    const [a, b] = [named('a'), named('b')];
    await push(releases, a);
    await push(releases, b);
    expect(await codeOf(releases.announce(named('c').signed))).toBe('too_many_models');
    expect(releases.ids().map(toHex)).toEqual([a, b].map(({ modelId }) => toHex(modelId)));
  });

  it('while another model is still being loaded counts that one', async () => {
    const { releases, pool } = open({ limits: { models: 1 } });
    const { passed, open: finish } = gate();
    pool.beforeLoad = () => passed;
    const one = named('a');
    const loading = push(releases, one);
    await until(() => pool.loads.length === 1);
    expect(await codeOf(releases.announce(one.signed))).toBe('release_invalid');
    expect(await codeOf(releases.announce(named('b').signed))).toBe('too_many_models');
    finish();
    expect(await loading).toBe(true);
    expect(pool.loads).toHaveLength(1);
  });

  it('that was not finished makes room for the next', async () => {
    const { releases } = open();
    const [a, b] = [named('a'), named('b')];
    await releases.announce(a.signed);
    expect(await push(releases, b)).toBe(true);
    expect(await codeOf(send(releases, a))).toBe('file_unexpected');
  });
});

async function until(probe: () => boolean): Promise<void> {
  while (!probe()) await new Promise((resolve) => setTimeout(resolve, 1));
}

describe('a file', () => {
  const one = release([utf8('first'), utf8('second')]);
  const { modelId } = one;

  it.each<[string, { readonly modelId: Uint8Array; readonly file: number; readonly bytes: Uint8Array }, string]>([
    ['of another release', { modelId: sha256(utf8('other')), file: 0, bytes: utf8('first') }, 'file_unexpected'],
    ['out of its turn', { modelId, file: 1, bytes: utf8('second') }, 'file_unexpected'],
    ['that does not exist', { modelId, file: 2, bytes: utf8('third') }, 'file_unexpected'],
    ['with a byte too many', { modelId, file: 0, bytes: utf8('first!') }, 'file_mismatch'],
    ['with another digest', { modelId, file: 0, bytes: utf8('worst') }, 'file_mismatch'],
  ])('%s is refused', async (_, piece, code) => {
    const { releases, pool } = open();
    await releases.announce(one.signed);
    expect(await codeOf(releases.receive(piece))).toBe(code);
    expect(pool.loads).toEqual([]);
  });

  it('that was refused for its bytes ends the release', async () => {
    const { releases, pool } = open();
    await releases.announce(one.signed);
    await codeOf(releases.receive({ modelId, file: 0, bytes: utf8('worst') }));
    expect(await codeOf(releases.receive({ modelId, file: 0, bytes: utf8('first') }))).toBe('file_unexpected');
    expect(await push(releases, one)).toBe(true);
    expect(pool.loads).toHaveLength(1);
  });

  it('with nothing announced is refused', async () => {
    expect(await codeOf(open().releases.receive({ modelId, file: 0, bytes: utf8('first') }))).toBe('file_unexpected');
  });

  it('sent after the last one is refused', async () => {
    const { releases } = open();
    await push(releases, one);
    expect(await codeOf(releases.receive({ modelId, file: 1, bytes: new Uint8Array(0) }))).toBe('file_unexpected');
  });

  it('of empty pieces for ever holds no more memory than its size', async () => {
    const { releases, pool } = open();
    await releases.announce(one.signed);
    for (let i = 0; i < 10_000; i++) await releases.receive({ modelId, file: 0, bytes: new Uint8Array(0) });
    expect(await send(releases, one)).toBe(true);
    expect(pool.loads[0]?.bytes.buffer.byteLength).toBe(5);
  });
});

describe('a model that is not what its manifest says', () => {
  const y = signature.outputs[0] as (typeof signature.outputs)[number];

  it.each<[string, Partial<Pick<FakePool, 'inputs' | 'outputs' | 'engine'>>]>([
    ['has another input', { inputs: [] }],
    ['has another datatype', { outputs: [{ ...y, datatype: 'FP16' }] }],
    ['has another shape', { outputs: [{ ...y, shape: ['batch', 3] }] }],
    ['has a free dimension that looks like a number', { outputs: [{ ...y, shape: ['batch', '2'] }] }],
    ['has another engine', { engine: { ...runtime, engine: 'other' } }],
    ['has another version', { engine: { ...runtime, version: '1.29.0' } }],
    ['has another provider', { engine: { ...runtime, provider: 'cuda' } }],
    ['has another optimisation', { engine: { ...runtime, optimisation: 'basic' } }],
    ['has other threads', { engine: { ...runtime, threads: 2 } }],
  ])('%s: refused, and its process is ended', async (_, actual) => {
    const { releases, pool } = open();
    Object.assign(pool, actual);
    const one = release();
    expect(await codeOf(push(releases, one))).toBe('release_invalid');
    expect(pool.closed).toBe(1);
    expect(releases.find(one.modelId)).toBeUndefined();
  });

  it('cannot hide two tensors behind the name of one', async () => {
    const { releases, pool } = open();
    pool.inputs = ['a', 'b'].map((name) => ({ name, datatype: 'FP32', shape: [1] }));
    const one = release([utf8('m')], { inputs: [{ name: 'a FP32[1], b', datatype: 'FP32', shape: [1] }] });
    expect(await codeOf(push(releases, one))).toBe('release_invalid');
  });

  it('is refused by a text that the host can read, whatever its names', async () => {
    const { releases } = open();
    for (let length = 200; length < 204; length++) {
      const names = Array.from({ length: 8 }, (_, i) => `${i}${'a'.repeat(length - 2)}${'\u{1F600}'.repeat(10)}`);
      const inputs = names.map((name) => ({ name, datatype: 'FP32', shape: [] }) as const);
      const refusal: unknown = await push(releases, release([utf8('m')], { inputs })).catch((error: unknown) => error);
      expect(refusal).toMatchObject({ code: 'release_invalid' });
      const { message } = refusal as Error;
      expect(decodeRefusal(encodeRefusal({ code: 'release_invalid', detail: message })).detail).toBe(message);
    }
  });
});

describe('a model that does not load', () => {
  it('is refused, and may be tried again', async () => {
    const { releases, pool } = open({ limits: { models: 1 } });
    pool.beforeLoad = () => Promise.reject(new ModelError('model_refused', 'no such operator'));
    const one = release();
    expect(await codeOf(push(releases, one))).toBe('model_refused');
    expect(releases.ids()).toEqual([]);
    pool.beforeLoad = async () => {};
    expect(await push(releases, one)).toBe(true);
  });

  it('for a fault of the worker’s own is no refusal of the model', async () => {
    const { releases, pool } = open();
    pool.beforeLoad = () => Promise.reject(new RangeError('no memory'));
    await expect(push(releases, release())).rejects.toBeInstanceOf(RangeError);
  });
});
