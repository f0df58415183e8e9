import { existsSync, readdirSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import type { StoredFile } from '../../../wire/message/hub.ts';
import { flipped, noise, stranger, type TestRelease, testRelease } from './releases.ts';
import { isFile, type ScriptedHub, send, sendRange, shownJson, startScriptedHub } from './scripted-hub.ts';
import { contentsOf, type Desk, digestOf, failure, openDesk } from './world.ts';

const release = testRelease();
const model = release.files.get('model.onnx') ?? noise(0);
let desk: Desk;
let hub: ScriptedHub;

beforeEach(async () => {
  desk = openDesk();
  hub = await startScriptedHub(release);
});

afterEach(async () => {
  // Whatever was tried: what does not hold is not there.
  if (existsSync(desk.out)) expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(model));
  await hub.close();
  desk.remove();
});

const pull = (reference = 'acme/volatility'): ReturnType<ReturnType<Desk['hub']>['pull']> =>
  desk.hub(hub.url).pull(reference, { directory: desk.out, yanked: 'refuse' });

function answerFile(path: string, answer: (asked: IncomingMessage, response: ServerResponse) => void): void {
  hub.intercept = (asked, response) => {
    if (!isFile(asked, path)) return false;
    answer(asked, response);
    return true;
  };
}

/** The hub shows it under the id of the genuine one. */
function showInstead(other: TestRelease): void {
  hub.intercept = (asked, response) => {
    if (asked.url !== `/v1/hub/releases/${release.id}`) return false;
    send(response, shownJson(other));
    return true;
  };
}

const withContents = (contents: readonly StoredFile[]): TestRelease => ({
  ...release,
  shown: { ...release.shown, contents },
});

const stored: readonly StoredFile[] = release.shown.contents;
const changed = (path: string, change: Partial<StoredFile>): readonly StoredFile[] =>
  stored.map((file) => (file.path === path ? { ...file, ...change } : file));

/** Disks of busy machines take seconds to say that something is on them. */
vi.setConfig({ testTimeout: 120_000 });

