import { describe, expect, it } from 'vitest';
import { openSession } from '../../../../../enclave/worker/model/engine.ts';
import { addOutputs } from '../../../../../enclave/worker/model/language/graph-edit.ts';
import { readSignature } from '../../../../../enclave/worker/model/language/graph-signature.ts';
import { scanOnnx } from '../../../../../enclave/worker/model/onnx-scan.ts';
import { entryOf, testDecoder } from '../../../../models/decoder.ts';

const bytes = testDecoder({ layout: 'uncounted' }).get(entryOf({ layout: 'uncounted' })) as Uint8Array;

const edited = addOutputs(bytes, {
  nodes: [
    {
      operator: 'Slice',
      inputs: ['logits', 'proofmark.from', 'proofmark.to', 'proofmark.axis'],
      output: 'proofmark.cut',
    },
    { operator: 'Concat', inputs: ['proofmark.cut', 'proofmark.cut'], output: 'proofmark.twice', axis: 1 },
  ],
  vectors: new Map([
    ['proofmark.from', [-1]],
    ['proofmark.to', [2 ** 31 - 1]],
    ['proofmark.axis', [1]],
  ]),
  outputs: ['proofmark.twice'],
});

describe('outputs that are added to a graph', () => {
  it('leave a file that the scan accepts, with what was there', () => {
    expect(scanOnnx(edited).operators.get('Softmax')).toBe(scanOnnx(bytes).operators.get('Softmax'));
    const [before, after] = [readSignature(bytes), readSignature(edited)];
    expect(after.inputs).toEqual(before.inputs);
    expect(after.outputs.slice(0, -1)).toEqual(before.outputs);
    expect(after.outputs.at(-1)).toEqual({ name: 'proofmark.twice', type: 1, shape: undefined });
  });

  it.each(['all', 'disabled'] as const)('leave every bit of the others as it was: %s', async (optimisation) => {
    const run = async (file: Uint8Array, names: readonly string[]): Promise<Readonly<Record<string, Float32Array>>> => {
      const { session, Tensor } = await openSession(file, { optimisation, threads: 1 });
      const past = Object.fromEntries(
        session.inputNames
          .filter((name) => name.startsWith('past'))
          .map((name) => [
            name,
            new Tensor(
              'float32',
              Float32Array.from({ length: 2 * 5 * 16 }, (_, i) => Math.sin(i)),
              [1, 2, 5, 16],
            ),
          ]),
      );
      const results = await session.run(
        {
          input_ids: new Tensor('int64', BigInt64Array.of(7n, 8n, 9n), [1, 3]),
          attention_mask: new Tensor('int64', new BigInt64Array(8).fill(1n), [1, 8]),
          ...past,
        },
        [...names],
      );
      return Object.fromEntries(names.map((name) => [name, results[name]?.data as Float32Array]));
    };
    const names = ['logits', 'present.0.key', 'present.1.value'];
    const before = await run(bytes, names);
    const after = await run(edited, [...names, 'proofmark.twice']);
    for (const name of names) expect(after[name]).toEqual(before[name]);
    const last = before['logits']?.slice(-512) as Float32Array;
    expect(after['proofmark.twice']).toEqual(Float32Array.from([...last, ...last]));
  });
});
