/** The part of `proofmark/wire` that needs Node: its native crypto, and the sides of the tree that append and prove. */

export { importPoint, nodeSuite, sha256 } from './crypto/node.ts';
export * from './tree/index.ts';
