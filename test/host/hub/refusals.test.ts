import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { fromBase64url } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { encodeEncryptedRelease, encryptedSize } from '../../../wire/message/encrypted-release.ts';
import type { StoredFile } from '../../../wire/message/hub.ts';
import {
  digestOf,
  makeRelease,
  newPublisher,
  openWorld,
  type World,
  type WorldOptions,
  writePeople,
} from './support/world.ts';

let world: World;
const open = async (options?: WorldOptions): Promise<World> => {
  world = await openWorld(options);
  return world;
};
afterEach(() => world.stop());

const bytes = new Uint8Array(randomBytes(5_000));
const files = new Map([['model.onnx', bytes]]);
const nonceOf = async (): Promise<Uint8Array> => {
  const response = await fetch(`${world.hub.url}/v1/hub/challenges`, { method: 'POST' });
  const { nonce, seconds } = (await response.json()) as { readonly nonce: string; readonly seconds: number };
  expect(seconds).toBe(300);
  return fromBase64url(nonce);
};

describe('who may publish', () => {
  it('is whose key the operator lists, and nobody else', async () => {
    await open();
    const stranger = makeRelease(newPublisher('acme'), files);
    expect(await world.upload(stranger)).toMatchObject({ status: 403, code: 'publisher_not_listed' });
  });

  it('is no longer who was taken off the list, once it is read again', async () => {
    const other = newPublisher('other');
    await open({ others: [other] });
    await world.publish(makeRelease(other, files));
    writePeople(world.directory, [world.acme], []);
    world.hub.reload();
    const next = makeRelease(other, files, { version: '2.0.0' });
    expect(await world.upload(next)).toMatchObject({ code: 'publisher_not_listed' });
    // What was published stays, under the name that it was published by.
    expect((await world.get('/v1/hub/models/other/demo')).status).toBe(200);
    writeFileSync(`${world.directory}/publishers.json`, '{');
    world.hub.reload();
    expect(world.events.map(({ event }) => event)).toContain('reload_failed');
    expect((await world.upload(makeRelease(world.acme, files))).status).toBe(201);
  });

  it('signs for a nonce of this hub, which counts once', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    const nonce = await nonceOf();
    expect((await world.upload(made, { nonce })).status).toBe(201);
    expect(await world.upload(made, { nonce })).toMatchObject({ status: 403, code: 'nonce_unknown' });
    expect(await world.upload(made, { nonce: new Uint8Array(randomBytes(32)) })).toMatchObject({
      code: 'nonce_unknown',
    });
    const old = await nonceOf();
    await world.restart();
    expect(await world.upload(made, { nonce: old })).toMatchObject({ code: 'nonce_unknown' });
  });

  it('has five minutes for it', async () => {
    let time = 1_000_000_000_000;
    await open({ now: () => time });
    const made = makeRelease(world.acme, files);
    const [first, second] = [await nonceOf(), await nonceOf()];
    time += limits.hubNonceMilliseconds;
    expect((await world.upload(made, { nonce: first })).status).toBe(201);
    time += 1;
    expect(await world.upload(made, { nonce: second })).toMatchObject({ code: 'nonce_unknown' });
  });

  it('does not lose a nonce to somebody who cannot sign', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    const nonce = await nonceOf();
    expect(await world.upload(made, { nonce, key: newPublisher('x').key })).toMatchObject({
      status: 403,
      code: 'authorisation_invalid',
    });
    expect((await world.upload(made, { nonce })).status).toBe(201);
  });

  it('authorised this hub, this visibility and these contents', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    const refused = { status: 403, code: 'authorisation_invalid' };
    expect(await world.upload(made, { origin: 'https://other.example' })).toMatchObject(refused);
    expect(await world.upload(made, { change: (upload) => ({ ...upload, visibility: 'private' }) })).toMatchObject(
      refused,
    );
    const contents = [{ path: 'model.onnx', size: 5_001, sha256: sha256(bytes) }];
    expect(await world.upload(made, { change: (upload) => ({ ...upload, contents }) })).toMatchObject(refused);
  });
});

