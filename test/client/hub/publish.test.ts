import { mkdirSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { HubProgress, PublishOptions } from '../../../client/index.ts';
import { openRelease } from '../../../host/releases.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { signP256 } from '../../../wire/crypto/node-sign.ts';
import { encodeEncryptedRelease, encryptedSize } from '../../../wire/message/encrypted-release.ts';
import type { Manifest } from '../../../wire/message/manifest.ts';
import { type Made, makeRelease, newPublisher, openWorld, type World } from '../../host/hub/support/world.ts';
import { startCuttingProxy } from './cutting-proxy.ts';
import { noise } from './releases.ts';
import { refuse, send, startScriptedHub } from './scripted-hub.ts';
import { contentsOf, type Desk, digestOf, failure, openDesk } from './world.ts';

/** Disks of busy machines take seconds to say that something is on them. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const model = noise(400_000, 21);
const usual: ReadonlyMap<string, Uint8Array> = new Map([
  ['model.onnx', model],
  ['README.md', noise(3_000, 22)],
  ['samples/empty.bin', new Uint8Array(0)],
]);
const READER = { name: 'reader', token: 'reader-token-of-a-test', namespaces: 'any' } as const;
let world: World;
let desk: Desk;

beforeEach(async () => {
  world = await openWorld({ readers: [READER] });
  desk = openDesk();
});

afterEach(async () => {
  await world.stop();
  desk.remove();
});

function made(changes: Partial<Manifest> = {}, files: ReadonlyMap<string, Uint8Array> = usual): Made {
  return makeRelease(world.acme, files, { name: 'volatility', ...changes });
}

function onDisk(release: Made, directory = desk.path('source')): string {
  for (const [path, bytes] of release.files) {
    mkdirSync(dirname(join(directory, path)), { recursive: true });
    writeFileSync(join(directory, path), bytes);
  }
  return directory;
}

function options(release: Made, changes: Partial<PublishOptions> = {}): PublishOptions {
  return {
    directory: desk.path('source'),
    release: release.signed,
    form: 'plain',
    visibility: 'public',
    sign: async (message) => signP256(release.publisher.key, message),
    ...changes,
  };
}

const pulled = async (reference: string, token = 'none'): Promise<Readonly<Record<string, Uint8Array>>> => {
  await desk.hub(world.hub.url, { token }).pull(reference, { directory: desk.out, yanked: 'refuse' });
  return contentsOf(desk.out);
};

describe('what is published', () => {
  it('is what is pulled', async () => {
    const release = made();
    onDisk(release);
    const done = await desk.hub(world.hub.url).publish(options(release));
    expect(done).toMatchObject({ repository: 'acme/volatility', sentFiles: 3, sentBytes: 403_000 });
    const files = await pulled('acme/volatility');
    for (const [path, bytes] of usual) expect(files[path]).toEqual(bytes);
    expect(toHex(openRelease(desk.out).modelId)).toBe(release.modelId);
  });

  it('is sent once: a second time nothing is, and of a next version what is new', async () => {
    const release = made();
    onDisk(release);
    await desk.hub(world.hub.url).publish(options(release));
    const again = await desk.hub(world.hub.url).publish(options(release));
    expect(again).toMatchObject({ repository: null, sentFiles: 0, sentBytes: 0 });
    const next = made({ version: '1.1.0' }, new Map([...usual, ['README.md', noise(100, 23)]]));
    onDisk(next);
    expect(await desk.hub(world.hub.url).publish(options(next))).toMatchObject({ sentFiles: 1, sentBytes: 100 });
  });

  it('is shown to readers only where it is private', async () => {
    const release = made();
    onDisk(release);
    await desk.hub(world.hub.url).publish(options(release, { visibility: 'private' }));
    expect(await failure(pulled(release.modelId))).toMatchObject({ code: 'version_unknown' });
    expect(digestOf((await pulled(release.modelId, READER.token))['model.onnx'])).toBe(digestOf(model));
  });

  it('may be sealed: the hub has the sealed bytes and the envelope, and so has whoever pulls', async () => {
    const release = made();
    const modelId = sha256(release.signed.manifest);
    const sealed = new Map([...usual].map(([path, bytes]) => [`${path}.enc`, noise(encryptedSize(bytes.length), 31)]));
    const envelope = encodeEncryptedRelease({
      schema: 'proofmark encrypted release v1',
      modelId,
      kmsKeyId: 'arn:aws:kms:eu-central-1:111122223333:key/test',
      ciphertextBlob: utf8('wrapped'),
      chunkBytes: 65_536,
    });
    onDisk({ ...release, files: new Map([...sealed, ['encryption.json', envelope]]) });
    await desk.hub(world.hub.url).publish(options(release, { form: 'encrypted' }));
    const files = await pulled('acme/volatility');
    expect(files['model.onnx']).toBeUndefined();
    expect(files['model.onnx.enc']).toEqual(sealed.get('model.onnx.enc'));
    expect(openRelease(desk.out).encryption?.modelId).toEqual(modelId);
  });

  it('goes on where a line broke, thirty times at random places', async () => {
    const proxy = await startCuttingProxy();
    try {
      proxy.target = Number(new URL(world.hub.url).port);
      await world.restart({ origin: proxy.url });
      proxy.target = Number(new URL(world.hub.url).port);
      const release = made({}, new Map([['model.onnx', noise(2_000_000, 24)]]));
      onDisk(release);
      const places = noise(400, 25);
      let at = 0;
      proxy.budget = () => {
        if (proxy.cuts >= 30) return Number.POSITIVE_INFINITY;
        at = (at + 2) % 400;
        return 1_000 + (((places[at] ?? 0) * 256 + (places[at + 1] ?? 0)) % 60_000);
      };
      const patience = { firstMs: 1, longestMs: 20, tries: 60 };
      await desk.hub(proxy.url, { patience }).publish(options(release));
      expect(proxy.cuts).toBeGreaterThanOrEqual(30);
      await desk.hub(world.hub.url).pull(release.modelId, { directory: desk.out, yanked: 'refuse' });
      expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(release.files.get('model.onnx')));
    } finally {
      await proxy.close();
    }
  });

  it('goes on where it was ended', async () => {
    const release = made({}, new Map([['model.onnx', noise(8_000_000, 26)]]));
    onDisk(release);
    const stop = new AbortController();
    const onProgress = (progress: HubProgress): void => {
      if (progress.event === 'bytes' && progress.bytes > 4_000_000) stop.abort(new TypeError('enough'));
    };
    const first = desk.hub(world.hub.url, { signal: stop.signal, onProgress }).publish(options(release));
    await expect(first).rejects.toThrow('enough');
    await desk.hub(world.hub.url).publish(options(release));
    const resumed = desk.progress.find((progress) => progress.event === 'file');
    expect(resumed).toMatchObject({ path: 'model.onnx', size: 8_000_000 });
    expect(resumed?.event === 'file' && resumed.bytes).toBeGreaterThan(0);
    expect(digestOf((await pulled(release.modelId))['model.onnx'])).toBe(digestOf(release.files.get('model.onnx')));
  });
});

describe('what is not published', () => {
  it('is a file that changed after it was hashed, whatever its time says', async () => {
    const release = made();
    const source = onDisk(release);
    const path = join(source, 'model.onnx');
    const { atime, mtime } = statSync(path);
    const onProgress = (progress: HubProgress): void => {
      if (progress.event !== 'plan') return;
      writeFileSync(path, noise(400_000, 99));
      utimesSync(path, atime, mtime);
    };
    const asked = desk.hub(world.hub.url, { onProgress }).publish(options(release));
    expect(await failure(asked)).toMatchObject({ code: 'file_changed', action: 'fix-call' });
    expect(await failure(pulled(release.modelId))).toMatchObject({ code: 'version_unknown' });
  });

  it('is a file that changes while it is sent', async () => {
    const release = made({}, new Map([['model.onnx', noise(8_000_000, 27)]]));
    const path = join(onDisk(release), 'model.onnx');
    let changed = false;
    const onProgress = (progress: HubProgress): void => {
      if (progress.event !== 'bytes' || changed) return;
      changed = true;
      writeFileSync(path, noise(8_000_000, 28));
    };
    const asked = desk.hub(world.hub.url, { onProgress }).publish(options(release));
    expect(await failure(asked)).toMatchObject({ code: 'file_changed' });
  });

  it('is a file that is not the manifest’s, or is none', async () => {
    const release = made();
    const source = onDisk(release);
    writeFileSync(join(source, 'README.md'), 'another');
    expect(await failure(desk.hub(world.hub.url).publish(options(release)))).toMatchObject({ code: 'file_changed' });
    const nowhere = options(release, { directory: desk.path('nowhere') });
    expect(await failure(desk.hub(world.hub.url).publish(nowhere))).toMatchObject({ code: 'folder_failed' });
  });

  it('is what a stranger signed, or a publisher whom the hub does not list', async () => {
    const release = made();
    onDisk(release);
    const stranger = newPublisher('mallory');
    const sign = async (message: Uint8Array): Promise<Uint8Array> => signP256(stranger.key, message);
    const stolen = desk.hub(world.hub.url).publish(options(release, { sign }));
    expect(await failure(stolen)).toMatchObject({ code: 'upload_refused', reason: 'authorisation_invalid' });
    const own = makeRelease(stranger, usual, { name: 'volatility' });
    const unlisted = desk.hub(world.hub.url).publish(options(own));
    expect(await failure(unlisted)).toMatchObject({ code: 'upload_refused', reason: 'publisher_not_listed' });
  });

  it('is more than the publisher may store, which is told at once', async () => {
    await world.stop();
    world = await openWorld({ bytes: 1_000 });
    const release = made();
    onDisk(release);
    const asked = desk.hub(world.hub.url).publish(options(release));
    expect(await failure(asked)).toMatchObject({ code: 'upload_refused', action: 'fix-call' });
    expect(desk.progress.filter(({ event }) => event === 'again')).toEqual([]);
  });

  it('is another release under a version', async () => {
    const release = made();
    onDisk(release);
    await desk.hub(world.hub.url).publish(options(release));
    const other = made({ description: 'another one' });
    const asked = desk.hub(world.hub.url).publish(options(other));
    expect(await failure(asked)).toMatchObject({ code: 'upload_refused', reason: 'version_taken' });
  });

  it('goes elsewhere: no redirect is followed with a signed upload', async () => {
    const release = made();
    onDisk(release);
    const elsewhere = await startScriptedHub();
    const hub = await startScriptedHub();
    hub.intercept = (asked, response) => {
      if (asked.url === '/v1/hub/challenges') {
        send(response, utf8(JSON.stringify({ nonce: 'A'.repeat(43), seconds: 300 })));
      } else {
        response.writeHead(308, { location: `${elsewhere.url}${asked.url}` }).end();
      }
      return true;
    };
    try {
      const asked = desk.hub(hub.url).publish(options(release));
      expect(await failure(asked)).toMatchObject({ code: 'hub_redirects' });
      expect(elsewhere.asked).toEqual([]);
    } finally {
      await hub.close();
      await elsewhere.close();
    }
  });

  it('is a file of this disk that the hub asks for and the release does not have', async () => {
    const release = made();
    onDisk(release);
    const hub = await startScriptedHub();
    const missing = [{ sha256: toHex(sha256(utf8('/etc/passwd'))), size: 10, received: 0 }];
    hub.intercept = (asked, response) => {
      const challenge = { nonce: 'A'.repeat(43), seconds: 300 };
      const answer = asked.url === '/v1/hub/challenges' ? challenge : { token: 'token', missing };
      send(response, utf8(JSON.stringify(answer)));
      return true;
    };
    try {
      const asked = desk.hub(hub.url).publish(options(release));
      expect(await failure(asked)).toMatchObject({ code: 'answer_invalid', action: 'stop-trusting' });
    } finally {
      await hub.close();
    }
  });

  it('is tried again for ever where a hub forgets each upload', async () => {
    const release = made();
    onDisk(release);
    const hub = await startScriptedHub();
    const missing = release.contents.map(({ sha256: digest, size }) => ({ sha256: toHex(digest), size, received: 0 }));
    hub.intercept = (asked, response) => {
      const challenge = { nonce: 'A'.repeat(43), seconds: 300 };
      if (asked.url === '/v1/hub/challenges') send(response, utf8(JSON.stringify(challenge)));
      else if (asked.url === '/v1/hub/uploads') send(response, utf8(JSON.stringify({ token: 'token', missing })));
      else refuse(response, 404, 'upload_unknown');
      return true;
    };
    try {
      expect(await failure(desk.hub(hub.url).publish(options(release)))).toMatchObject({ code: 'upload_failed' });
      expect(hub.asked.filter(({ path }) => path === '/v1/hub/uploads')).toHaveLength(4);
    } finally {
      await hub.close();
    }
  });
});

describe('an owner’s later word', () => {
  const word = (release: Made, publisher = release.publisher) => ({
    owner: publisher.owner,
    sign: async (message: Uint8Array) => signP256(publisher.key, message),
    atLeast: async () => 0n,
  });

  it('is numbered after the last one, also where that was said elsewhere', async () => {
    const release = made();
    onDisk(release);
    const hub = desk.hub(world.hub.url);
    await hub.publish(options(release));
    const first = await hub.state('acme/volatility@1.0.0', 'deprecated', word(release));
    expect(first.status).toMatchObject({ status: 'deprecated', sequence: 1n });
    const second = await hub.state(release.modelId, 'yanked', { ...word(release), atLeast: async () => 7n });
    expect(second.status.sequence).toBe(8n);
    expect(await failure(pulled('acme/volatility@1.0.0'))).toMatchObject({ code: 'release_yanked' });
    await hub.state(release.modelId, 'active', word(release));
    expect(digestOf((await pulled('acme/volatility'))['model.onnx'])).toBe(digestOf(model));
    expect(await hub.versions('acme/volatility')).toMatchObject({ versions: [{ status: 'active' }] });
  });

  it('is the owner’s alone', async () => {
    const release = made();
    onDisk(release);
    const hub = desk.hub(world.hub.url);
    await hub.publish(options(release));
    const stranger = newPublisher('mallory');
    const other = hub.state(release.modelId, 'yanked', word(release, stranger));
    expect(await failure(other)).toMatchObject({ code: 'argument_invalid' });
    const forged = hub.state(release.modelId, 'yanked', { ...word(release, stranger), owner: release.publisher.owner });
    expect(await failure(forged)).toMatchObject({ code: 'status_untrusted' });
    expect((await hub.release(release.modelId)).status).toBeNull();
  });
});
