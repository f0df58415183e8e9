import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import type { HubStartError } from '../../../host/hub/errors.ts';
import { startHub } from '../../../host/hub/index.ts';
import { type Disk, realDisk } from '../../../host/hub/store/disk.ts';
import { limits } from '../../../wire/limits.ts';
import { digestOf, type Made, makeRelease, openWorld, type World } from './support/world.ts';

let world: World;
afterEach(() => world.stop());

const files = new Map([
  ['model.onnx', new Uint8Array(randomBytes(300_000))],
  ['README.md', new TextEncoder().encode('# A model')],
]);

/** A disk that stands still for ever after so many steps: what a process that ended there would have left. */
function dyingDisk(): { readonly disk: Disk; steps: number; left: number } {
  const state = { steps: 0, left: Number.POSITIVE_INFINITY, disk: realDisk };
  const step =
    <A extends readonly unknown[], R>(work: (...args: A) => Promise<R>) =>
    (...args: A): Promise<R> => {
      state.steps++;
      return state.left-- > 0 ? work(...args) : Promise.reject(new Error('the process ended here'));
    };
  state.disk = {
    openPart: step(realDisk.openPart),
    write: step(realDisk.write),
    truncate: step(realDisk.truncate),
    sync: step(realDisk.sync),
    rename: step(realDisk.rename),
    remove: step(realDisk.remove),
    syncFolder: step(realDisk.syncFolder),
  };
  return state;
}

/** Every blob is what its name says, and nothing unfinished stands among what is finished. */
function checkStore(store: string): void {
  for (const name of readdirSync(join(store, 'blobs'), { recursive: true, encoding: 'utf8' })) {
    const path = join(store, 'blobs', name);
    if (!lstatSync(path).isFile()) continue;
    expect(digestOf(Uint8Array.from(readFileSync(path)))).toBe(name.slice(3));
  }
}

async function isWhole(made: Made): Promise<boolean> {
  const shown = await world.get(`/v1/hub/releases/${made.modelId}`);
  if (shown.status === 404) return false;
  for (const [path, bytes] of made.files) {
    const file = await world.get(`/v1/hub/releases/${made.modelId}/files/${path}`);
    expect(digestOf(new Uint8Array(await file.arrayBuffer()))).toBe(digestOf(bytes));
  }
  return true;
}

describe('a hub whose process ends', () => {
  it('after any step of a publication leaves all of it or nothing, and goes on', { timeout: 300_000 }, async () => {
    const dying = dyingDisk();
    world = await openWorld({ disk: dying.disk });
    dying.steps = 0;
    await world.publish(makeRelease(world.acme, files, { version: '0.0.1' }));
    const steps = dying.steps;
    expect(steps).toBeGreaterThan(20);
    let published = 0;
    for (let step = 0; step < steps; step++) {
      const own = new Map([
        ...files,
        ['step', new Uint8Array(randomBytes(1_000))],
        ['big', new Uint8Array(randomBytes(200_000))],
      ]);
      const made = makeRelease(world.acme, own, { version: `1.0.${step}` });
      dying.left = step;
      await world.publish(made).catch(() => undefined);
      dying.left = Number.POSITIVE_INFINITY;
      await world.restart();
      checkStore(world.store);
      expect(readdirSync(join(world.store, 'releases')).every((name) => name.endsWith('.json'))).toBe(true);
      if (await isWhole(made)) published++;
      await world.publish(made);
      expect(await isWhole(made)).toBe(true);
      expect(readdirSync(join(world.store, 'parts'))).toEqual([]);
      expect(readdirSync(join(world.store, 'uploads'))).toEqual([]);
    }
    // The last steps of all only tidy up.
    expect(published).toBeGreaterThan(0);
    expect(published).toBeLessThan(steps);
  });

  it('after any step of a new status has the old one or the new one, and never goes back', {
    timeout: 120_000,
  }, async () => {
    const dying = dyingDisk();
    world = await openWorld({ disk: dying.disk });
    const made = makeRelease(world.acme, files);
    await world.publish(made);
    dying.steps = 0;
    expect((await world.setStatus(made, 'deprecated', 1n)).status).toBe(204);
    const { steps } = dying;
    for (let step = 0; step <= steps; step++) {
      dying.left = step;
      const { status } = await world.setStatus(made, step % 2 === 0 ? 'yanked' : 'active', BigInt(step + 2));
      dying.left = Number.POSITIVE_INFINITY;
      await world.restart();
      const again = await world.setStatus(made, step % 2 === 0 ? 'yanked' : 'active', BigInt(step + 2));
      expect(again.status).toBe(204);
      if (status === 204)
        expect(await world.setStatus(made, 'deprecated', BigInt(step + 1))).toMatchObject({ status: 409 });
    }
  });
});

