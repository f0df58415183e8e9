import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRelease } from '../../../host/releases.ts';
import { decodeSignedStatus, encodeSignedStatus } from '../../../wire/message/hub.ts';
import { noise, owner, ownerOf, signedStatus, stranger, testRelease } from './releases.ts';
import { isFile, refuse, type ScriptedHub, send, startScriptedHub } from './scripted-hub.ts';
import { contentsOf, type Desk, digestOf, failure, openDesk } from './world.ts';

const release = testRelease();
const refusing = { yanked: 'refuse' } as const;
/** Disks of busy machines take seconds to say that something is on them, and processes to begin. */
vi.setConfig({ testTimeout: 180_000 });

let desk: Desk;
let hub: ScriptedHub;

beforeEach(async () => {
  desk = openDesk();
  hub = await startScriptedHub(release);
});

afterEach(async () => {
  await hub.close();
  desk.remove();
});

const pull = (reference = 'acme/volatility', options = {}): ReturnType<ReturnType<Desk['hub']>['pull']> =>
  desk.hub(hub.url).pull(reference, { directory: desk.out, ...refusing, ...options });

describe('what is pulled', () => {
  it('is a folder that a host serves from, with nothing beside it', async () => {
    const pulled = await pull();
    expect(pulled).toMatchObject({ standing: 'active', fetchedFiles: 4, keptFiles: 0 });
    const served = openRelease(desk.out);
    expect(served.modelId).toEqual(release.modelId);
    expect(served.signed).toEqual(release.signed);
    const { 'manifest.json': _, 'owner.hex': __, 'signature.hex': ___, ...files } = contentsOf(desk.out);
    expect(files).toEqual(Object.fromEntries(release.files));
    expect(desk.besides()).toEqual([]);
  });

  it.each([['acme/volatility@1.2.3'], [`acme/volatility@${release.id}`], [release.id]])(
    'can be named %s',
    async (reference) => {
      await pull(reference);
      expect(openRelease(desk.out).modelId).toEqual(release.modelId);
    },
  );

  it('is the newest version that is finished and stands, whatever the order of the list', async () => {
    const versions = ['1.2.3', '1.10.0', '1.9.0', '2.0.0-rc.1'].map((version) => testRelease({ version }));
    hub.releases = [...versions, testRelease({ version: '1.11.0', status: 'yanked' })];
    await pull();
    expect(openRelease(desk.out).manifest.version).toBe('1.10.0');
  });

  it('is one that is not finished where no other is there', async () => {
    hub.releases = [testRelease({ version: '2.0.0-rc.2' }), testRelease({ version: '2.0.0-rc.10' })];
    await pull();
    expect(openRelease(desk.out).manifest.version).toBe('2.0.0-rc.10');
  });

  it.each([
    ['acme/other', 'repository_unknown'],
    ['acme/volatility@9.9.9', 'version_unknown'],
    ['0'.repeat(64), 'version_unknown'],
    ['../volatility', 'argument_invalid'],
    ['volatility', 'argument_invalid'],
    ['acme/volatility@latest', 'argument_invalid'],
  ])('is not there for %s', async (reference, code) => {
    expect(await failure(pull(reference))).toMatchObject({ code });
    expect(existsSync(desk.out)).toBe(false);
  });

  it('tells of every file how far it is', async () => {
    await pull();
    const { progress } = desk;
    expect(progress[0]).toEqual({ event: 'plan', files: 4, bytes: 304_070 });
    expect(progress.filter(({ event }) => event === 'done')).toHaveLength(4);
    const last = progress.filter((one) => one.event === 'bytes' && one.path === 'model.onnx').at(-1);
    expect(last).toMatchObject({ bytes: 300_000 });
  });

  it('ends when it is asked to, and leaves what has come for the next time', async () => {
    const stop = new AbortController();
    hub.intercept = (asked, response) => {
      if (!isFile(asked, 'model.onnx')) return false;
      response.writeHead(200, { 'content-length': 300_000 });
      response.write(noise(300_000).subarray(0, 100_000));
      setTimeout(() => stop.abort(new TypeError('enough')), 100);
      return true;
    };
    const asked = desk
      .hub(hub.url, { signal: stop.signal })
      .pull('acme/volatility', { directory: desk.out, ...refusing });
    await expect(asked).rejects.toThrow('enough');
    expect(existsSync(desk.out)).toBe(false);
    hub.intercept = () => false;
    hub.asked.length = 0;
    await pull();
    expect(hub.asked.find(({ path }) => path.endsWith('model.onnx'))?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
    expect(desk.besides()).toEqual([]);
  });
});

describe('whose releases are pulled', () => {
  const only = (key: typeof owner) => desk.hub(hub.url, { publishers: [ownerOf(key)] });

  it('is said by whoever pulls', async () => {
    await only(owner).pull('acme/volatility', { directory: desk.out, ...refusing });
    const other = only(stranger).pull('acme/volatility', { directory: desk.path('other'), ...refusing });
    expect(await failure(other)).toMatchObject({ code: 'publisher_refused', reason: 'publisher_refused' });
  });

  it('is for a namespace who it was before, unless another is named', async () => {
    await pull();
    hub.releases = [testRelease({ key: stranger, version: '2.0.0' })];
    const another = desk.path('another');
    const taken = desk.hub(hub.url).pull('acme/volatility', { directory: another, ...refusing });
    expect(await failure(taken)).toMatchObject({ code: 'owner_changed', action: 'stop-trusting' });
    expect(existsSync(another)).toBe(false);
    await only(stranger).pull('acme/volatility', { directory: another, ...refusing });
    expect(openRelease(another).manifest.version).toBe('2.0.0');
  });
});

describe('a status', () => {
  const at = (status: 'active' | 'deprecated' | 'yanked', sequence: bigint) => testRelease({ status, sequence });

  it('that takes a release back stops it, unless it is asked for all the same', async () => {
    hub.releases = [at('yanked', 1n)];
    expect(await failure(pull('acme/volatility@1.2.3'))).toMatchObject({ code: 'release_yanked' });
    expect(existsSync(desk.out)).toBe(false);
    const pulled = await pull('acme/volatility@1.2.3', { yanked: 'allow' });
    expect(pulled.standing).toBe('yanked');
  });

  it('that takes back what was pulled stands in its folder, also where the pull is refused', async () => {
    await pull(release.id);
    hub.releases = [at('yanked', 5n)];
    expect(await failure(pull(release.id))).toMatchObject({ code: 'release_yanked' });
    const kept = decodeSignedStatus(Uint8Array.from(readFileSync(join(desk.out, 'status.json'))));
    expect(kept).toMatchObject({ status: 'yanked', sequence: 5n });
    expect(desk.besides()).toEqual([]);
  });

  it('that warns is told, and kept as it was signed', async () => {
    hub.releases = [at('deprecated', 4n)];
    expect((await pull()).standing).toBe('deprecated');
    const status = hub.releases[0]?.shown.status;
    if (status === null || status === undefined) throw new TypeError('no status');
    expect(Uint8Array.from(readFileSync(join(desk.out, 'status.json')))).toEqual(encodeSignedStatus(status));
  });

  it('of an earlier time is refused after a later one, also by a folder alone', async () => {
    hub.releases = [at('deprecated', 4n)];
    await pull();
    hub.releases = [at('active', 3n)];
    expect(await failure(pull())).toMatchObject({ code: 'status_replayed', action: 'stop-trusting' });
    const forgetful = desk.hub(hub.url, { memory: 'none' }).pull(release.id, { directory: desk.out, ...refusing });
    expect(await failure(forgetful)).toMatchObject({ code: 'status_replayed' });
  });

  it('that a hub keeps to itself is missed, also where nothing was pulled', async () => {
    hub.releases = [at('yanked', 1n)];
    await failure(pull(release.id));
    hub.releases = [release];
    expect(await failure(pull(release.id))).toMatchObject({ code: 'status_replayed' });
  });

  it('has one meaning for one number', async () => {
    hub.releases = [at('yanked', 2n)];
    await failure(pull(release.id));
    hub.releases = [at('active', 2n)];
    expect(await failure(pull(release.id))).toMatchObject({ code: 'status_equivocation', action: 'stop-trusting' });
  });

  it.each([
    ['a stranger', signedStatus(release.modelId, 'active', 1n, stranger)],
    ['the owner about another release', signedStatus(testRelease({ version: '3.0.0' }).modelId, 'active', 1n)],
    ['the owner with other words', { ...signedStatus(release.modelId, 'yanked', 1n), status: 'active' as const }],
  ])('by %s is none', async (_, status) => {
    hub.releases = [{ ...release, shown: { ...release.shown, status } }];
    expect(await failure(pull())).toMatchObject({ code: 'status_untrusted' });
  });
});

describe('a folder that is there', () => {
  it('keeps what is right, gets what is not, and lets in nothing else', async () => {
    await pull();
    writeFileSync(join(desk.out, 'README.md'), 'not the card');
    writeFileSync(join(desk.out, 'signature.hex'), 'none');
    hub.asked.length = 0;
    expect(await pull()).toMatchObject({ fetchedFiles: 1, keptFiles: 3 });
    expect(hub.asked.filter(({ path }) => path.includes('/files/')).map(({ path }) => path.split('/').at(-1))).toEqual([
      'README.md',
    ]);
    expect(contentsOf(desk.out)['README.md']).toEqual(release.files.get('README.md'));
    expect(openRelease(desk.out).signed.signature).toEqual(release.signed.signature);
    expect(desk.besides()).toEqual([]);
  });

  it('with another release, or with something else, stays as it is', async () => {
    await pull();
    const before = contentsOf(desk.out);
    hub.releases = [testRelease({ version: '2.0.0' })];
    expect(await failure(pull())).toMatchObject({ code: 'folder_taken' });
    expect(contentsOf(desk.out)).toEqual(before);
    mkdirSync(desk.path('mine'));
    writeFileSync(desk.path('mine', 'notes'), 'mine');
    const mine = desk.hub(hub.url).pull('acme/volatility', { directory: desk.path('mine'), ...refusing });
    expect(await failure(mine)).toMatchObject({ code: 'folder_taken' });
  });

  it('is filled by two at once, and both are right', async () => {
    const [one, other] = await Promise.all([pull(), pull()]);
    expect([one.standing, other.standing]).toEqual(['active', 'active']);
    expect(openRelease(desk.out).modelId).toEqual(release.modelId);
    expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(release.files.get('model.onnx')));
    expect(desk.besides()).toEqual([]);
  });

  it('cannot be made where nobody may write', async () => {
    writeFileSync(desk.path('file'), '');
    const asked = desk.hub(hub.url).pull('acme/volatility', { directory: desk.path('file', 'under'), ...refusing });
    expect(await failure(asked)).toMatchObject({ code: 'folder_failed' });
  });
});

