import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as library from '@huggingface/hub';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { toHex } from '../../../wire/bytes.ts';
import { decodeManifest } from '../../../wire/message/manifest.ts';
import { entryOf, testDecoder } from '../../models/decoder.ts';
import { digestOf, type Made, makeRelease, openWorld, type World } from './support/world.ts';

let world: World;
let language: Made;
let tensor: Made;
let older: Made;
let hidden: Made;
const token = `hf_${'reader'.repeat(5)}`;

beforeAll(async () => {
  world = await openWorld({ readers: [{ name: 'ann', token, namespaces: ['acme'] }] });
  language = makeRelease(world.acme, testDecoder(), {
    name: 'talker',
    kind: 'text-generation',
    task: 'text-generation',
    description: 'A decoder with random weights',
    tags: ['transformers.js', 'tiny'],
    entry: entryOf(),
  });
  const files = new Map([
    ['model.onnx', new Uint8Array(2_000_000).fill(3)],
    ['README.md', new TextEncoder().encode('# hello')],
    ['samples/a/b.json', new TextEncoder().encode('{"a":1}')],
  ]);
  older = makeRelease(world.acme, files, { name: 'adder', version: '1.2.0', task: 'tabular-regression' });
  tensor = makeRelease(world.acme, files, { name: 'adder', version: '1.10.0', task: 'tabular-regression' });
  hidden = makeRelease(world.acme, files, { name: 'hidden' });
  for (const made of [older, tensor, language]) await world.publish(made);
  await world.publish(hidden, { visibility: 'private' });
});
afterAll(() => world.stop());

const all = async <T>(items: AsyncIterable<T>): Promise<readonly T[]> => {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
};

/** Every file below a folder, by its path, as the digest of what is really there. */
function digestsIn(folder: string): ReadonlyMap<string, string> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const files = names.filter((name) => statSync(join(folder, name)).isFile());
  return new Map(files.map((name) => [name, digestOf(Uint8Array.from(readFileSync(join(folder, name))))]));
}

function digestsOf(made: Made): ReadonlyMap<string, string> {
  const { files } = decodeManifest(made.signed.manifest);
  return new Map(files.map(({ path, sha256 }) => [path, toHex(sha256)]));
}

