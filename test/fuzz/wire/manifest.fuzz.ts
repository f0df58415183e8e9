import { utf8 } from '../../../wire/bytes.ts';
import { decodeManifest, encodeManifest } from '../../../wire/message/manifest.ts';
import { golden } from '../golden.ts';
import { exact } from '../refused.ts';

/** A manifest is named by the hash of its bytes, so only its canonical ones are read. */
export const fuzz: (data: Uint8Array) => void = exact(decodeManifest, encodeManifest);

const text = new TextDecoder().decode(golden.manifest);

export const seeds: readonly Uint8Array[] = [
  golden.manifest,
  utf8(
    text
      .replace('"samples":[]', '"samples":[{"request":"model.onnx","response":"model.onnx"}]')
      .replace('"circuit":null', `"circuit":"${'0f'.repeat(32)}"`)
      .replace('"kind":"tensor"', '"kind":"text-generation"'),
  ),
  utf8(text.replace('"entry":"model.onnx"', '"entry":"other/model.onnx"')),
  utf8(text.replace('"inputs"', '"Inputs"')),
];
