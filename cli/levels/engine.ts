import { integersToTensor, tensorToIntegers } from '../../wire/message/integers.ts';
import type { Tensor } from '../../wire/message/tensor.ts';
import { CommandError } from '../exit-codes.ts';
import type { IntegerRelease } from '../prove/integer-release.ts';

/** The engine that a worker has, on this machine and without a worker. */
export async function askEngine(
  { manifest }: IntegerRelease,
  directory: string,
  values: readonly bigint[],
): Promise<bigint> {
  const { loadEngine } = await import('../../enclave/worker/model/engine.ts');
  const { findPlainFile, readPlainFile } = await import('../model/plain-file.ts');
  const { limits } = await import('../../wire/limits.ts');
  const { entry, execution, inputs } = manifest;
  const onnx = await readPlainFile(directory, await findPlainFile(directory, entry, limits.modelFileBytes));
  const { optimisation, threads } = execution;
  const engine = await loadEngine(onnx, { optimisation, threads });
  const name = inputs[0]?.name ?? '';
  const row = { decimals: 0, shape: [1, values.length], values };
  const [output] = await engine.run([integersToTensor({ name, datatype: 'UINT8' }, row)], 'all');
  const [answer] = tensorToIntegers(output as Tensor).values;
  if (answer === undefined) throw new CommandError('the engine gave no answer');
  return answer;
}
