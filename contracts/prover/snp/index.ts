export { encodeSnpParts, type SnpParts } from './encoding.ts';
export { SnpProofError, type SnpProofErrorCode } from './errors.ts';
export { proveSnp, type SnpProof } from './prove.ts';
