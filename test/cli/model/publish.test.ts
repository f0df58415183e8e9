import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { demoRelease } from '../../../cli/demo-model/mlp.ts';
import { openRelease } from '../../../host/releases.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { encodeEncryptedRelease, encryptedSize } from '../../../wire/message/encrypted-release.ts';
import { noise } from '../../client/hub/releases.ts';
import { type Made, makeRelease, newPublisher, openWorld, type World } from '../../host/hub/support/world.ts';
import { command, type Folder, type Outcome, temporaryFolder } from '../../support/command.ts';

/** Disks of busy machines take seconds to say that something is on them. */
vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 });

const READER = { name: 'reader', token: 'reader-token-of-a-test', namespaces: 'any' } as const;
let folder: Folder;
let world: World;
let release: Made;

beforeEach(async () => {
  folder = temporaryFolder();
  world = await openWorld({ readers: [READER] });
  const { manifest, files } = demoRelease(world.acme.owner);
  release = makeRelease(world.acme, files, manifest);
  folder.file('key.pem', world.acme.key.export({ format: 'pem', type: 'pkcs8' }));
  writeRelease(release.files);
});

afterEach(async () => {
  await world.stop();
  folder.remove();
});

/** As `pull` and `kms encrypt` leave it. */
function writeRelease(files: ReadonlyMap<string, Uint8Array>): void {
  const { manifest, owner, signature } = release.signed;
  const all = new Map<string, Uint8Array | string>([
    ...files,
    ['manifest.json', manifest],
    ['owner.hex', `${toHex(owner)}\n`],
    ['signature.hex', `${toHex(signature)}\n`],
  ]);
  mkdirSync(folder.path('release'), { recursive: true });
  for (const [path, bytes] of all) writeFileSync(join(folder.path('release'), path), bytes);
}

const hub = (): readonly string[] => ['--hub', world.hub.url, '--memory', folder.path('memory.json')];
const publish = (...args: readonly string[]): Promise<Outcome> =>
  command('model', 'publish', folder.path('release'), ...hub(), '--key', folder.path('key.pem'), '--yes', ...args);
const pull = (...args: readonly string[]): Promise<Outcome> =>
  command('model', 'pull', release.modelId, ...hub(), '--publisher', 'any', '--out', folder.path('out'), ...args);

describe('proofmark model publish', () => {
  it('tells what it is about to do, and what it did', async () => {
    const { code, out, err } = await publish();
    expect(code).toBe(0);
    expect(err).toContain('demo-mlp 1.0.0, public, for ever');
    for (const word of ['acme/demo-mlp', release.modelId, toHex(world.acme.owner), '1 of 1 files']) {
      expect(out).toContain(word);
    }
    expect(out).not.toContain('transaction');
  });

  it('shows a private release to readers only, whose token is in a file', async () => {
    expect(JSON.parse((await publish('--private', '--json')).out)).toMatchObject({ visibility: 'private' });
    expect((await pull()).code).toBe(1);
    const token = folder.file('token', `${READER.token}\n`);
    expect((await pull('--token-file', token)).code).toBe(0);
  });

  it('publishes sealed files as they are, and none of the plain ones', async () => {
    const modelId = sha256(release.signed.manifest);
    const sealed = noise(encryptedSize(release.files.get('model.onnx')?.length ?? 0), 5);
    const schema = 'proofmark encrypted release v1';
    const key = { kmsKeyId: 'arn:aws:kms:eu-central-1:111122223333:key/test', ciphertextBlob: utf8('wrapped') };
    const envelope = encodeEncryptedRelease({ schema, modelId, ...key, chunkBytes: 65_536 });
    writeRelease(
      new Map([
        ['model.onnx.enc', sealed],
        ['encryption.json', envelope],
      ]),
    );
    expect((await publish()).code).toBe(0);
    const pulled = await pull();
    expect(pulled.code).toBe(0);
    expect(pulled.err).toContain('the files are sealed');
    expect(openRelease(folder.path('out')).encryption?.modelId).toEqual(modelId);
  });

  it('refuses a folder that was changed since it was signed', async () => {
    const onnx = release.files.get('model.onnx') ?? new Uint8Array(0);
    // Weights lie at its end: a model of the same shape that says something else.
    writeRelease(new Map([['model.onnx', onnx.map((byte, at) => (at === onnx.length - 2_000 ? byte ^ 1 : byte))]]));
    const { code, out, err } = await publish();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('file_changed');
  });

  it('tells what a hub refuses, with its code', async () => {
    const stranger = newPublisher('mallory');
    folder.file('key.pem', stranger.key.export({ format: 'pem', type: 'pkcs8' }));
    const { manifest, files } = demoRelease(stranger.owner);
    release = makeRelease(stranger, files, manifest);
    writeRelease(files);
    const { code, out, err } = await publish();
    expect({ code, out }).toEqual({ code: 1, out: '' });
    expect(err).toContain('publisher_not_listed');
  });
});
