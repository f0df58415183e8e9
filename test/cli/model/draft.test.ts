import { execFileSync } from 'node:child_process';
import { appendFileSync, mkdirSync, readFileSync, rmSync, symlinkSync, truncateSync } from 'node:fs';
import { join } from 'node:path';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { onnxType } from '../../../cli/demo-model/onnx-writer.ts';
import { buildRelease, readDraft } from '../../../cli/model/draft.ts';
import { DraftError } from '../../../cli/model/draft-error.ts';
import { toHex } from '../../../wire/bytes.ts';
import type { JsonValue } from '../../../wire/codec/json.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeManifest } from '../../../wire/message/manifest.ts';
import { loopModel, model } from '../../enclave/worker/model/models.ts';
import { type DraftFolder, draftFolder, usualDraft } from './draft-folder.ts';

const owner = new Uint8Array(64).fill(7);
let folder: DraftFolder;

beforeEach(() => {
  folder = draftFolder();
  folder.write('model.onnx', model({}));
  folder.write('README.md', '# Adder\n');
  folder.draft({});
});

afterEach(() => folder.remove());

async function refusal(work: Promise<unknown>): Promise<{ readonly code: string; readonly place: string }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof DraftError)) throw new TypeError(`not refused as a draft: ${String(error)}`);
  return { code: error.code, place: error.place };
}

const refusedFolder = (): ReturnType<typeof refusal> => refusal(readDraft(folder.directory));

describe('a draft', () => {
  it('becomes a manifest that says what lies in the folder', async () => {
    const draft = await readDraft(folder.directory);
    const { manifest, encoded, modelId } = await buildRelease(folder.directory, draft, owner);
    expect(decodeManifest(encoded)).toEqual(manifest);
    expect(modelId).toEqual(sha256(encoded));
    expect(manifest).toMatchObject({ owner, name: 'adder', version: '1.2.3', entry: 'model.onnx', circuit: null });
    expect(manifest.files.map(({ path, size, sha256: digest }) => [path, size, toHex(digest)])).toEqual(
      ['model.onnx', 'README.md'].map((path) => {
        const bytes = readFileSync(join(folder.directory, path));
        return [path, bytes.length, toHex(sha256(bytes))];
      }),
    );
    expect(manifest.inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: ['n', 'n'] }]);
  });

  it('publishes what it names, and nothing that lies beside it', async () => {
    folder.write('publisher.pem', 'secret');
    expect((await readDraft(folder.directory)).files.map(({ path }) => path)).toEqual(['model.onnx', 'README.md']);
  });

  it('takes dimensions from the engine, which knows them better than the file', async () => {
    const value = (name: string, dimensions: readonly (number | string)[]) => ({
      name,
      type: onnxType.float32,
      dimensions,
    });
    folder.write('model.onnx', model({ inputs: [value('x', ['', 3])], outputs: [value('y', ['rows', 'columns'])] }));
    const { manifest } = await buildRelease(folder.directory, await readDraft(folder.directory), owner);
    expect(manifest.inputs).toEqual([{ name: 'x', datatype: 'FP32', shape: ['_', 3] }]);
    expect(manifest.outputs).toEqual([{ name: 'y', datatype: 'FP32', shape: ['rows', 3] }]);
  });

  it('of a language model names no tensors, and its files are hashed without being held', async () => {
    const bytes = 268_435_456;
    truncateSync(join(folder.directory, 'model.onnx'), bytes);
    folder.draft({ kind: 'text-generation' });
    const draft = await readDraft(folder.directory);
    const before = process.memoryUsage().rss;
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, process.memoryUsage().rss);
    }, 5);
    const { manifest } = await buildRelease(folder.directory, draft, owner);
    clearInterval(watch);
    expect(manifest).toMatchObject({ inputs: [], outputs: [] });
    expect(manifest.files[0]?.size).toBe(bytes);
    expect(most - before).toBeLessThan(bytes / 4);
  });
});

