import { type Engine, loadEngine } from '../../enclave/worker/model/engine.ts';
import { integersToTensor } from '../../wire/message/integers.ts';
import { type Tensor, tensorValues } from '../../wire/message/tensor.ts';
import type { IntegerModel } from './integer-models.ts';

/** The engine that a worker has, asked in integers. */
export interface IntegerEngine {
  /** A row of outputs for each row of inputs. */
  answers(rows: readonly (readonly number[])[]): Promise<readonly (readonly bigint[])[]>;
}

export async function integerEngine({ onnx, inputs, datatype }: IntegerModel): Promise<IntegerEngine> {
  const engine: Engine = await loadEngine(onnx, { optimisation: 'all', threads: 1 });
  const name = engine.info.inputs[0]?.name ?? '';
  return {
    async answers(rows) {
      const values = rows.flat().map(BigInt);
      const input = integersToTensor({ name, datatype }, { decimals: 0, shape: [rows.length, inputs], values });
      const [output] = await engine.run([input], 'all');
      const all = (tensorValues(output as Tensor) as (number | bigint)[]).map(BigInt);
      const width = all.length / rows.length;
      return rows.map((_, row) => all.slice(row * width, (row + 1) * width));
    },
  };
}