describe('what may be published', () => {
  it('is what its owner signed as a release, and not only as an upload', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    const forged = { ...made, signed: { ...made.signed, signature: new Uint8Array(64).fill(1) } };
    expect(await world.upload(forged)).toMatchObject({ status: 422, code: 'release_invalid' });
    const manifest = new TextEncoder().encode('{}');
    expect(await world.upload({ ...made, signed: { ...made.signed, manifest } })).toMatchObject({
      status: 422,
      code: 'release_invalid',
    });
  });

  it('is nobody else’s release, though the uploader is listed', async () => {
    const other = newPublisher('other');
    await open({ others: [other] });
    const made = makeRelease(world.acme, files);
    const stolen = { ...made, publisher: other, signed: { ...made.signed, owner: other.owner } };
    expect(await world.upload(stolen)).toMatchObject({ code: 'release_invalid' });
  });

  it.each<[string, (contents: StoredFile) => readonly StoredFile[]]>([
    ['a file less', () => [{ path: 'other', size: 1, sha256: sha256(bytes) }]],
    ['another size', (file) => [{ ...file, size: 4_999 }]],
    ['another digest', (file) => [{ ...file, sha256: sha256(new Uint8Array(1)) }]],
    ['another path', (file) => [{ ...file, path: 'model.onn' }]],
    ['a file more', (file) => [file, { ...file, path: 'more' }]],
    ['sealed files without an envelope', (file) => [{ ...file, path: 'model.onnx.enc', size: encryptedSize(5_000) }]],
    [
      'a sealed file of a wrong size',
      (file) => [
        { ...file, path: 'model.onnx.enc' },
        { ...file, path: 'encryption.json', size: 400 },
      ],
    ],
    [
      'an envelope that is none',
      (file) => [
        { ...file, path: 'model.onnx.enc', size: encryptedSize(5_000) },
        { ...file, path: 'encryption.json', size: limits.encryptedReleaseBytes + 1, sha256: sha256(new Uint8Array(2)) },
      ],
    ],
    [
      'one digest of two sizes',
      (file) => [
        { ...file, path: 'model.onnx.enc', size: encryptedSize(5_000) },
        { ...file, path: 'encryption.json', size: 400 },
      ],
    ],
  ])('is exactly the files of the manifest: not %s', async (_, change) => {
    await open();
    const made = makeRelease(world.acme, files);
    const contents = change(made.contents[0] as StoredFile);
    expect(await world.upload(made, { contents })).toMatchObject({ status: 422, code: 'contents_mismatch' });
  });

  it('is, encrypted, every file sealed and the envelope of this release', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    const sealed = new Uint8Array(randomBytes(encryptedSize(5_000)));
    const envelopeFor = (modelId: Uint8Array): Uint8Array =>
      encodeEncryptedRelease({
        schema: 'proofmark encrypted release v1',
        modelId,
        kmsKeyId: 'arn:aws:kms:eu-west-1:111122223333:key/1',
        ciphertextBlob: new Uint8Array(100),
        chunkBytes: 65_536,
      });
    const contentsOf = (envelope: Uint8Array): readonly StoredFile[] =>
      [
        ['model.onnx.enc', sealed],
        ['encryption.json', envelope],
      ].map(([path, content]) => ({
        path: path as string,
        size: content?.length as number,
        sha256: sha256(content as Uint8Array),
      }));
    const wrong = envelopeFor(new Uint8Array(32));
    const first = await world.upload(made, { contents: contentsOf(wrong) });
    for (const part of [sealed, wrong]) await world.patch(first.body.token, made, digestOf(part), part);
    expect(await world.commit(first.body.token, made)).toMatchObject({ status: 422, code: 'contents_mismatch' });
    const right = envelopeFor(sha256(made.signed.manifest));
    const { body } = await world.upload(made, { contents: contentsOf(right) });
    expect(body.missing.map(({ sha256: digest }) => digest)).toEqual([digestOf(right)]);
    await world.patch(body.token, made, digestOf(right), right);
    expect((await world.commit(body.token, made)).status).toBe(201);
    expect((await world.get(`/v1/hub/releases/${made.modelId}/files/model.onnx.enc`)).status).toBe(200);
    // The same release sealed again is another content of one version.
    const again = envelopeFor(sha256(made.signed.manifest)).slice();
    const other = { path: 'model.onnx.enc', size: sealed.length, sha256: sha256(sealed.slice().fill(1)) };
    const contents = [other, contentsOf(again)[1] as StoredFile];
    expect(await world.upload(made, { contents })).toMatchObject({ status: 409, code: 'version_taken' });
  });

  it('is a version that no other release has or ever had', async () => {
    await open();
    await world.publish(makeRelease(world.acme, files), { visibility: 'private' });
    const other = makeRelease(world.acme, new Map([['model.onnx', new Uint8Array(1)]]));
    expect(await world.upload(other)).toMatchObject({ status: 409, code: 'version_taken' });
    await world.restart();
    expect(await world.upload(other)).toMatchObject({ status: 409, code: 'version_taken' });
  });

  it('is of two uploads of one version the first that is whole', async () => {
    await open();
    const one = makeRelease(world.acme, files);
    const two = makeRelease(world.acme, new Map([['model.onnx', new Uint8Array(9)]]));
    const [first, second] = [await world.upload(one), await world.upload(two)];
    await world.patch(first.body.token, one, digestOf(bytes), bytes);
    await world.patch(second.body.token, two, digestOf(new Uint8Array(9)), new Uint8Array(9));
    expect((await world.commit(second.body.token, two)).status).toBe(201);
    expect(await world.commit(first.body.token, one)).toMatchObject({ status: 409, code: 'version_taken' });
  });
});

describe('how much may be published', () => {
  const sized = (version: string, size: number): ReturnType<typeof makeRelease> =>
    makeRelease(world.acme, new Map([['model.onnx', new Uint8Array(randomBytes(size))]]), { version });

  it('is what the publisher’s share allows, with what is under way', async () => {
    await open({ bytes: 10_000 });
    expect(await world.upload(sized('1.0.0', 10_001))).toMatchObject({ status: 413, code: 'too_large' });
    await world.publish(sized('1.0.0', 4_000));
    expect((await world.upload(sized('1.0.1', 4_000))).status).toBe(201);
    expect(await world.upload(sized('1.0.2', 4_000))).toMatchObject({ status: 507, code: 'quota_exceeded' });
  });

  it('is what the store has room for, with what is under way', async () => {
    await open({ storeBytes: 10_000 });
    expect(await world.upload(sized('1.0.0', 10_001))).toMatchObject({ status: 413, code: 'too_large' });
    await world.publish(sized('1.0.0', 4_000));
    expect((await world.upload(sized('1.0.1', 4_000))).status).toBe(201);
    expect(await world.upload(sized('1.0.2', 4_000))).toMatchObject({ status: 507, code: 'store_full' });
  });

  it('is so many uploads at a time, and the same one again is none more', async () => {
    await open();
    const many = Array.from({ length: limits.hubUploadsPerPublisher }, (_, index) => sized(`1.0.${index}`, 100));
    for (const made of many) expect((await world.upload(made)).status).toBe(201);
    expect(await world.upload(sized('2.0.0', 100))).toMatchObject({ status: 429, code: 'too_many_uploads' });
    expect((await world.upload(many[0] as (typeof many)[0])).status).toBe(201);
  });
});
