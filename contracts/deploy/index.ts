export { compiledContracts } from '../tools/compiled.ts';
export { receiptEscrow } from './escrow.ts';
export { type Done, type LocalChain, requireFoundry, startLocalChain } from './local.ts';
export { deploySimulatorPolicy } from './policy.ts';
export { deployExamplePool } from './pool.ts';
export { deployProved, deployProvedWithReceipt } from './proved.ts';
export { deployRecomputed } from './recomputed.ts';
export { type Attempt, refusalOf, sentAttempt } from './refusal.ts';
export { deployReplayed, encodeApprovals, type SignedApproval } from './replayed.ts';
