import { describe, expect, it } from 'vitest';
import { sha256 } from '../../../wire/crypto/node.ts';
import {
  contentsPreimage,
  decodeHubRelease,
  decodeHubVersions,
  decodeSignedStatus,
  decodeUpload,
  encodeHubRelease,
  encodeHubVersions,
  encodeSignedStatus,
  encodeUpload,
  type HubRelease,
  parseRepository,
  type SignedStatus,
  storedPaths,
  type Upload,
  uploadMessage,
} from '../../../wire/message/hub.ts';

const bytes = (length: number, value: number): Uint8Array => new Uint8Array(length).fill(value);
const release = { manifest: bytes(40, 1), owner: bytes(64, 2), signature: bytes(64, 3) };
const contents = [{ path: 'onnx/model.onnx', size: 7, sha256: bytes(32, 4) }];
const status: SignedStatus = {
  modelId: bytes(32, 5),
  status: 'deprecated',
  sequence: 2n ** 64n - 1n,
  owner: bytes(64, 2),
  signature: bytes(64, 6),
};
const upload: Upload = { release, visibility: 'private', contents, nonce: bytes(32, 7), authorisation: bytes(64, 8) };
const shown: HubRelease = { namespace: 'acme', release, visibility: 'public', contents, status };

describe('what publishers and hubs say to one another', () => {
  it('comes back as it was said', () => {
    expect(decodeSignedStatus(encodeSignedStatus(status))).toEqual(status);
    expect(decodeUpload(encodeUpload(upload))).toEqual(upload);
    expect(decodeHubRelease(encodeHubRelease(shown))).toEqual(shown);
    expect(decodeHubRelease(encodeHubRelease({ ...shown, status: null })).status).toBeNull();
    const versions = [
      { version: '1.0.0-rc.1', modelId: bytes(32, 5), visibility: 'public', status: 'yanked' },
    ] as const;
    const listed = { namespace: 'acme', name: 'model', versions };
    expect(decodeHubVersions(encodeHubVersions(listed))).toEqual(listed);
  });

  it('an upload is authorised for one hub, one nonce, one visibility and these contents', () => {
    const fields = { hub: bytes(32, 1), nonce: bytes(32, 2), modelId: bytes(32, 3), visibility: 'public' } as const;
    const digest = sha256(contentsPreimage(contents));
    const message = uploadMessage({ ...fields, contents: digest });
    expect(message).toHaveLength(6 * 32);
    const others = [
      uploadMessage({ ...fields, contents: digest, hub: bytes(32, 9) }),
      uploadMessage({ ...fields, contents: digest, nonce: bytes(32, 9) }),
      uploadMessage({ ...fields, contents: digest, modelId: bytes(32, 9) }),
      uploadMessage({ ...fields, contents: digest, visibility: 'private' }),
      uploadMessage({ ...fields, contents: sha256(contentsPreimage([{ ...contents[0], size: 8 } as never])) }),
    ];
    for (const other of others) expect(other).not.toEqual(message);
  });

  it('two files with one path are refused', () => {
    const twice = { ...upload, contents: [...contents, ...contents] };
    expect(() => encodeUpload(twice)).toThrow('two files with one path');
  });

  it('an encrypted release has its envelope beside every sealed file', () => {
    expect(storedPaths(['a', 'b/c'], 'plain')).toEqual(['a', 'b/c']);
    expect(storedPaths(['a', 'b/c'], 'encrypted')).toEqual(['a.enc', 'b/c.enc', 'encryption.json']);
  });
});

describe('a repository', () => {
  it('is a namespace and a name, and a revision where one is meant', () => {
    expect(parseRepository('acme/model')).toEqual({ namespace: 'acme', name: 'model', revision: null });
    expect(parseRepository('acme/model@1.2.3-rc.1').revision).toBe('1.2.3-rc.1');
    expect(parseRepository(`acme/model@${'ab'.repeat(32)}`).revision).toBe('ab'.repeat(32));
  });

  it.each([
    'model',
    'a/b/c',
    '/model',
    'acme/',
    'Acme/model',
    'acme/mo..del',
    'acme/model@',
    'acme/model@latest',
    '../model',
  ])('is not %s', (spelled) => {
    expect(() => parseRepository(spelled)).toThrow('not namespace/name');
  });
});
