export { P384ProofError, type P384ProofErrorCode } from './errors.ts';
export { type P384Signature, p384Statement, proveP384 } from './prove.ts';