describe('@huggingface/hub', () => {
  const repo = { type: 'model', name: 'acme/adder' } as const;
  const at = (): { readonly hubUrl: string } => ({ hubUrl: world.hub.url });

  it('finds models by text, owner, task and tag, a page at a time', async () => {
    const names = async (search: Record<string, unknown>, more = {}): Promise<readonly string[]> =>
      (await all(library.listModels({ ...at(), search: search as never, ...more }))).map(({ name }) => name);
    expect(await names({})).toEqual(['acme/talker', 'acme/adder']);
    expect(await names({ query: 'RANDOM' })).toEqual(['acme/talker']);
    expect(await names({ owner: 'acme', task: 'tabular-regression' })).toEqual(['acme/adder']);
    expect(await names({ owner: 'other' })).toEqual([]);
    expect(await names({ tags: ['tiny', 'transformers.js'] })).toEqual(['acme/talker']);
    expect(await names({ tags: ['tiny', 'large'] })).toEqual([]);
    expect(await names({}, { accessToken: token })).toEqual(['acme/hidden', 'acme/talker', 'acme/adder']);
    const [first] = await all(
      library.listModels({ ...at(), limit: 1, additionalFields: ['tags', 'sha', 'filePaths'] }),
    );
    expect(first).toMatchObject({
      name: 'acme/talker',
      private: false,
      gated: false,
      task: 'text-generation',
      sha: language.modelId.slice(0, 40),
      filePaths: [...language.files.keys()],
    });
    expect(first?.tags).toEqual(['transformers.js', 'tiny', 'onnx', 'text-generation', 'license:apache-2.0']);
    expect(first?.updatedAt.getTime()).toBeGreaterThan(0);
  });

  it('follows the link to the next page', async () => {
    const limited: typeof fetch = (url, init) => fetch(String(url).replace('limit=500', 'limit=1'), init);
    const found = await all(library.listModels({ ...at(), fetch: limited }));
    expect(found.map(({ name }) => name)).toEqual(['acme/talker', 'acme/adder']);
  });

  it('describes the newest version, or the one that is named', async () => {
    const info = async (revision?: string): Promise<string> =>
      (
        await library.modelInfo({
          ...at(),
          name: 'acme/adder',
          additionalFields: ['sha'],
          ...(revision === undefined ? {} : { revision }),
        })
      ).sha;
    const [new40, old40] = [tensor.modelId.slice(0, 40), older.modelId.slice(0, 40)];
    expect(await info()).toBe(new40);
    expect(await info('main')).toBe(new40);
    for (const name of ['1.2.0', 'v1.2.0', older.modelId, old40]) expect(await info(name), name).toBe(old40);
    const missing = library.modelInfo({ ...at(), name: 'acme/adder', revision: '9.9.9' });
    await expect(missing).rejects.toMatchObject({
      statusCode: 404,
      message: expect.stringContaining('no such version'),
    });
    await expect(library.modelInfo({ ...at(), name: 'acme/none' })).rejects.toMatchObject({ statusCode: 404 });
    expect(await library.repoExists({ ...at(), repo })).toBe(true);
    expect(await library.repoExists({ ...at(), repo: { ...repo, name: 'acme/none' } })).toBe(false);
    await library.checkRepoAccess({ ...at(), repo });
  });

  it('lists files, with the digests of their bytes', async () => {
    const flat = await all(library.listFiles({ ...at(), repo }));
    expect(flat.map(({ path, type }) => [path, type])).toEqual([
      ['README.md', 'file'],
      ['model.onnx', 'file'],
      ['samples', 'directory'],
    ]);
    const deep = await all(library.listFiles({ ...at(), repo, recursive: true, expand: true }));
    const files = deep.filter(({ type }) => type === 'file');
    expect(new Map(files.map(({ path, lfs }) => [path, lfs?.oid]))).toEqual(digestsOf(tensor));
    expect(deep.map(({ path }) => path)).toContain('samples/a');
    expect(deep[0]?.lastCommit?.id).toBe(tensor.modelId.slice(0, 40));
    const below = await all(library.listFiles({ ...at(), repo, path: 'samples/a' }));
    expect(below.map(({ path }) => path)).toEqual(['samples/a/b.json']);
    await expect(all(library.listFiles({ ...at(), repo, path: 'nowhere' }))).rejects.toMatchObject({ statusCode: 404 });
  });

  it('pages through a tree of files', async () => {
    const short: typeof fetch = (url, init) =>
      fetch(String(url).includes('limit=') ? String(url) : `${String(url)}&limit=2`, init);
    const deep = await all(library.listFiles({ ...at(), repo, recursive: true, fetch: short }));
    expect(deep).toHaveLength(5);
  });

  it('knows which files there are, and tells of paths', async () => {
    expect(await library.fileExists({ ...at(), repo, path: 'model.onnx' })).toBe(true);
    expect(await library.fileExists({ ...at(), repo, path: 'model.bin' })).toBe(false);
    const info = await library.fileDownloadInfo({ ...at(), repo, path: 'model.onnx' });
    expect(info).toMatchObject({ size: 2_000_000, etag: `"${digestsOf(tensor).get('model.onnx')}"` });
    expect(await library.fileDownloadInfo({ ...at(), repo, path: 'model.bin' })).toBeNull();
    const paths = await library.pathsInfo({ ...at(), repo, paths: ['README.md', 'samples', 'none'], expand: true });
    expect(paths.map(({ path, type }) => [path, type])).toEqual([
      ['README.md', 'file'],
      ['samples', 'directory'],
    ]);
    expect(await library.countCommits({ ...at(), repo })).toBe(2);
    const commits = await all(library.listCommits({ ...at(), repo, batchSize: 1 }));
    expect(commits.map(({ title }) => title)).toEqual(['1.10.0', '1.2.0']);
  });

  it('downloads a file, and a part of one', async () => {
    const blob = await library.downloadFile({ ...at(), repo, path: 'model.onnx' });
    expect(digestOf(new Uint8Array((await blob?.arrayBuffer()) ?? new ArrayBuffer(0)))).toBe(
      digestsOf(tensor).get('model.onnx'),
    );
    expect(await blob?.slice(10, 14).arrayBuffer()).toEqual(new Uint8Array([3, 3, 3, 3]).buffer);
  });

  it('downloads a snapshot whose every digest is the manifest’s', async () => {
    vi.spyOn(console, 'debug').mockImplementation(() => undefined);
    for (const made of [tensor, language]) {
      const folder = await library.snapshotDownload({
        ...at(),
        repo: { type: 'model', name: `acme/${made.manifest.name}` },
        cacheDir: join(world.directory, 'cache'),
      });
      expect(folder).toContain(made.modelId.slice(0, 40));
      expect(digestsIn(folder)).toEqual(digestsOf(made));
    }
  });

  it('gets what is private with a token, and without one not a word of it', async () => {
    const secret = { type: 'model', name: 'acme/hidden' } as const;
    const read = library.downloadFile({ ...at(), repo: secret, path: 'model.onnx', accessToken: token });
    expect((await read)?.size).toBe(2_000_000);
    await expect(library.downloadFile({ ...at(), repo: secret, path: 'model.onnx' })).rejects.toMatchObject({
      statusCode: 404,
    });
    expect(await library.repoExists({ ...at(), repo: secret })).toBe(false);
  });
});

describe('transformers.js', () => {
  it('generates from a release of a hub, whose files are those of the manifest', { timeout: 180_000 }, async () => {
    const cache = join(world.directory, 'transformers');
    const script = join(import.meta.dirname, 'support/transformers.mjs');
    const { stdout } = await promisify(execFile)(process.execPath, [script, world.hub.url, 'acme/talker', cache]);
    const { prompt, output } = JSON.parse(stdout) as { readonly prompt: number[]; readonly output: number[] };
    expect(output.slice(0, prompt.length)).toEqual(prompt);
    expect(output.length).toBe(prompt.length + 8);
    const known = digestsOf(language);
    const fetched = digestsIn(join(cache, 'acme/talker'));
    expect([...fetched.keys()]).toEqual(expect.arrayContaining(['config.json', 'tokenizer.json', entryOf()]));
    for (const [path, digest] of fetched) expect(digest, path).toBe(known.get(path));
  });
});
