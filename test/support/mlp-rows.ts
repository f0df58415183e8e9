import { demoModel } from '../../cli/demo-model/mlp.ts';
import { loadEngine } from '../../enclave/worker/model/engine.ts';
import { type EncodedBody, encodeInferRequest, floatTensor } from '../../wire/message/tensor.ts';

/** One input of the demo's model, and what the model gives for it when it runs in this process. */
export interface Row {
  readonly values: Float32Array;
  readonly encoded: EncodedBody;
  /** The logits, bit for bit: rows of one run do not change each other. */
  readonly expected: Uint8Array;
}

/** Distinct rows, so that no answer can be taken for another's. */
export async function makeRows(count: number): Promise<readonly Row[]> {
  const engine = await loadEngine(demoModel().onnx, { optimisation: 'all', threads: 1 });
  const rows: Row[] = [];
  for (let row = 0; row < count; row++) {
    const values = Float32Array.from({ length: 128 }, (_, at) => (((row * 131 + at * 17) % 251) - 125) / 125);
    const inputs = [floatTensor('input', [1, 128], values)];
    const [output] = await engine.run(inputs, 'all');
    const encoded = encodeInferRequest({ id: null, inputs, outputs: 'all' }, 'binary');
    rows.push({ values, encoded, expected: Uint8Array.from(output?.data ?? []) });
  }
  return rows;
}
