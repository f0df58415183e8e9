/**
 * RFC 6962 over SHA-256. A leaf hash is SHA-256(0x00 || receipt) and is made where receipts are made. `verify.ts` needs
 * only a Suite and runs in browsers; the other files hash with Node's own crypto.
 */
export { createFrontier, type Frontier } from './frontier.ts';
export { completedNodes, type NodeReader, type TreeNode } from './nodes.ts';
export { consistencyProof, inclusionProof, subtreeProof, treeRoot } from './prove.ts';
export {
  type ConsistencyClaim,
  type InclusionClaim,
  type SubtreeClaim,
  verifyConsistency,
  verifyInclusion,
  verifySubtree,
} from './verify.ts';
