import { describe, expect, it } from 'vitest';
import { demoModel, demoRelease } from '../../../cli/demo-model/mlp.ts';
import { scanOnnx } from '../../../enclave/worker/model/onnx-scan.ts';
import { toHex } from '../../../wire/bytes.ts';
import { sha256 } from '../../../wire/crypto/node.ts';
import { decodeManifest, encodeManifest } from '../../../wire/message/manifest.ts';

describe('the demo model', () => {
  it('has the same bytes on every machine', () => {
    expect(toHex(sha256(demoModel().onnx))).toBe('e524ff6d7b1bcd6bebbfa7b39a0cd3e284b7caeae87bec6a7a1e494786005b3c');
  });

  it('passes the scan that the worker applies', () => {
    expect([...scanOnnx(demoModel().onnx).operators.keys()]).toEqual(['Gemm', 'Relu']);
  });

  it('comes with a manifest that has a canonical form and names its file', () => {
    const { manifest, files } = demoRelease(new Uint8Array(64).fill(7));
    expect(decodeManifest(encodeManifest(manifest))).toEqual(manifest);
    for (const { path, size, sha256: digest } of manifest.files) {
      const bytes = files.get(path) as Uint8Array;
      expect(bytes.length).toBe(size);
      expect(toHex(sha256(bytes))).toBe(toHex(digest));
    }
  });
});