describe('a folder is refused', () => {
  it('without a draft', async () => {
    rmSync(join(folder.directory, 'release.json'));
    expect(await refusedFolder()).toEqual({ code: 'file_missing', place: 'release.json' });
  });

  it.each<readonly [string, Readonly<Record<string, JsonValue>>, code: string, place: string]>([
    ['a path that leaves it', { files: ['model.onnx', '../README.md'] }, 'draft_invalid', 'files[1]'],
    ['an absolute path', { files: ['model.onnx', '/etc/passwd'] }, 'draft_invalid', 'files[1]'],
    ['a hidden file', { files: ['model.onnx', '.env'] }, 'draft_invalid', 'files[1]'],
    ['a backslash', { files: ['model.onnx', 'a\\b'] }, 'draft_invalid', 'files[1]'],
    ['a file that is listed twice', { files: ['model.onnx', 'model.onnx'] }, 'path_collision', 'model.onnx'],
    ['paths that differ in case only', { files: ['model.onnx', 'Model.onnx'] }, 'path_collision', 'Model.onnx'],
    ['a file that is also a folder', { files: ['model.onnx', 'MODEL.onnx/a'] }, 'path_collision', 'MODEL.onnx/a'],
    ['a file that is absent', { files: ['model.onnx', 'gone.md'] }, 'file_missing', 'gone.md'],
    ['a file below a file', { files: ['model.onnx', 'README.md/a'] }, 'file_not_plain', 'README.md/a'],
    ['an entry that is not published', { entry: 'other.onnx' }, 'draft_invalid', 'entry'],
    [
      'a sample that is not published',
      { samples: [{ request: 'README.md', response: 'b' }] },
      'draft_invalid',
      'samples[0].response',
    ],
    ['a field of its own', { owner: '00' }, 'draft_invalid', 'owner'],
    ['an empty licence', { licence: '' }, 'draft_invalid', 'licence'],
    ['a version with build metadata', { version: '1.0.0+1' }, 'draft_invalid', 'version'],
  ])('for %s', async (_, members, code, place) => {
    folder.draft(members);
    expect(await refusedFolder()).toEqual({ code, place });
  });

  it.each(['manifest.json', 'Owner.hex', 'signature.hex', 'status.json', 'encryption.json/a', 'release.json'])(
    'where it publishes %s, which is written beside a release',
    async (path) => {
      folder.draft({ files: ['model.onnx', path] });
      expect(await refusedFolder()).toEqual({ code: 'path_reserved', place: path });
    },
  );

  it('where a file, a folder or the draft itself is a link', async () => {
    folder.write('elsewhere/secret', 'secret');
    symlinkSync(join(folder.directory, 'elsewhere'), join(folder.directory, 'docs'));
    folder.draft({ files: ['model.onnx', 'docs/secret'] });
    expect(await refusedFolder()).toEqual({ code: 'file_not_plain', place: 'docs/secret' });
    symlinkSync('/etc/passwd', join(folder.directory, 'users'));
    folder.draft({ files: ['model.onnx', 'users'] });
    expect(await refusedFolder()).toEqual({ code: 'file_not_plain', place: 'users' });
    const other = draftFolder();
    symlinkSync(join(folder.directory, 'release.json'), join(other.directory, 'release.json'));
    const found = await refusal(readDraft(other.directory));
    other.remove();
    expect(found).toEqual({ code: 'file_not_plain', place: 'release.json' });
  });

  it('where a file is a folder or a pipe', async () => {
    mkdirSync(join(folder.directory, 'folder'));
    execFileSync('mkfifo', [join(folder.directory, 'pipe')]);
    for (const path of ['folder', 'pipe']) {
      folder.draft({ files: ['model.onnx', path] });
      expect(await refusedFolder()).toEqual({ code: 'file_not_plain', place: path });
    }
  });

  it('where a file is larger than any model', async () => {
    truncateSync(join(folder.directory, 'README.md'), limits.modelFileBytes + 1);
    expect(await refusedFolder()).toEqual({ code: 'file_too_large', place: 'README.md' });
  });

  it('where the draft is too large, no JSON, or says something twice', async () => {
    folder.write('release.json', ' '.repeat(limits.draftBytes + 1));
    expect(await refusedFolder()).toMatchObject({ code: 'file_too_large' });
    for (const text of ['{', '{"schema":1,"schema":1}', '[]']) {
      folder.write('release.json', text);
      expect(await refusedFolder()).toMatchObject({ code: 'draft_invalid' });
    }
  });

  it('where a file changes between one look and the next', async () => {
    const draft = await readDraft(folder.directory);
    appendFileSync(join(folder.directory, 'README.md'), 'more');
    const longer = await refusal(buildRelease(folder.directory, draft, owner));
    folder.write('README.md', '#');
    const shorter = await refusal(buildRelease(folder.directory, draft, owner));
    rmSync(join(folder.directory, 'README.md'));
    symlinkSync('/etc/passwd', join(folder.directory, 'README.md'));
    const linked = await refusal(buildRelease(folder.directory, draft, owner));
    expect([longer, shorter, linked].map(({ code }) => code)).toEqual([
      'file_changed',
      'file_changed',
      'file_not_plain',
    ]);
  });

  it('where no worker would load the model', async () => {
    for (const bytes of [loopModel(), new Uint8Array(9), model({ nodes: [] })]) {
      folder.write('model.onnx', bytes);
      const draft = await readDraft(folder.directory);
      const found = await refusal(buildRelease(folder.directory, draft, owner));
      expect(found).toEqual({ code: 'model_refused', place: 'model.onnx' });
    }
  });

  it('where the model has a dimension that no manifest can name', async () => {
    const dimensions = ['batch size', 2];
    const value = (name: string) => ({ name, type: onnxType.float32, dimensions });
    folder.write('model.onnx', model({ inputs: [value('x')], outputs: [value('y')] }));
    const draft = await readDraft(folder.directory);
    const found = await refusal(buildRelease(folder.directory, draft, owner));
    expect(found).toEqual({ code: 'model_refused', place: 'model.onnx' });
  });
});

