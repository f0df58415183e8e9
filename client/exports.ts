/** What `proofmark/client` offers on every platform. */

export { floatTensor, type Tensor, tensorValues } from '../wire/message/tensor.ts';
export {
  type ApprovalStatement,
  type Approvals,
  type AskApprovalsOptions,
  approvalWords,
  askApprovals,
  type GivenApproval,
  type NamedAuditor,
  type RefusedApproval,
} from './approvals/ask.ts';
export type { ArchiveFile, ArchiveSink } from './archive-sink.ts';
export type { Fetch } from './attested-fetch/fetch.ts';
export { type Client, createClient } from './client.ts';
export type { ConnectOptions } from './connect.ts';
export { type ClientAction, ClientError, type ClientErrorCode, clientErrorCodes, StreamLeftError } from './errors.ts';
export type { RetryRule } from './failover.ts';
export type { LanguageStream } from './language/calls.ts';
export type { StreamEvent } from './language/events.ts';
export * from './levels/index.ts';
export {
  type ChannelChain,
  type ChannelOnChain,
  type ChannelStatus,
  type ChannelTerms,
  channelStatus,
  type OpenChannelOptions,
  openChannel,
} from './payment/chain.ts';
export type { PaymentOptions } from './payment/payer.ts';
export { createSessionKey, importSessionKey, type SessionKey, type StoredKey } from './payment/session-key.ts';
export { memoryStore, type PaymentStore, type Tab } from './payment/store.ts';
export { type ReadsChain, type ViemChainOptions, viemChannelChain, type WritesChain } from './payment/viem-chain.ts';
export { discloseTo } from './receipts/disclose.ts';
export type { ModelChoice } from './releases.ts';
export type { MomentSource } from './session.ts';
export {
  memoryStatusStore,
  type StatusRule,
  type StatusRules,
  type StatusSource,
  type StatusStore,
} from './statuses.ts';
export {
  fetchTransport,
  type HostTransport,
  type PostOptions,
  type StreamedReply,
  type TransportOptions,
} from './transport.ts';
export type {
  CallOptions,
  ClientOptions,
  InferCall,
  InferResult,
  LanguageCall,
  LanguageResult,
  Proof,
} from './types.ts';
export type { ContractCall, Equivocation, PostedRoot, SignedHead } from './watch/equivocation.ts';
export type { HeadStore, KeptHead } from './watch/store.ts';
export { type LogWatch, type WatchOptions, watchLog } from './watch/watch.ts';
