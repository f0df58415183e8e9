import { connect, tensorValues } from 'proofmark/client';
import { modelInputs } from './inputs.ts';
import { readSettings } from './settings.ts';
import { tell } from './tell.ts';

const { url, policy, modelId } = readSettings();
const client = connect(url, { policy });

const inputs = modelInputs(await client.release(modelId));
const result = await client.infer({ modelId, inputs, outputs: 'all', format: 'binary' });

for (const output of result.response.outputs) {
  console.log(`${output.name} [${output.shape.join(', ')}] = ${[...tensorValues(output)].join(', ')}`);
}
tell(result);
