/**
 * The public surface of `proofmark/wire`: every byte that more than one party signs, hashes or frames. Nothing here
 * needs Node: `webSuite` runs on any WebCrypto, and `proofmark/wire/node` has the native twin.
 */

export * from './bytes.ts';
export { type CborMap, type CborProfile, type CborValue, decodeCbor, encodeCbor, strictCbor } from './codec/cbor.ts';
export * as fields from './codec/fields.ts';
export { createFrameReader, encodeFrame, type Frame, type FrameReader } from './codec/frame.ts';
export { canonicalJson, type JsonValue, parseJson } from './codec/json.ts';
export * from './commitment/index.ts';
export * from './crypto/ecdsa.ts';
export type { Awaitable, Suite } from './crypto/suite.ts';
export { webSuite } from './crypto/web.ts';
export { WireError, type WireErrorCode, type WireErrorPlace } from './errors.ts';
export { limits } from './limits.ts';
export * from './message/anchor.ts';
export * from './message/approval.ts';
export * from './message/archive.ts';
export * from './message/authorisations.ts';
export * from './message/bundle.ts';
export * from './message/channel.ts';
export * from './message/checkpoint.ts';
export * from './message/circuit-key.ts';
export * from './message/configuration.ts';
export * from './message/disclosed.ts';
export * from './message/evidence.ts';
export * from './message/execution.ts';
export * from './message/finding.ts';
export * from './message/finding-record.ts';
export * from './message/hub.ts';
export * from './message/identity.ts';
export * from './message/integers.ts';
export * from './message/language.ts';
export * from './message/link.ts';
export * from './message/manifest.ts';
export * from './message/nsm.ts';
export * from './message/price-list.ts';
export * from './message/proof.ts';
export * from './message/receipt.ts';
export * from './message/registrations.ts';
export * from './message/request.ts';
export * from './message/session.ts';
export * from './message/snp-guest.ts';
export * from './message/tensor.ts';
export * from './noise/index.ts';
export * from './tree/tiles.ts';
export {
  type ConsistencyClaim,
  type InclusionClaim,
  type SubtreeClaim,
  verifyConsistency,
  verifyInclusion,
  verifySubtree,
} from './tree/verify.ts';
export * from './words.ts';
