import { clientSuite, connect, nodeTransport, watchLog } from 'proofmark/client';
import { modelInputs } from './inputs.ts';
import { readSettings } from './settings.ts';

const { url, policy, modelId } = readSettings();
const client = connect(url, { policy });
// With a `store` the largest heads outlive this process, and with a `settlement` the chain's own heads are asked for, too.
const watch = watchLog({ host: nodeTransport({ url, timeoutMs: 30_000 }), suite: clientSuite });

const inputs = modelInputs(await client.release(modelId));
for (let call = 0; call < 3; call++) {
  const answer = await client.infer({ modelId, inputs, outputs: 'all', format: 'binary' });
  // An answer proves its place under one head. That all heads are of one history is what the watch is for.
  await watch.see(answer);
  console.log(`leaf ${answer.receipt.index} under a head of ${answer.receipt.head.size} leaves`);
}
// Throws log_forked with evidence that revokes the worker on chain, or log_withheld where the host shows no proof.
await watch.check();
console.log('all heads are of one history, and every answer is still in it');
