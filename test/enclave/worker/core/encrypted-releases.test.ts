import { describe, expect, it } from 'vitest';
import type { MakeRecipient } from '../../../../enclave/worker/kms/recipient.ts';
import { Refusal } from '../../../../enclave/worker/refusal.ts';
import { createReleases, type Releases } from '../../../../enclave/worker/releases.ts';
import { runtime } from '../../../../enclave/worker/runtime.ts';
import { equalBytes, utf8 } from '../../../../wire/bytes.ts';
import { fileKey, sealChunk } from '../../../../wire/crypto/release-cipher.ts';
import { CHUNK_BYTES, chunkCount } from '../../../../wire/message/encrypted-release.ts';
import { codeOf, configuration, createFakePool, type FakePool, gate, release, type TestRelease } from './harness.ts';

/** The worker's side of an encrypted release, with a recipient whose answers are the key itself. */
interface Opened {
  readonly releases: Releases;
  readonly pool: FakePool;
  /** The key as the worker holds it. */
  readonly held: Uint8Array[];
}

const dataKey = new Uint8Array(32).fill(0x5e);

function open(makeRecipient?: MakeRecipient): Opened {
  const pool = createFakePool();
  const held: Uint8Array[] = [];
  const usual: MakeRecipient = async () => ({
    document: utf8('document'),
    open: (sealed) => {
      if (sealed.length !== 32) throw new Refusal('data_key_refused', '');
      const key = Uint8Array.from(sealed);
      held.push(key);
      return key;
    },
  });
  const options = { configuration: configuration(), runtime, pool, makeRecipient: makeRecipient ?? usual };
  return { releases: createReleases(options), pool, held };
}

function encrypt(modelId: Uint8Array, file: number, bytes: Uint8Array, key: Uint8Array = dataKey): Uint8Array {
  const last = chunkCount(bytes.length) - 1;
  const chunks = Array.from({ length: last + 1 }, (_, chunk) =>
    sealChunk(
      fileKey(key, modelId, file),
      { modelId, file, chunk, final: chunk === last },
      bytes.subarray(chunk * CHUNK_BYTES, (chunk + 1) * CHUNK_BYTES),
    ),
  );
  return new Uint8Array(Buffer.concat(chunks));
}

async function unlock(releases: Releases, one: TestRelease): Promise<void> {
  await releases.announce(one.signed);
  await releases.recipient(one.modelId);
  releases.unlock({ modelId: one.modelId, sealed: dataKey });
}

async function send(releases: Releases, { modelId }: TestRelease, file: number, sealed: Uint8Array, step: number) {
  let complete = false;
  for (let at = 0; at < sealed.length; at += step) {
    complete = await releases.receive({ modelId, file, bytes: sealed.subarray(at, at + step) });
  }
  return complete;
}

const bytes = Uint8Array.from({ length: 2 * CHUNK_BYTES + 77 }, (_, i) => i % 251);
const exact = bytes.subarray(0, CHUNK_BYTES);
const one = release([bytes, new Uint8Array(0), exact]);