describe('uploads that nobody goes on with', () => {
  it('are kept for a day, and then dropped with all that only they had', async () => {
    let time = Date.now();
    world = await openWorld({ now: () => time });
    const kept = makeRelease(world.acme, new Map([['model.onnx', new Uint8Array(2_000).fill(1)]]), {
      version: '9.0.0',
    });
    await world.publish(kept);
    const made = makeRelease(world.acme, files);
    const model = files.get('model.onnx') as Uint8Array;
    const readme = files.get('README.md') as Uint8Array;
    const { body } = await world.upload(made);
    await world.patch(body.token, made, digestOf(readme), readme);
    await world.patch(body.token, made, digestOf(model), model.subarray(0, 1_000));
    time += limits.hubUploadIdleMilliseconds;
    await world.hub.maintain();
    // What is heard of is kept, also by the next process.
    expect((await world.head(body.token, made, digestOf(model))).headers.get('upload-offset')).toBe('1000');
    time += limits.hubUploadIdleMilliseconds;
    await world.restart({ now: () => time });
    expect((await world.head(body.token, made, digestOf(model))).status).toBe(204);
    const blob = join(world.store, 'blobs', digestOf(readme).slice(0, 2), digestOf(readme));
    expect(existsSync(blob)).toBe(true);
    time += limits.hubUploadIdleMilliseconds + 1;
    await world.hub.maintain();
    expect((await world.head(body.token, made, digestOf(model))).status).toBe(404);
    expect(existsSync(blob)).toBe(false);
    expect(readdirSync(join(world.store, 'parts'))).toEqual([]);
    expect(readdirSync(join(world.store, 'uploads'))).toEqual([]);
    expect(await isWhole(kept)).toBe(true);
    expect(world.events).toContainEqual({ event: 'upload_dropped', modelId: made.modelId, why: 'idle' });
  });

  it('are dropped where their record cannot be read; the hub starts all the same', async () => {
    world = await openWorld();
    const made = makeRelease(world.acme, files);
    await world.upload(made);
    writeFileSync(join(world.store, 'uploads', `${made.modelId}.json`), '{');
    await world.restart();
    expect(world.events).toContainEqual({ event: 'upload_dropped', modelId: made.modelId, why: 'unreadable' });
    await world.publish(made);
  });
});

describe('a status', () => {
  it('is the owner’s, and only goes on', async () => {
    world = await openWorld();
    const made = makeRelease(world.acme, files);
    expect(await world.setStatus(made, 'yanked', 1n)).toMatchObject({ status: 404, code: 'release_unknown' });
    await world.publish(made);
    expect((await world.setStatus(made, 'yanked', 5n)).status).toBe(204);
    expect((await world.setStatus(made, 'yanked', 5n)).status).toBe(204);
    expect(await world.setStatus(made, 'active', 5n)).toMatchObject({ status: 409, code: 'status_replayed' });
    expect(await world.setStatus(made, 'active', 4n)).toMatchObject({ status: 409, code: 'status_replayed' });
    await world.restart();
    expect(await world.setStatus(made, 'active', 4n)).toMatchObject({ code: 'status_replayed' });
    expect((await world.get('/acme/demo/resolve/main/model.onnx')).status).toBe(404);
    expect((await world.get('/acme/demo/resolve/1.0.0/model.onnx')).status).toBe(200);
    expect((await world.setStatus(made, 'active', 6n)).status).toBe(204);
    expect((await world.get('/acme/demo/resolve/main/model.onnx')).status).toBe(200);
  });
});

describe('a store', () => {
  const failure = async (store: string): Promise<HubStartError> => {
    const options = {
      store,
      listen: { host: '127.0.0.1', port: 0 },
      origin: 'own-address',
      storeBytes: 'any',
    } as const;
    return startHub({ ...options, publishers: join(world.directory, 'publishers.json') }).then(
      () => {
        throw new Error('it started');
      },
      (error: HubStartError) => error,
    );
  };

  it('belongs to one hub at a time', async () => {
    world = await openWorld();
    expect((await failure(world.store)).code).toBe('store_in_use');
    await world.restart();
  });

  it('has no links in it', async () => {
    world = await openWorld();
    const store = mkdtempSync(join(tmpdir(), 'proofmark-store-'));
    symlinkSync(tmpdir(), join(store, 'releases'));
    expect((await failure(store)).code).toBe('store_invalid');
    rmSync(store, { recursive: true });
    const made = makeRelease(world.acme, files);
    await world.publish(made);
    const blob = join(world.store, 'blobs', '00', '00'.repeat(32));
    await world.hub.close();
    symlinkSync('/etc/passwd', blob);
    expect((await failure(world.store)).code).toBe('store_invalid');
    rmSync(blob);
    await world.restart();
  });

  it.each<[string, (release: string, status: string) => void]>([
    ['a release that cannot be read', (release) => writeFileSync(release, '{}')],
    [
      'a release under another id',
      (release) => writeFileSync(release.replace(/[0-9a-f]{64}/, 'ab'.repeat(32)), readFileSync(release)),
    ],
    ['a status that cannot be read', (_, status) => writeFileSync(status, '{}')],
    ['a status whose release is gone', (release) => rmSync(release)],
    ['a file that it did not make', (release) => writeFileSync(`${release}.bak`, 'x')],
  ])('with %s does not start', async (_, change) => {
    world = await openWorld();
    const made = makeRelease(world.acme, files);
    await world.publish(made);
    await world.setStatus(made, 'deprecated', 1n);
    await world.hub.close();
    change(
      join(world.store, 'releases', `${made.modelId}.json`),
      join(world.store, 'statuses', `${made.modelId}.json`),
    );
    expect((await failure(world.store)).code).toBe('store_damaged');
  });
});
