import { floatTensor, type Tensor } from 'proofmark/client/web';
import type { ReleaseFacts } from 'proofmark/verifier';

/** Some numbers in the shapes that the model's owner has signed; free dimensions are one. */
export function modelInputs({ manifest }: Pick<ReleaseFacts, 'manifest'>): readonly Tensor[] {
  return manifest.inputs.map(({ name, datatype, shape }) => {
    if (datatype !== 'FP32') throw new Error(`${name} takes ${datatype}, and this example gives FP32`);
    const dimensions = shape.map((dimension) => (typeof dimension === 'number' ? dimension : 1));
    const count = dimensions.reduce((product, dimension) => product * dimension, 1);
    return floatTensor(
      name,
      dimensions,
      Float32Array.from({ length: count }, (_, index) => Math.sin(index) / 100),
    );
  });
}