describe('an encrypted release', () => {
  it.each([1_000_000, CHUNK_BYTES + 16, CHUNK_BYTES, 777])(
    'is the same whatever the pieces: %i bytes',
    async (step) => {
      const { releases, pool, held } = open();
      await unlock(releases, one);
      const sealed = one.files.map((content, file) => encrypt(one.modelId, file, content));
      expect(await send(releases, one, 0, sealed[0] as Uint8Array, step)).toBe(false);
      expect(await send(releases, one, 1, sealed[1] as Uint8Array, step)).toBe(false);
      expect(held[0]).toEqual(dataKey);
      expect(await send(releases, one, 2, sealed[2] as Uint8Array, step)).toBe(true);
      expect(equalBytes(pool.loads[0]?.bytes as Uint8Array, bytes)).toBe(true);
      expect(held[0]).toEqual(new Uint8Array(32));
    },
  );

  it('forgets its key when a chunk does not open, and when another release takes its place', async () => {
    const { releases, held } = open();
    await unlock(releases, one);
    const changed = encrypt(one.modelId, 0, bytes);
    changed[5] = (changed[5] as number) ^ 1;
    expect(await codeOf(send(releases, one, 0, changed, 10_000))).toBe('file_undecryptable');
    expect(held[0]).toEqual(new Uint8Array(32));
    expect(await codeOf(releases.receive({ modelId: one.modelId, file: 0, bytes }))).toBe('file_unexpected');
    await unlock(releases, one);
    expect(held[1]).toEqual(dataKey);
    await releases.announce(one.signed);
    expect(held[1]).toEqual(new Uint8Array(32));
  });

  it('of other content under the right key fails its digest', async () => {
    const { releases } = open();
    await unlock(releases, one);
    const other = encrypt(one.modelId, 0, bytes.toReversed());
    expect(await codeOf(send(releases, one, 0, other, 1_000_000))).toBe('file_mismatch');
  });

  it.each([
    ['of another file', (): Uint8Array => encrypt(one.modelId, 1, bytes)],
    ['of another release', (): Uint8Array => encrypt(new Uint8Array(32), 0, bytes)],
    ['under another key', (): Uint8Array => encrypt(one.modelId, 0, bytes, new Uint8Array(32))],
    ['of a longer file', (): Uint8Array => encrypt(one.modelId, 0, Uint8Array.from([...bytes, 1]))],
    [
      'that ends early',
      (): Uint8Array => Uint8Array.from([...encrypt(one.modelId, 0, exact), ...new Uint8Array(70_000)]),
    ],
    ['in the clear', (): Uint8Array => bytes],
  ])('does not open with bytes %s', async (_, made) => {
    const { releases } = open();
    await unlock(releases, one);
    const sealed = made();
    // In the clear it is shorter than encrypted: two chunks are there, and neither opens.
    expect(await codeOf(send(releases, one, 0, sealed, 1_000_000))).toMatch(/^file_(undecryptable|mismatch)$/);
  });

  it('is taken for a plain one until its key came', async () => {
    const { releases } = open();
    await releases.announce(one.signed);
    await releases.recipient(one.modelId);
    expect(
      await codeOf(releases.receive({ modelId: one.modelId, file: 0, bytes: encrypt(one.modelId, 0, bytes) })),
    ).toBe('file_mismatch');
  });
});

describe('a key', () => {
  const key = { modelId: one.modelId, sealed: dataKey };

  it('is refused without an announcement, a document, or a model of that name', async () => {
    const { releases } = open();
    expect(await codeOf(async () => releases.unlock(key))).toBe('data_key_unexpected');
    expect(await codeOf(releases.recipient(one.modelId))).toBe('data_key_unexpected');
    await releases.announce(one.signed);
    expect(await codeOf(async () => releases.unlock(key))).toBe('data_key_unexpected');
    expect(await codeOf(releases.recipient(new Uint8Array(32)))).toBe('data_key_unexpected');
    await releases.recipient(one.modelId);
    expect(await codeOf(releases.recipient(one.modelId))).toBe('data_key_unexpected');
    expect(await codeOf(async () => releases.unlock({ ...key, sealed: new Uint8Array(1) }))).toBe('data_key_refused');
  });

  it('is refused once files have begun', async () => {
    const { releases } = open();
    await releases.announce(one.signed);
    await releases.recipient(one.modelId);
    await releases.receive({ modelId: one.modelId, file: 0, bytes: bytes.subarray(0, 9) });
    expect(await codeOf(async () => releases.unlock(key))).toBe('data_key_unexpected');
    expect(await codeOf(releases.recipient(one.modelId))).toBe('data_key_unexpected');
  });

  it('is made one at a time, whoever announces what meanwhile', async () => {
    const making = gate();
    const { releases } = open(async () => {
      await making.passed;
      return { document: utf8('late'), open: () => Uint8Array.from(dataKey) };
    });
    await releases.announce(one.signed);
    const first = releases.recipient(one.modelId);
    await releases.announce(one.signed);
    expect(await codeOf(releases.recipient(one.modelId))).toBe('busy');
    making.open();
    expect(await first).toEqual(utf8('late'));
    // The first document belongs to an announcement that is gone.
    expect(await codeOf(async () => releases.unlock(key))).toBe('data_key_unexpected');
    expect(await releases.recipient(one.modelId)).toEqual(utf8('late'));
    releases.unlock(key);
  });

  it('that could not be attested needs another announcement', async () => {
    let fails = true;
    const { releases } = open(async () => {
      if (fails) throw new Refusal('kms_unsupported_tee', '');
      return { document: utf8('now'), open: () => Uint8Array.from(dataKey) };
    });
    await releases.announce(one.signed);
    expect(await codeOf(releases.recipient(one.modelId))).toBe('kms_unsupported_tee');
    fails = false;
    expect(await codeOf(async () => releases.unlock(key))).toBe('data_key_unexpected');
    await releases.announce(one.signed);
    expect(await releases.recipient(one.modelId)).toEqual(utf8('now'));
  });
});
