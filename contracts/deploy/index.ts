export { compiledContracts } from '../tools/compiled.ts';
export { type Done, type LocalChain, requireFoundry, startLocalChain } from './local.ts';
export { deploySimulatorPolicy } from './policy.ts';
export { deployExamplePool } from './pool.ts';
export { deployRecomputed } from './recomputed.ts';
