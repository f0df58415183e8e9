import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { decodeHubRelease } from '../../../wire/message/hub.ts';
import { digestOf, makeRelease, openWorld, type World, type WorldOptions } from './support/world.ts';

let world: World;
const open = async (options?: WorldOptions): Promise<World> => {
  world = await openWorld(options);
  return world;
};
afterEach(() => world.stop());

const model = new Uint8Array(randomBytes(300_000));
const readme = new TextEncoder().encode('# A model\n');
const files = new Map([
  ['model.onnx', model],
  ['README.md', readme],
]);

describe('a release on its way in', () => {
  it('is published when all of it has arrived, and not before', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    const { status, body } = await world.upload(made);
    expect(status).toBe(201);
    expect(body.missing).toEqual([
      { sha256: digestOf(model), size: model.length, received: 0 },
      { sha256: digestOf(readme), size: readme.length, received: 0 },
    ]);
    expect((await world.patch(body.token, made, digestOf(model), model)).headers.get('upload-offset')).toBe('300000');
    const early = await world.commit(body.token, made);
    expect(early).toMatchObject({ status: 409, code: 'files_missing' });
    expect(early.body.error?.missing).toEqual([{ sha256: digestOf(readme), size: readme.length, received: 0 }]);
    expect((await world.get(`/v1/hub/releases/${made.modelId}`)).status).toBe(404);
    expect((await world.patch(body.token, made, digestOf(readme), readme)).status).toBe(204);
    const committed = await world.commit(body.token, made);
    expect(committed).toMatchObject({
      status: 201,
      body: { repository: 'acme/demo', version: '1.0.0', modelId: made.modelId },
    });
    const shown = decodeHubRelease(
      new Uint8Array(await (await world.get(`/v1/hub/releases/${made.modelId}`)).arrayBuffer()),
    );
    expect(shown).toEqual({
      namespace: 'acme',
      release: made.signed,
      visibility: 'public',
      contents: made.contents,
      status: null,
    });
    const served = await world.get(`/v1/hub/releases/${made.modelId}/files/model.onnx`);
    expect(served.headers.get('etag')).toBe(`"${digestOf(model)}"`);
    expect(digestOf(new Uint8Array(await served.arrayBuffer()))).toBe(digestOf(model));
    expect(readdirSync(join(world.store, 'parts'))).toEqual([]);
    expect(readdirSync(join(world.store, 'uploads'))).toEqual([]);
  });

  it('is resumed where it was cut, also by another hub process', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    const { body } = await world.upload(made);
    await world.patch(body.token, made, digestOf(model), model.subarray(0, 100_000));
    await world.restart();
    const head = await world.head(body.token, made, digestOf(model));
    expect([head.status, head.headers.get('upload-offset')]).toEqual([204, '100000']);
    const rest = await world.patch(body.token, made, digestOf(model), model.subarray(100_000), 100_000);
    expect(rest.status).toBe(204);
    await world.publish(made);
    expect((await world.get(`/v1/hub/releases/${made.modelId}`)).status).toBe(200);
  });

  it('stores each file once, whatever releases have it', async () => {
    await open();
    await world.publish(makeRelease(world.acme, files));
    const next = makeRelease(world.acme, files, { version: '1.0.1' });
    expect((await world.upload(next)).body.missing).toEqual([]);
    await world.publish(next);
    const blobs = readdirSync(join(world.store, 'blobs'), { recursive: true, encoding: 'utf8' });
    expect(blobs.filter((name) => name.length > 60)).toHaveLength(2);
    expect(readFileSync(join(world.store, 'blobs', digestOf(model).slice(0, 2), digestOf(model)))).toEqual(
      Buffer.from(model),
    );
  });

  it('takes empty files without a byte being sent', async () => {
    await open();
    const made = makeRelease(world.acme, new Map([...files, ['empty', new Uint8Array(0)]]));
    const { body } = await world.upload(made);
    for (const bytes of files.values()) await world.patch(body.token, made, digestOf(bytes), bytes);
    expect((await world.commit(body.token, made)).status).toBe(201);
    const empty = await world.get(`/v1/hub/releases/${made.modelId}/files/empty`);
    expect([empty.status, empty.headers.get('content-length')]).toEqual([200, '0']);
  });

  it('answers a release that is here already as published, and shows it to whom the new word allows', async () => {
    await open();
    const made = makeRelease(world.acme, files);
    await world.publish(made, { visibility: 'private' });
    expect((await world.get(`/v1/hub/releases/${made.modelId}`)).status).toBe(404);
    expect(await world.upload(made)).toMatchObject({ status: 200, body: { token: null, missing: [] } });
    expect((await world.get(`/v1/hub/releases/${made.modelId}`)).status).toBe(200);
    await world.restart();
    expect((await world.get(`/v1/hub/releases/${made.modelId}`)).status).toBe(200);
    expect(existsSync(join(world.store, 'releases', `${made.modelId}.json`))).toBe(true);
  });
});