describe('the published schema of a draft', () => {
  const schema = JSON.parse(readFileSync('attestations/schemas/proofmark-release-draft.schema.json', 'utf8')) as object;
  const validate = new Ajv2020({ strict: true, allErrors: true }).compile(schema);

  it('takes what the reader takes', () => {
    expect(validate(usualDraft)).toBe(true);
  });

  it.each(Object.keys(usualDraft))('and the reader both miss %s', async (name) => {
    const { [name]: _, ...rest } = usualDraft;
    folder.write('release.json', JSON.stringify(rest));
    expect(await refusedFolder()).toEqual({ code: 'draft_invalid', place: name });
    expect(validate(rest)).toBe(false);
  });

  it.each<readonly [string, JsonValue]>([
    ['schema', 'proofmark release draft v2'],
    ['name', 'Adder'],
    ['version', '01.0.0'],
    ['kind', 'image'],
    ['description', 'x'.repeat(4_097)],
    ['licence', ''],
    ['task', 'x'.repeat(65)],
    ['tags', ['']],
    ['entry', 'a/../b'],
    ['files', []],
    ['files', ['a//b']],
    ['execution', { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 0 }],
    ['execution', { engine: 'onnxruntime', optimisation: 'all', threads: 1 }],
    ['limits', { memoryBytes: 1, runMilliseconds: 1 }],
    ['samples', [{ request: 'model.onnx' }]],
    ['circuit', '../circuit.key'],
    ['circuit', 1],
    ['owner', toHex(owner)],
  ])('and the reader both refuse another %s', async (name, value) => {
    folder.draft({ [name]: value });
    expect(await refusedFolder()).toMatchObject({ code: 'draft_invalid' });
    expect(validate({ ...usualDraft, [name]: value })).toBe(false);
  });
});
