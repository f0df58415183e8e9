import { describe, expect, it } from 'vitest';
import { toBase64url, utf8 } from '../../../wire/bytes.ts';
import { canonicalJson, type JsonValue } from '../../../wire/codec/json.ts';
import { limits } from '../../../wire/limits.ts';
import { decodeHubRelease, decodeHubVersions, decodeSignedStatus, decodeUpload } from '../../../wire/message/hub.ts';

type Json = { readonly [name: string]: JsonValue };

const hex = (bytes: number): string => 'ab'.repeat(bytes);
const base64 = (bytes: number): string => toBase64url(new Uint8Array(bytes).fill(1));
const file: Json = { path: 'a/b.onnx', size: 1, sha256: hex(32) };
const release: Json = { manifest: base64(40), owner: base64(64), signature: base64(64) };
const status: Json = {
  schema: 'proofmark status v1',
  modelId: hex(32),
  status: 'active',
  sequence: '1',
  owner: hex(64),
  signature: base64(64),
};
const upload: Json = {
  schema: 'proofmark upload v1',
  release,
  visibility: 'public',
  contents: [file],
  nonce: base64(32),
  authorisation: base64(64),
};
const shown: Json = { namespace: 'acme', release, visibility: 'public', contents: [file], status };
const version: Json = { version: '1.0.0', modelId: hex(32), visibility: 'public', status: 'active' };
const versions: Json = { namespace: 'acme', name: 'model', versions: [version] };

const readers = {
  status: { usual: status, decode: decodeSignedStatus },
  upload: { usual: upload, decode: decodeUpload },
  release: { usual: shown, decode: decodeHubRelease },
  versions: { usual: versions, decode: decodeHubVersions },
} as const;

const codeOf = (kind: keyof typeof readers, value: JsonValue): string => {
  try {
    (readers[kind].decode as (encoded: Uint8Array) => unknown)(canonicalJson(value));
    return 'read';
  } catch (error) {
    return String((error as { readonly code: unknown }).code);
  }
};

describe.each(Object.keys(readers) as (keyof typeof readers)[])('%s', (kind) => {
  const { usual } = readers[kind];

  it('is read as it is usual', () => {
    expect(codeOf(kind, usual)).toBe('read');
  });

  it.each(Object.keys(readers[kind].usual))('is not read without %s, nor with another kind of it', (name) => {
    const { [name]: _, ...rest } = usual;
    expect(codeOf(kind, rest)).toBe('field_missing');
    for (const other of [7, true, '', {}])
      expect(codeOf(kind, { ...usual, [name]: other }), name).toMatch(/^field_|^base64url_|^hex_/);
  });

  it('is not read with a member more', () => {
    expect(codeOf(kind, { ...usual, more: 1 })).toBe('field_unknown');
    expect(codeOf(kind, ['x'])).toMatch(/^field_/);
  });
});

describe('bounds', () => {
  it.each<[keyof typeof readers, Json, string]>([
    ['status', { schema: 'proofmark status v2' }, 'another schema'],
    ['status', { modelId: hex(31) }, 'a short id'],
    ['status', { modelId: hex(32).toUpperCase() }, 'an id in capitals'],
    ['status', { status: 'deleted' }, 'a status that is none'],
    ['status', { status: 'toString' }, 'a status that objects have'],
    ['status', { sequence: '01' }, 'a sequence spelled otherwise'],
    ['status', { sequence: '-1' }, 'a negative sequence'],
    ['status', { sequence: `${2n ** 64n}` }, 'a sequence of 65 bits'],
    ['status', { sequence: 1 }, 'a sequence as a number'],
    ['status', { owner: hex(32) }, 'half a key'],
    ['status', { signature: base64(63) }, 'a short signature'],
    ['upload', { visibility: 'hidden' }, 'a visibility that is none'],
    ['upload', { contents: [] }, 'no contents'],
    ['upload', { contents: [file, file] }, 'two files with one path'],
    [
      'upload',
      { contents: Array.from({ length: limits.manifestFiles + 2 }, (_, i) => ({ ...file, path: `f${i}` })) },
      'too many files',
    ],
    ['upload', { contents: [{ ...file, path: '../a' }] }, 'a path that climbs'],
    ['upload', { contents: [{ ...file, path: '/a' }] }, 'a path from the root'],
    ['upload', { contents: [{ ...file, path: 'a\\b' }] }, 'a path with a backslash'],
    ['upload', { contents: [{ ...file, path: '.a' }] }, 'a hidden path'],
    ['upload', { contents: [{ ...file, path: 'a'.repeat(limits.storedPathBytes + 1) }] }, 'a long path'],
    ['upload', { contents: [{ ...file, size: limits.storedFileBytes + 1 }] }, 'a file too large'],
    ['upload', { contents: [{ ...file, size: -1 }] }, 'a negative size'],
    ['upload', { contents: [{ ...file, size: 0.5 }] }, 'half a byte'],
    ['upload', { contents: [{ ...file, sha256: hex(20) }] }, 'a digest of another kind'],
    ['upload', { contents: [{ ...file, more: 1 }] }, 'a file that says more'],
    ['upload', { nonce: base64(31) }, 'a short nonce'],
    ['upload', { authorisation: base64(65) }, 'a long authorisation'],
    ['upload', { release: { ...release, owner: base64(65) } }, 'a key with its prefix'],
    ['upload', { release: { ...release, manifest: base64(1) } }, 'no manifest'],
    ['release', { namespace: 'Acme' }, 'a namespace in capitals'],
    ['release', { namespace: 'a'.repeat(65) }, 'a long namespace'],
    ['release', { status: { ...status, sequence: 'x' } }, 'a status that is none'],
    ['release', { contents: [file, file] }, 'two files with one path'],
    ['versions', { name: '-model' }, 'a name with a dash before it'],
    ['versions', { versions: [{ ...version, version: '1.0' }] }, 'half a version'],
    ['versions', { versions: [{ ...version, version: `1.0.0-${'a'.repeat(123)}` }] }, 'a long version'],
    ['versions', { versions: [{ ...version, status: 'constructor' }] }, 'a status that objects have'],
  ])('%s is not read with %j', (kind, change) => {
    expect(codeOf(kind, { ...readers[kind].usual, ...change })).toMatch(
      /^(field_|base64url_|hex_|json_number|too_large)/,
    );
  });

  it('of sizes are asked before anything is read', () => {
    const long = (bytes: number): Uint8Array => utf8(`${' '.repeat(bytes)}{}`);
    for (const [decode, bytes] of [
      [decodeSignedStatus, limits.signedStatusBytes],
      [decodeUpload, limits.hubReleaseBytes],
      [decodeHubRelease, limits.hubReleaseBytes],
      [decodeHubVersions, limits.hubVersionsBytes],
    ] as const) {
      expect(() => decode(long(bytes))).toThrow('too_large');
    }
  });

  it('of a list of versions hold', () => {
    const many = Array.from({ length: limits.hubVersions + 1 }, () => version);
    expect(codeOf('versions', { ...versions, versions: many })).toMatch(/^(field_invalid|too_large)$/);
  });

  it('a status has one spelling', () => {
    const spaced = utf8(JSON.stringify(status, null, 1));
    expect(() => decodeSignedStatus(spaced)).toThrow('not in canonical form');
  });
});
