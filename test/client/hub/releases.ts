import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { releaseMessage, releaseStatus, releaseStatusMessage } from '../../../wire/message/authorisations.ts';
import type { HubRelease, ReleaseStatusName, SignedStatus, StoredFile } from '../../../wire/message/hub.ts';
import { encodeManifest, type Manifest, type SignedRelease } from '../../../wire/message/manifest.ts';
import { sign, type TestKey, testKey } from '../../vectors/golden/keys.ts';

export const owner: TestKey = testKey('release owner of a hub');
export const stranger: TestKey = testKey('a stranger at a hub');
export const ownerOf = (key: TestKey): Uint8Array => key.point.slice(1);

export interface TestRelease {
  readonly signed: SignedRelease;
  readonly manifest: Manifest;
  readonly modelId: Uint8Array;
  readonly id: string;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly shown: HubRelease;
}

export interface ReleaseChanges {
  readonly key?: TestKey;
  readonly signedBy?: TestKey;
  readonly name?: string;
  readonly version?: string;
  readonly namespace?: string;
  readonly files?: Readonly<Record<string, Uint8Array>>;
  readonly status?: ReleaseStatusName;
  readonly sequence?: bigint;
}

/** Bytes that are nowhere the same, so that one at a wrong place shows. */
export function noise(length: number, seed = 1): Uint8Array {
  let state = seed;
  return Uint8Array.from({ length }, () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state >>> 24;
  });
}

export function flipped(bytes: Uint8Array, at: number): Uint8Array {
  return bytes.map((byte, place) => (place === at ? byte ^ 1 : byte));
}

const usualFiles: Readonly<Record<string, Uint8Array>> = {
  'model.onnx': noise(300_000),
  'README.md': noise(4_000, 2),
  'samples/a.request.json': noise(70, 3),
  'samples/empty.bin': new Uint8Array(0),
};

export function testRelease(changes: ReleaseChanges = {}): TestRelease {
  const { key = owner, name = 'volatility', version = '1.2.3', namespace = 'acme', files = usualFiles } = changes;
  const entries = Object.entries(files);
  const manifest: Manifest = {
    schema: 'proofmark manifest v1',
    owner: ownerOf(key),
    name,
    version,
    kind: 'tensor',
    description: 'for tests',
    licence: 'Apache-2.0',
    task: 'regression',
    tags: [],
    files: entries.map(([path, bytes]) => ({ path, size: bytes.length, sha256: sha256(bytes) })),
    entry: entries[0]?.[0] ?? '',
    inputs: [],
    outputs: [],
    execution: { engine: 'onnxruntime', optimisation: 'all', threads: 1, batchRows: 1 },
    limits: { memoryBytes: 268_435_456, runMilliseconds: 1_000 },
    samples: [],
    circuit: null,
  };
  const encoded = encodeManifest(manifest);
  const modelId = sha256(encoded);
  const signature = sign(changes.signedBy ?? key, releaseMessage(modelId));
  const signed = { manifest: encoded, owner: ownerOf(key), signature };
  const contents: readonly StoredFile[] = manifest.files;
  const { status } = changes;
  const word = status === undefined ? null : signedStatus(modelId, status, changes.sequence ?? 1n, key);
  const shown: HubRelease = { namespace, release: signed, visibility: 'public', contents, status: word };
  return { signed, manifest, modelId, id: toHex(modelId), files: new Map(entries), shown };
}

export function signedStatus(
  modelId: Uint8Array,
  status: ReleaseStatusName,
  sequence: bigint,
  key: TestKey = owner,
): SignedStatus {
  const signature = sign(key, releaseStatusMessage(modelId, releaseStatus[status], sequence));
  return { modelId, status, sequence, owner: ownerOf(key), signature };
}
