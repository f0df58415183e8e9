import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRelease } from '../../../host/releases.ts';
import { toHex, utf8 } from '../../../wire/bytes.ts';
import { release } from '../../enclave/worker/core/harness.ts';
import { command, type Folder, temporaryFolder } from '../../support/command.ts';
import {
  hostRole,
  image,
  type KmsWorld,
  keyPolicy,
  openKmsWorld,
  publisherRole,
  root,
  useCredentials,
  writeRelease,
} from '../../support/kms-world.ts';

let folder: Folder;
let world: KmsWorld;

beforeAll(async () => {
  folder = temporaryFolder();
  world = await openKmsWorld();
});

afterAll(async () => {
  await world.close();
  folder.remove();
});

describe('proofmark kms lint', () => {
  const good = { Version: '2012-10-17', Statement: (keyPolicy() as { Statement: unknown[] }).Statement.slice(1) };

  it('is silent about a policy that holds', async () => {
    const path = folder.file('good.json', JSON.stringify(good));
    expect(await command('kms', 'lint', path)).toEqual({ code: 0, out: '', err: '' });
    expect(await command('kms', 'lint', path, '--json')).toEqual({ code: 0, out: '[]\n', err: '' });
  });

  it('reads what aws kms get-key-policy prints', async () => {
    const path = folder.file('aws.json', JSON.stringify({ Policy: JSON.stringify(good), PolicyName: 'default' }));
    expect((await command('kms', 'lint', path)).code).toBe(0);
  });

  it('names what is moot, and fails', async () => {
    const open = {
      ...good,
      Statement: [{ Sid: 'Open', Effect: 'Allow', Principal: '*', Action: 'kms:Decrypt', Resource: '*' }],
    };
    const { code, out } = await command('kms', 'lint', folder.file('open.json', JSON.stringify(open)));
    expect(code).toBe(30);
    expect(out).toMatch(/^error {3}principal_anybody {6}Open: /m);
    expect(out).toMatch(/^error {3}decrypt_unattested {5}Open: /m);
  });

  it('fails for a warning when asked to', async () => {
    const nobody = { ...good, Statement: [{ Effect: 'Deny', Principal: '*', Action: 'kms:Decrypt', Resource: '*' }] };
    const path = folder.file('nobody.json', JSON.stringify(nobody));
    expect((await command('kms', 'lint', path)).code).toBe(0);
    expect((await command('kms', 'lint', path, '--strict')).code).toBe(30);
  });

  it('says what is no policy', async () => {
    expect((await command('kms', 'lint', folder.file('list.json', '[]'))).code).toBe(10);
    expect((await command('kms', 'lint', folder.file('no.json', '{'))).code).toBe(1);
    expect((await command('kms', 'lint', folder.path('none.json'))).code).toBe(1);
    expect((await command('kms', 'lint')).code).toBe(2);
    expect((await command('kms', 'paint')).code).toBe(2);
  });
});

describe('proofmark kms encrypt', () => {
  const plain = release([utf8('weights of a publisher'), new Uint8Array(0)], { name: 'sold' });
  let source: string;

  beforeAll(() => {
    source = folder.path('release');
    writeRelease(source, plain);
    useCredentials(publisherRole);
  });

  const encrypt = (keyId: string, out: string, from = source): ReturnType<typeof command> =>
    command(
      'kms',
      'encrypt',
      from,
      '--key-id',
      keyId,
      '--out',
      out,
      '--endpoint',
      world.standIn.url,
      '--region',
      'zz-simulated-1',
    );

  it('writes a folder that a host can serve, with nothing of the plaintext in it', async () => {
    const out = folder.path('out');
    const keyId = await world.createKey();
    expect(await encrypt(keyId, out)).toMatchObject({ code: 0, out: `${toHex(plain.modelId)}\n` });
    expect(openRelease(out).encryption?.kmsKeyId).toBe(keyId);
    expect(readFileSync(join(out, 'file-0.bin.enc')).includes('weights')).toBe(false);
    expect((await encrypt(keyId, out)).err).toContain('exists');
    expect((await encrypt(keyId, folder.path('twice'), out)).err).toContain('encrypted already');
  });

  it.each<[string, string, string]>([
    ['changed', 'weights of a publishes', 'another digest'],
    ['cut', 'weights', 'shorter'],
    ['longer', 'weights of a publisher and more', 'longer'],
  ])('refuses a file that is %s, and leaves nothing behind', async (name, content, says) => {
    const bent = folder.path(`bent-${name}`);
    writeRelease(bent, plain);
    writeFileSync(join(bent, 'file-0.bin'), content);
    const out = folder.path(`out-${name}`);
    const { code, err } = await encrypt(await world.createKey(), out, bent);
    expect([code, err.includes(says)]).toEqual([1, true]);
    expect(() => openRelease(out)).toThrow();
  });

  it('says what KMS said', async () => {
    expect((await encrypt('arn:aws:kms:zz-simulated-1:1:key/none', folder.path('none'))).err).toContain(
      'NotFoundException',
    );
    useCredentials(hostRole);
    expect((await encrypt(await world.createKey(), folder.path('denied'))).err).toContain('AccessDeniedException');
    useCredentials(publisherRole);
    expect((await command('kms', 'encrypt', source)).code).toBe(2);
  });
});

describe('proofmark kms stand-in', () => {
  it('serves keys on loopback until it is told to stop', async () => {
    const state = folder.path('state');
    mkdirSync(state);
    const files = [
      '--root',
      folder.file('root.der', root.certificate),
      '--callers',
      folder.file('callers.json', JSON.stringify([publisherRole])),
    ];
    const child = spawn(process.execPath, [
      '--import',
      'tsx',
      'cli/main.ts',
      'kms',
      'stand-in',
      '--state',
      state,
      ...files,
    ]);
    try {
      const said = await new Promise<string>((resolve, reject) => {
        child.stdout.on('data', (chunk: Buffer) => resolve(chunk.toString()));
        child.stderr.on('data', (chunk: Buffer) => reject(new TypeError(chunk.toString())));
        child.on('close', () => reject(new TypeError('it ended')));
      });
      const { url } = JSON.parse(said) as { readonly url: string };
      expect(url).toMatch(/^http:\/\/127\.0\.0\.1:\d+$/);
      const answer = await fetch(url, {
        method: 'POST',
        headers: { 'x-amz-target': 'TrentService.Decrypt' },
        body: '{}',
      });
      expect(await answer.json()).toMatchObject({ __type: 'MissingAuthenticationTokenException' });
    } finally {
      child.kill('SIGTERM');
    }
    expect(await new Promise((resolve) => child.on('exit', resolve))).toBe(0);
  }, 30_000);

  it('wants its files', async () => {
    expect((await command('kms', 'stand-in', '--state', folder.path('x'))).code).toBe(2);
    const callers = folder.file('bad.json', '[{"accessKeyId":"A"}]');
    const { code } = await command(
      'kms',
      'stand-in',
      '--state',
      folder.path('x'),
      '--root',
      callers,
      '--callers',
      callers,
    );
    expect(code).toBe(1);
  });

  it('names the image of the tests in the tests’ policy', () => {
    expect(JSON.stringify(keyPolicy()).toLowerCase()).toContain(toHex(image.pcr0));
  });
});
