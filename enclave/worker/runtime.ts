import type { Runtime } from '../../wire/message/execution.ts';

/**
 * The engine that is bundled with this program, as it will be attested before any model is loaded. Each model process
 * reports what it really runs; a difference refuses the model. One thread: results repeat, and spinning threads cost
 * more than they give on small machines.
 */
export const runtime: Runtime = {
  engine: 'onnxruntime',
  version: '1.30.0',
  provider: 'cpu',
  optimisation: 'all',
  threads: 1,
};
