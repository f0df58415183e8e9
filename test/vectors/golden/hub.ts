import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { releaseStatus, releaseStatusMessage } from '../../../wire/message/authorisations.ts';
import {
  contentsPreimage,
  encodeSignedStatus,
  encodeUpload,
  type ReleaseStatusName,
  type StoredFile,
  uploadMessage,
  type Visibility,
} from '../../../wire/message/hub.ts';
import { describeKey, filler, sign, testKey } from './keys.ts';
import { type Json, statementVectors } from './messages.ts';

const owner = testKey('release owner');
const hub = 'https://hub.example';

/** What a release's owner says to hubs: statuses as they lie beside a release, and an upload; both of the golden manifest. */
export function hubVectors(): Json {
  const { manifest } = statementVectors() as unknown as Statements;
  const encoded = new TextEncoder().encode(manifest.utf8);
  const modelId = sha256(encoded);
  return {
    about: 'Proofmark golden vector. TEST VECTORS ONLY: every private key in here is public.',
    owner: describeKey(owner),
    modelId: toHex(modelId),
    statuses: [
      status(modelId, 'active', 0n),
      status(modelId, 'deprecated', 9_007_199_254_740_993n),
      status(modelId, 'yanked', 2n ** 64n - 1n),
    ],
    uploads: (['public', 'private'] as const).map((visibility) => upload(encoded, manifest.signature, visibility)),
  };
}

interface Statements {
  readonly manifest: { readonly utf8: string; readonly signature: string };
}

function status(modelId: Uint8Array, name: ReleaseStatusName, sequence: bigint): Json {
  const message = releaseStatusMessage(modelId, releaseStatus[name], sequence);
  const signature = sign(owner, message);
  const encoded = encodeSignedStatus({ modelId, status: name, sequence, owner: owner.point.slice(1), signature });
  return {
    status: name,
    sequence: sequence.toString(),
    message: toHex(message),
    signature: toHex(signature),
    utf8: new TextDecoder().decode(encoded),
  };
}

function upload(manifest: Uint8Array, signed: string, visibility: Visibility): Json {
  const contents: readonly StoredFile[] = [{ path: 'model.onnx', size: 3, sha256: sha256(Uint8Array.of(1, 2, 3)) }];
  const preimage = contentsPreimage(contents);
  const fields = {
    hub: sha256(new TextEncoder().encode(hub)),
    nonce: filler('upload nonce'),
    modelId: sha256(manifest),
    visibility,
    contents: sha256(preimage),
  };
  const message = uploadMessage(fields);
  const authorisation = sign(owner, message);
  const release = { manifest, owner: owner.point.slice(1), signature: Uint8Array.from(Buffer.from(signed, 'hex')) };
  return {
    hub,
    fields: {
      hub: toHex(fields.hub),
      nonce: toHex(fields.nonce),
      modelId: toHex(fields.modelId),
      visibility,
      contents: toHex(fields.contents),
    },
    contents: new TextDecoder().decode(preimage),
    message: toHex(message),
    authorisation: toHex(authorisation),
    utf8: new TextDecoder().decode(encodeUpload({ release, visibility, contents, nonce: fields.nonce, authorisation })),
  };
}
