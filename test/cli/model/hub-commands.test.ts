import { existsSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { flipped, owner, ownerOf, stranger, testRelease } from '../../client/hub/releases.ts';
import { isFile, refuse, type ScriptedHub, sendRange, startScriptedHub } from '../../client/hub/scripted-hub.ts';
import { command, type Folder, type Outcome, temporaryFolder } from '../../support/command.ts';

const release = testRelease();
const OWNER = toHex(ownerOf(owner));
const ONE_LINE = /^proofmark: [^\n]+\n$/;
let folder: Folder;
let hub: ScriptedHub;

beforeEach(async () => {
  folder = temporaryFolder();
  hub = await startScriptedHub(release);
});

afterEach(async () => {
  await hub.close();
  folder.remove();
});

const model = (name: string, ...args: readonly string[]): Promise<Outcome> =>
  command('model', name, ...args, '--hub', hub.url, '--memory', folder.path('memory.json'));
const pull = (...args: readonly string[]): Promise<Outcome> =>
  model('pull', 'acme/volatility', '--out', folder.path('out'), ...args);

describe('proofmark model pull', () => {
  it('writes what it pulled, as text and as JSON', async () => {
    const text = await pull('--publisher', OWNER);
    expect(text).toMatchObject({ code: 0, err: '' });
    for (const word of ['acme/volatility', '1.2.3', release.id, OWNER, 'active']) expect(text.out).toContain(word);
    const json = await pull('--publisher', OWNER, '--json');
    expect(JSON.parse(json.out)).toMatchObject({
      modelId: release.id,
      status: 'active',
      form: 'plain',
      keptFiles: 4,
      fetchedFiles: 0,
    });
  });

  it('takes one of several publishers, and nobody by default', async () => {
    const none = await pull();
    expect(none).toMatchObject({ code: 2, out: '' });
    expect(none.err).toContain('--publisher HEX is required');
    const several = ['--publisher', toHex(ownerOf(stranger)), '--publisher', OWNER];
    expect(await pull(...several)).toMatchObject({ code: 0 });
  });

  it.each([
    ['another publisher', ['--publisher', toHex(ownerOf(stranger))], 30],
    ['a word for one', ['--publisher', 'acme'], 2],
    ['any beside one', ['--publisher', 'any', '--publisher', OWNER], 2],
    ['a yanked release without its version', ['--publisher', 'any', '--allow-yanked'], 2],
    ['a token that is none', ['--publisher', 'any', '--token-file', '/dev/null'], 1],
    ['an option that is none', ['--publisher', 'any', '--frobnicate'], 2],
  ])('ends with one line for %s', async (_, args, code) => {
    const outcome = await pull(...args);
    expect(outcome).toMatchObject({ code, out: '' });
    expect(outcome.err).toMatch(ONE_LINE);
    expect(existsSync(folder.path('out'))).toBe(false);
  });

  it('ends with 20 where the hub lied, 10 where it answers nothing, 30 where the owner took it back, 1 where it fails', async () => {
    const bytes = flipped(release.files.get('README.md') ?? new Uint8Array(0), 7);
    hub.intercept = (asked, response) => {
      if (!isFile(asked, 'README.md')) return false;
      sendRange(asked, response, bytes);
      return true;
    };
    expect(await pull('--publisher', 'any', '--quiet')).toMatchObject({ code: 20, out: '' });
    hub.intercept = (_, response) => {
      response.end('<html>');
      return true;
    };
    expect(await pull('--publisher', 'any')).toMatchObject({ code: 10, out: '' });
    hub.intercept = (_, response) => {
      refuse(response, 403, 'publisher_not_listed');
      return true;
    };
    expect(await pull('--publisher', 'any')).toMatchObject({ code: 1, out: '' });
    hub.intercept = () => false;
    hub.releases = [testRelease({ status: 'yanked' })];
    const back = await model('pull', release.id, '--out', folder.path('out'), '--publisher', 'any');
    expect(back).toMatchObject({ code: 30, out: '' });
  });

  it('warns of a release that its owner deprecates', async () => {
    hub.releases = [testRelease({ status: 'deprecated' })];
    expect(await pull('--publisher', 'any')).toMatchObject({
      code: 0,
      err: 'warning: volatility 1.2.3 is deprecated by its owner\n',
    });
  });

  it('shows a hub’s words without obeying them', async () => {
    hub.intercept = (_, response) => {
      response.writeHead(403, { 'content-type': 'application/json' });
      response.end(JSON.stringify({ error: { code: 'no', message: 'a\u001b[2Jb\nc' } }));
      return true;
    };
    const { err } = await pull('--publisher', 'any');
    expect(err).toMatch(ONE_LINE);
    expect(err).not.toContain('\u001b');
  });
});

describe('other commands that ask a hub', () => {
  it('list versions, newest first', async () => {
    hub.releases = ['1.2.3', '1.10.0'].map((version) => testRelease({ version }));
    const { code, out } = await model('versions', 'acme/volatility');
    expect(code).toBe(0);
    expect(out.split('\n').map((line) => line.split(' ')[0])).toEqual(['1.10.0', '1.2.3', '']);
    const json = await model('versions', 'acme/volatility', '--json');
    expect(JSON.parse(json.out)).toMatchObject({ namespace: 'acme', versions: [{ version: '1.10.0' }, {}] });
  });

  it.each([
    [['publish', 'somewhere']],
    [['publish', 'somewhere', '--key', '/dev/null', '--chain', 'http://127.0.0.1:9']],
    [['yank', 'acme/volatility@1.2.3']],
    [['show']],
    [['show', 'acme/volatility', '--publisher', 'any', '--registry', '0x00']],
    [['versions']],
    [['test', 'acme/volatility', '--host', 'http://127.0.0.1:9']],
    [['test', 'acme/volatility', '--policy', 'nowhere', '--host', 'http://127.0.0.1:9', '--tolerance', 'some']],
  ])('end with one line and say nothing else: %s', async (args) => {
    const [name = '', ...rest] = args;
    const { code, out, err } = await model(name, ...rest);
    expect([1, 2]).toContain(code);
    expect(out).toBe('');
    expect(err).toMatch(ONE_LINE);
  });

  it('show what was taken back, and are not shown an older word than before', async () => {
    const show = (): Promise<Outcome> => model('show', release.id, '--publisher', 'any');
    hub.releases = [testRelease({ status: 'yanked', sequence: 2n })];
    expect((await show()).out).toContain('yanked, number 2, signed by the owner');
    hub.releases = [release];
    expect(await show()).toMatchObject({ code: 20, out: '' });
  });

  it('say nothing of a key that is none', async () => {
    const key = folder.file('key.pem', '-----BEGIN PRIVATE KEY-----\nsecret\n-----END PRIVATE KEY-----\n');
    const { code, err } = await model('yank', 'acme/volatility@1.2.3', '--key', key);
    expect(code).toBe(1);
    expect(err).toMatch(/is no private key in PEM/);
    expect(err).not.toContain('secret');
  });
});
