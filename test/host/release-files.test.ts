import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openRelease, type Release } from '../../host/releases.ts';
import { toHex, utf8 } from '../../wire/bytes.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { limits } from '../../wire/limits.ts';
import { release } from '../enclave/worker/core/harness.ts';
import { raw, type Served, serve } from './support/served.ts';

const card = utf8('# A model\n\n<script>alert(1)</script>\n');
const request = utf8('{"inputs":[]}');
const response = utf8('{"outputs":[]}');
const contents: Readonly<Record<string, Uint8Array>> = {
  'model.onnx': utf8('weights'),
  'README.md': card,
  'samples/one.request.json': request,
  'samples/one.response.json': response,
  'samples/large.request.json': new Uint8Array(limits.shownFileBytes + 1).fill(0x20),
  'samples/unnamed.json': utf8('{}'),
};
const model = release([], {
  entry: 'model.onnx',
  files: Object.entries(contents).map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes) })),
  samples: [
    { request: 'samples/one.request.json', response: 'samples/one.response.json' },
    { request: 'samples/large.request.json', response: 'samples/one.response.json' },
  ],
});

let folder = '';
let served: Served;
let opened: Release;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'pm-release-'));
  mkdirSync(join(folder, 'samples'));
  const { manifest, owner, signature } = model.signed;
  writeFileSync(join(folder, 'manifest.json'), manifest);
  writeFileSync(join(folder, 'owner.hex'), `${toHex(owner)}\n`);
  writeFileSync(join(folder, 'signature.hex'), `${toHex(signature)}\n`);
  for (const [path, bytes] of Object.entries(contents)) writeFileSync(join(folder, path), bytes);
  opened = openRelease(folder);
  served = await serve({ releases: [opened] });
});

afterAll(async () => {
  await served.stop();
  rmSync(folder, { recursive: true, force: true });
});

const urlOf = (path: string, modelId = model.modelId): string =>
  `${served.host.url}/v1/releases/${toHex(modelId)}/files/${path}`;

async function asked(path: string): Promise<string | Uint8Array> {
  const answer = await fetch(urlOf(path));
  if (answer.status === 200) return new Uint8Array(await answer.arrayBuffer());
  return `${answer.status} ${((await answer.json()) as { code: string }).code}`;
}

describe('the files of a release that a host shows', () => {
  it('are its card and the samples that its manifest names, as they are', async () => {
    expect(await asked('README.md')).toEqual(card);
    expect(await asked('samples/one.request.json')).toEqual(request);
    expect(await asked('samples/one.response.json')).toEqual(response);
  });

  it('are downloads and nothing else, whatever is in them', async () => {
    const { headers } = await fetch(urlOf('README.md'));
    expect(headers.get('content-type')).toBe('application/octet-stream');
    expect(headers.get('content-disposition')).toBe('attachment');
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(headers.get('content-security-policy')).toBe("default-src 'none'; frame-ancestors 'none'");
  });

  it.each([
    ['weights', 'model.onnx'],
    ['a file that no sample names', 'samples/unnamed.json'],
    ['a sample that is larger than any is shown', 'samples/large.request.json'],
    ['a file that is not in the release', 'samples/two.request.json'],
    ['the signature beside it', 'signature.hex'],
    ['a folder', 'samples'],
    ['a path spelled in another way', 'samples//one.request.json'],
    ['a path with an escaped slash too many', 'samples%2F%2Fone.request.json'],
    ['a path with a byte of nothing', 'README.md%00'],
  ])('are not %s', async (_, path) => {
    expect(await asked(path)).toBe('404 file_unknown');
  });

  it('are in no other folder', async () => {
    const { host } = new URL(served.host.url);
    for (const path of ['../signature.hex', 'samples/../../owner.hex', '..%2Fsignature.hex', '%2e%2e/owner.hex']) {
      const target = `/v1/releases/${toHex(model.modelId)}/files/${path}`;
      const answer = await raw(served.host.url, `GET ${target} HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(answer, path).toMatch(/^HTTP\/1\.1 404 /);
      expect(answer).not.toContain(toHex(model.signed.owner));
    }
  });

  it('are not shown of a release that is not served, and by no other method', async () => {
    const unknown = await fetch(urlOf('README.md', new Uint8Array(32)));
    expect(await unknown.json()).toMatchObject({ code: 'model_unknown' });
    expect((await fetch(urlOf('README.md'), { method: 'POST', body: 'x' })).status).toBe(405);
  });

  it('are not shown where they have another size than was signed', async () => {
    for (const changed of [card.slice(1), utf8(`${'#'.repeat(10_000)}`)]) {
      writeFileSync(join(folder, 'README.md'), changed);
      expect(await asked('README.md')).toBe('404 file_unknown');
    }
    writeFileSync(join(folder, 'README.md'), card);
    expect(await asked('README.md')).toEqual(card);
  });

  it('are not shown of an encrypted release, whose files are sealed', async () => {
    const encryption = {} as NonNullable<Release['encryption']>;
    const other = await serve({ releases: [{ ...opened, encryption }] });
    try {
      const answer = await fetch(`${other.host.url}/v1/releases/${toHex(model.modelId)}/files/README.md`);
      expect(await answer.json()).toMatchObject({ code: 'file_unknown' });
    } finally {
      await other.stop();
    }
  });
});