describe('what a hub cannot do', () => {
  it('flip a byte of a file', async () => {
    answerFile('model.onnx', (asked, response) => sendRange(asked, response, flipped(model, 150_000)));
    expect(await failure(pull())).toMatchObject({ code: 'file_mismatch', action: 'stop-trusting' });
    expect(existsSync(desk.out)).toBe(false);
  });

  it('flip a byte of a manifest, or of its signature', async () => {
    const { manifest, signature } = release.signed;
    const with_ = (change: object): TestRelease => ({
      ...release,
      shown: { ...release.shown, release: { ...release.signed, ...change } },
    });
    showInstead(with_({ signature: flipped(signature, 40) }));
    expect(await failure(pull())).toMatchObject({ code: 'release_untrusted', reason: 'release_signature' });
    // In the description, so that it is a manifest still.
    const at = new TextDecoder().decode(manifest).indexOf('for tests');
    showInstead(with_({ manifest: flipped(manifest, at) }));
    expect(await failure(pull())).toMatchObject({ code: 'release_untrusted', reason: 'release_mismatch' });
  });

  it('show a manifest that another key signed', async () => {
    showInstead(testRelease({ signedBy: stranger }));
    expect(await failure(pull())).toMatchObject({ code: 'release_untrusted', reason: 'release_signature' });
  });

  it('show another manifest under an id', async () => {
    showInstead(testRelease({ version: '9.9.9' }));
    expect(await failure(pull())).toMatchObject({ code: 'release_untrusted', reason: 'release_mismatch' });
  });

  it('give a version another release than the one that says so itself', async () => {
    const old = testRelease({ version: '1.0.0' });
    hub.releases = [old];
    hub.intercept = (asked, response) => {
      if (!(asked.url ?? '').startsWith('/v1/hub/models/')) return false;
      const versions = [{ version: '1.2.3', modelId: old.id, visibility: 'public', status: 'active' }];
      send(response, new TextEncoder().encode(JSON.stringify({ namespace: 'acme', name: 'volatility', versions })));
      return true;
    };
    expect(await failure(pull())).toMatchObject({ code: 'version_mismatch', action: 'stop-trusting' });
  });

  it('give a name another model, or a namespace the model of another one', async () => {
    hub.releases = [testRelease({ name: 'other' })];
    expect(await failure(pull(`acme/volatility@${hub.releases[0]?.id}`))).toMatchObject({ code: 'version_mismatch' });
    hub.releases = [testRelease({ namespace: 'mallory' })];
    expect(await failure(pull(`acme/volatility@${release.id}`))).toMatchObject({ code: 'version_mismatch' });
  });

  it.each([
    ['another size', changed('README.md', { size: 4_001 }), 'contents_mismatch'],
    ['another digest', changed('README.md', { sha256: sha256(noise(1)) }), 'contents_mismatch'],
    ['one file less', stored.slice(1), 'contents_mismatch'],
    ['one file more', [...stored, { path: 'more', size: 1, sha256: sha256(noise(1)) }], 'contents_mismatch'],
    ['a file twice', [...stored.slice(1), ...stored.slice(1, 2)], 'answer_invalid'],
    ['a path out of the folder', changed('README.md', { path: '../README.md' }), 'answer_invalid'],
    ['an absolute path', changed('README.md', { path: '/etc/passwd' }), 'answer_invalid'],
    ['a path of Windows', changed('README.md', { path: '..\\README.md' }), 'answer_invalid'],
    ['a hidden path', changed('README.md', { path: 'samples/.ssh' }), 'answer_invalid'],
  ])('name contents with %s', async (_, contents, code) => {
    showInstead(withContents(contents));
    expect(await failure(pull())).toMatchObject({ code, action: 'stop-trusting' });
    expect(readdirSync(desk.folder)).not.toContain('README.md');
  });

  it.each([['manifest.json'], ['Status.json'], ['signature.hex'], ['encryption.json']])(
    'have a file of a release taken for %s',
    async (path) => {
      const clashing = testRelease({ files: { 'model.onnx': model, [path]: noise(10) } });
      hub.releases = [clashing];
      expect(await failure(pull())).toMatchObject({ code: 'contents_mismatch' });
    },
  );

  it.each([
    ['two names that differ by case', { 'model.onnx': model, card: noise(1), CARD: noise(2) }],
    ['a file that is a folder too', { 'model.onnx': model, a: noise(1), 'a/b': noise(2) }],
  ])('have two files of one release in each other’s place: %s', async (_, files) => {
    hub.releases = [testRelease({ files })];
    expect(await failure(pull())).toMatchObject({ code: 'contents_mismatch' });
  });

  it('send an endless file', async () => {
    let sent = 0;
    let closed = false;
    answerFile('README.md', (_, response) => {
      response.writeHead(200);
      response.on('close', () => {
        closed = true;
      });
      const piece = noise(65_536);
      const go = (): void => {
        if (closed) return;
        sent += piece.length;
        response.write(piece, () => setImmediate(go));
      };
      go();
    });
    expect(await failure(pull())).toMatchObject({ code: 'file_too_long' });
    await expect.poll(() => closed, { timeout: 30_000 }).toBe(true);
    // What a connection holds, and not what a disk does.
    expect(sent).toBeLessThan(64 * 1_048_576);
  });

  it('send a file with one byte more', async () => {
    answerFile('README.md', (_, response) => send(response, noise(4_001, 2)));
    expect(await failure(pull())).toMatchObject({ code: 'file_too_long' });
  });

  it('send a file with one byte less', async () => {
    answerFile('README.md', (asked, response) => {
      const whole = noise(3_999, 2);
      if (asked.headers.range === undefined) send(response, whole);
      else response.writeHead(416).end();
    });
    expect(await failure(pull())).toMatchObject({ code: 'file_truncated' });
    expect(existsSync(desk.out)).toBe(false);
  });

  it('send the same beginning for ever', async () => {
    answerFile('README.md', (_, response) => {
      response.writeHead(200, { 'content-length': 4_000 });
      response.write(noise(2_000, 2), () => setTimeout(() => response.destroy(), 10));
    });
    expect((await failure(pull())).action).toBe('retry');
  });

  it('continue a file at another place', async () => {
    answerFile('model.onnx', (asked, response) => {
      if (asked.headers.range === undefined) {
        response.writeHead(200, { 'content-length': model.length });
        response.write(model.subarray(0, 100_000), () => setTimeout(() => response.destroy(), 50));
        return;
      }
      response.writeHead(206, { 'content-range': `bytes 0-${model.length - 1}/${model.length}` });
      response.end(model);
    });
    expect(await failure(pull())).toMatchObject({ code: 'answer_invalid' });
  });

  it('send elsewhere: no redirect is followed, and no token leaves', async () => {
    const elsewhere = await startScriptedHub(release);
    try {
      hub.intercept = (asked, response) => {
        response.writeHead(307, { location: `${elsewhere.url}${asked.url}` }).end();
        return true;
      };
      const asked = desk.hub(hub.url, { token: 'secret' }).pull(release.id, { directory: desk.out, yanked: 'refuse' });
      expect(await failure(asked)).toMatchObject({ code: 'hub_redirects' });
      expect(elsewhere.asked).toEqual([]);
    } finally {
      await elsewhere.close();
    }
  });

  it.each([
    ['HTML', '<html>'],
    ['an array', '[]'],
    ['a release with a member more', '{"namespace":"acme","more":1}'],
  ])('answer with %s', async (_, text) => {
    hub.intercept = (_asked, response) => {
      send(response, new TextEncoder().encode(text));
      return true;
    };
    expect(await failure(pull(release.id))).toMatchObject({ code: 'answer_invalid' });
  });

  it('fill memory with an answer', async () => {
    hub.intercept = (_, response) => {
      response.writeHead(200);
      const piece = new Uint8Array(1_048_576).fill(0x20);
      const go = (): void => {
        if (!response.destroyed) response.write(piece, () => setImmediate(go));
      };
      go();
      return true;
    };
    expect(await failure(pull(release.id))).toMatchObject({ code: 'answer_invalid' });
  });

  it('leave something on this disk that a later pull would believe', async () => {
    let lie = true;
    answerFile('model.onnx', (asked, response) => {
      if (!lie) {
        sendRange(asked, response, model);
        return;
      }
      response.writeHead(200, { 'content-length': model.length });
      response.write(flipped(model, 10).subarray(0, 200_000), () => setTimeout(() => response.destroy(), 50));
    });
    const first = desk.hub(hub.url, { patience: { firstMs: 1, longestMs: 1, tries: 1 } });
    await failure(first.pull(release.id, { directory: desk.out, yanked: 'refuse' }));
    lie = false;
    await pull();
    expect(toHex(sha256(contentsOf(desk.out)['model.onnx'] ?? noise(0)))).toBe(toHex(sha256(model)));
  });
});
