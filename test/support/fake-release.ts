import type { Release } from '../../host/releases.ts';
import { sha256 } from '../../wire/crypto/node.ts';
import { encodeManifest, type Manifest } from '../../wire/message/manifest.ts';

export function testManifest(files: readonly Uint8Array[], changes: Partial<Manifest> = {}): Manifest {
  return {
    schema: 'proofmark manifest v1',
    owner: new Uint8Array(64).fill(7),
    name: 'demo',
    version: '1.0.0',
    kind: 'tensor',
    description: '',
    licence: 'Apache-2.0',
    task: '',
    tags: [],
    files: files.map((bytes, number) => ({ path: `file-${number}.bin`, size: bytes.length, sha256: sha256(bytes) })),
    entry: 'file-0.bin',
    inputs: [],
    outputs: [],
    execution: { engine: 'onnxruntime', optimisation: 'disabled', threads: 1, batchRows: 1 },
    limits: { memoryBytes: 2 ** 30, runMilliseconds: 1_000 },
    samples: [],
    circuit: null,
    ...changes,
  };
}

/** A release that nobody signed, for tests of those who only carry it. */
export function testRelease(files: readonly Uint8Array[], changes: Partial<Manifest> = {}): Release {
  const manifest = testManifest(files, changes);
  const encoded = encodeManifest(manifest);
  return {
    modelId: sha256(encoded),
    signed: { manifest: encoded, owner: manifest.owner, signature: new Uint8Array(64).fill(1) },
    manifest,
    encryption: null,
    status: async () => ({ kind: 'none' }),
    async *read(file) {
      const bytes = files[file] as Uint8Array;
      for (let at = 0; at < bytes.length; at += 1_000_000) yield bytes.subarray(at, at + 1_000_000);
    },
  };
}
