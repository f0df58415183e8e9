/**
 * DESIGN sections 4 and 6: what a receipt says of an integer model's input and output in a form that a circuit can say, too,
 * and what a proof's public signals are made of. Everything here is arithmetic on what the caller has; nothing is secret but
 * the salt, and time is not constant.
 */
export { type Committed, commitElements, evaluateElements } from './elements.ts';
export { type CommittedExchange, commitmentOfExchange, tensorsOfExchange } from './exchange.ts';
export { FIELD } from './field.ts';
export { type IntegerForm, integerForm, packTensor, valuesPerElement } from './pack.ts';
export { type ProofStatement, pointOfDigest, pointPreimage } from './point.ts';
export { type PoseidonParameters, poseidon, poseidonParameters } from './poseidon.ts';
export {
  type CommittedAnswer,
  type CommittingRelease,
  commitmentOf,
  isCommitting,
  whyUncommittable,
} from './release.ts';
