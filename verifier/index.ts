/** The public surface of `proofmark/verifier`: evidence in, proven facts out. */

export { type Anchor, anchors, type NitroAnchor } from './anchors.ts';
export type { SnpAnchor } from './anchors-amd.ts';
export {
  type ArchiveFacts,
  type ArchiveOptions,
  type ArchiveVerdict,
  type DatedArchiveFacts,
  type LiveArchiveFacts,
  type Purpose,
  parseUnverifiedArchive,
  type Undetermined,
  verifyArchive,
} from './archive/verify.ts';
export { type ChainCache, createChainCache } from './cache/chain-cache.ts';
export type { ParsedNitroDocument } from './codec/nitro-document.ts';
export { type PemContents, parsePem } from './codec/pem.ts';
export type { SnpProduct } from './codec/snp-product.ts';
export type { ParsedSnpReport, SnpCpu, SnpFirmware, SnpReportVersion } from './codec/snp-report.ts';
export { parseSnpCertificateTable, type SnpCertificateTable } from './codec/snp-table.ts';
export type { SnpTcb } from './codec/snp-tcb.ts';
export {
  codeMeanings,
  type MalformedCode,
  type MisuseCode,
  type Place,
  type RefusedCode,
  type UntrustedCode,
  type VerifierCode,
  VerifierError,
} from './errors.ts';
export type { CertificateSummary, NitroFacts, NitroOptions } from './nitro/facts.ts';
export { parseUnverifiedNitroDocument, type UnverifiedNitroDocument, verifyNitroDocument } from './nitro/verify.ts';
export { type NitroImage, type NitroPolicy, type NitroPolicyRules, parsePolicy } from './policy/policy.ts';
export type { AnchorRules, PolicyChain } from './policy/readers.ts';
export {
  type BitRule,
  type MicrocodeFloor,
  parseSnpPolicy,
  type SnpPolicy,
  type SnpPolicyRules,
  type SnpSigner,
  type TcbFloor,
  type TcbFloors,
  type TurinTcbFloor,
} from './policy/snp-policy.ts';
export { parseWorkerPolicy, type WorkerPolicy } from './policy/worker-policy.ts';
export type {
  ExpectedRequest,
  ExpectedResponse,
  ReceiptExpectation,
  ReceiptFacts,
  ReceiptOptions,
} from './receipt/facts.ts';
export { verifyReceipt } from './receipt/verify.ts';
export { type SeenStatus, type StatusFacts, type StatusOptions, verifyStatus } from './release/status.ts';
export { type ReleaseFacts, type ReleaseOptions, verifyRelease } from './release/verify.ts';
export {
  type Check,
  type CheckOutcome,
  isVerified,
  type NotProven,
  requireAccepted,
  type Verdict,
  type Verified,
} from './result.ts';
export type { SnpEvidence, SnpFacts, SnpOptions, SnpTcbs } from './snp/facts.ts';
export { parseUnverifiedSnpReport, type UnverifiedSnpReport, verifySnpReport } from './snp/verify.ts';
export type { NitroWorkerFacts, SnpWorkerFacts, WorkerFacts, WorkerOptions } from './worker/facts.ts';
export { verifyWorker } from './worker/verify.ts';
