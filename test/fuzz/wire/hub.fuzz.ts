import { deepStrictEqual } from 'node:assert/strict';
import { utf8 } from '../../../wire/bytes.ts';
import {
  decodeHubRelease,
  decodeHubVersions,
  decodeSignedStatus,
  decodeUpload,
  encodeHubRelease,
  encodeHubVersions,
  encodeSignedStatus,
  encodeUpload,
  parseRepository,
  type SignedStatus,
} from '../../../wire/message/hub.ts';
import { golden } from '../golden.ts';
import { exact, forCheck, oneOfMany, stable, unlessRefused } from '../refused.ts';

/** Publishers, hubs and those who pull all read what one of the others wrote. A status has one spelling. */
export const fuzz: (data: Uint8Array) => void = oneOfMany([
  exact(decodeSignedStatus, encodeSignedStatus),
  stable(decodeUpload, encodeUpload),
  stable(decodeHubRelease, encodeHubRelease),
  stable(decodeHubVersions, encodeHubVersions),
  (data) => {
    const spelled = Buffer.from(data).toString('latin1');
    const found = unlessRefused(() => parseRepository(spelled));
    if (found === undefined) return;
    const { namespace, name, revision } = found;
    deepStrictEqual(`${namespace}/${name}${revision === null ? '' : `@${revision}`}`, spelled);
  },
]);

const owner = new Uint8Array(64).fill(2);
const modelId = new Uint8Array(32).fill(5);
const status: SignedStatus = { modelId, status: 'yanked', sequence: 7n, owner, signature: new Uint8Array(64).fill(6) };
const release = { manifest: golden.manifest, owner, signature: golden.releaseSignature };
const contents = [{ path: 'onnx/model.onnx', size: 7, sha256: modelId }];
const upload = { release, visibility: 'private', contents, nonce: modelId, authorisation: owner } as const;
const versions = [{ version: '1.0.0-rc.1', modelId, visibility: 'public', status: 'active' }] as const;

export const seeds: readonly Uint8Array[] = [
  forCheck(0, encodeSignedStatus(status)),
  forCheck(1, encodeUpload(upload)),
  forCheck(2, encodeHubRelease({ namespace: 'acme', release, visibility: 'public', contents, status })),
  forCheck(2, encodeHubRelease({ namespace: 'acme', release, visibility: 'public', contents, status: null })),
  forCheck(3, encodeHubVersions({ namespace: 'acme', name: 'model', versions })),
  forCheck(4, utf8('acme/model@1.2.3')),
  forCheck(4, utf8(`acme/model@${'ab'.repeat(32)}`)),
];
