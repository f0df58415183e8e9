/**
 * `proofmark/client/proofs`: checks that a proof holds, with no file, clock, network or other program. An entry of its
 * own, because only this one loads the arithmetic of pairings.
 */

export { ProofError, type ProofErrorCode, proofErrorCodes } from './errors.ts';
export { type CircuitSetup, type OpenedKey, openCircuitKey, setupOf } from './key.ts';
export { isProvenResult, type ProvenFacts, type ProvenResult, verifyProof } from './verify.ts';