describe('a hub', () => {
  it('is asked again where it is busy, and not for ever', async () => {
    let busy = 3;
    hub.intercept = (_, response) => {
      if (busy-- <= 0) return false;
      refuse(response, 503, 'busy');
      return true;
    };
    await pull();
    busy = 1_000;
    const other = desk.hub(hub.url).pull(release.id, { directory: desk.path('other'), ...refusing });
    expect(await failure(other)).toMatchObject({ code: 'hub_error', reason: 'busy', action: 'retry' });
    expect(busy).toBe(995);
  });

  it('is asked again no sooner than it says, and not later than one is ready to wait', async () => {
    let busy = 1;
    hub.intercept = (_, response) => {
      if (busy-- <= 0) return false;
      response.writeHead(429, { 'retry-after': '3600' }).end();
      return true;
    };
    const patience = { firstMs: 1, longestMs: 30, tries: 3 };
    await desk.hub(hub.url, { patience }).pull(release.id, { directory: desk.out, ...refusing });
    expect(desk.progress[0]).toEqual({ event: 'again', path: null, why: 'status_429', waitMs: 30 });
  });

  it('is asked for a few files at once, and for no more', async () => {
    const names = Array.from({ length: 12 }, (_, at) => `part-${at}`);
    hub.releases = [testRelease({ files: Object.fromEntries(names.map((name, at) => [name, noise(100, at + 1)])) })];
    let open = 0;
    let most = 0;
    hub.intercept = (asked, response) => {
      const name = names.find((each) => isFile(asked, each));
      if (name === undefined) return false;
      open += 1;
      most = Math.max(most, open);
      setTimeout(() => {
        open -= 1;
        send(response, hub.releases[0]?.files.get(name) ?? noise(0));
      }, 20);
      return true;
    };
    await pull();
    expect(most).toBe(4);
  });

  it('that knows no ranges is asked for all of it', async () => {
    let cut = true;
    hub.intercept = (asked, response) => {
      if (!isFile(asked, 'model.onnx')) return false;
      const bytes = release.files.get('model.onnx') ?? noise(0);
      if (!cut) send(response, bytes);
      else {
        response.writeHead(200, { 'content-length': bytes.length });
        response.write(bytes.subarray(0, 50_000), () => setTimeout(() => response.destroy(), 50));
      }
      cut = false;
      return true;
    };
    await pull();
    expect(digestOf(contentsOf(desk.out)['model.onnx'])).toBe(digestOf(release.files.get('model.onnx')));
  });

  it('that says nothing is left', async () => {
    hub.intercept = () => true;
    const asked = desk.hub(hub.url, { timeoutMs: 50 }).pull(release.id, { directory: desk.out, ...refusing });
    expect(await failure(asked)).toMatchObject({ code: 'hub_timeout', action: 'retry' });
  });

  it('that nobody runs is not there', async () => {
    const { url } = hub;
    await hub.close();
    const asked = desk.hub(url).pull(release.id, { directory: desk.out, ...refusing });
    expect(await failure(asked)).toMatchObject({ code: 'hub_unreachable', action: 'retry' });
    hub = await startScriptedHub(release);
  });

  it('gets a reader its private releases', async () => {
    hub.intercept = (asked, response) => {
      if (asked.headers.authorization === 'Bearer secret') return false;
      refuse(response, 404, 'release_unknown');
      return true;
    };
    const as = (token: string) => desk.hub(hub.url, { token }).pull(release.id, { directory: desk.out, ...refusing });
    expect(await failure(as('none'))).toMatchObject({ code: 'version_unknown' });
    await as('secret');
    expect(openRelease(desk.out).modelId).toEqual(release.modelId);
  });
});
