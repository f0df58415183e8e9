import { type ParseAbi, parseAbi } from 'viem';

// What the host asks of the contracts. A test holds each line against what the compiler made of their sources.
const registry = [
  'struct HeadKey { bytes32 signerX; bytes32 signerY; address settlement; uint48 expiresAt; uint48 revokedAt; }',
  'struct Registration { bytes32 tee; bytes32[10] identity; bytes evidence; bytes hints; uint256 challengeBlock; bytes32 r; bytes32 s; }',
  'function headKeyOf(bytes32 log) view returns (HeadKey)',
  'function NITRO() view returns (address)',
  'function LIFETIME() view returns (uint256)',
  'function MAX_SKEW() view returns (uint256)',
  'function register(Registration registration) returns (bytes32)',
] as const;

export const registryAbi: ParseAbi<typeof registry> = parseAbi(registry);

const nitroVerifier = ['function knownCertificates(bytes32[] tbsSha256) view returns (uint256)'] as const;

export const nitroVerifierAbi: ParseAbi<typeof nitroVerifier> = parseAbi(nitroVerifier);

const policy = ['function accepts(bytes32 log) view returns (bool)'] as const;

export const policyAbi: ParseAbi<typeof policy> = parseAbi(policy);

const settlement = [
  'struct Channel { address payer; address payee; bytes32 sessionX; bytes32 sessionY; uint128 balance; uint48 closesAt; }',
  'struct Receipt { bytes32 requestId; bytes32 channel; bytes32 modelId; bytes32 requestHash; bytes32 responseHash; bytes32 commitment; bytes32 execution; uint256 flags; uint256 status; uint256 fee; uint256 cumulativeFee; uint256 deadline; uint256 index; }',
  'struct SignedHead { bytes32 log; uint256 size; bytes32 root; bytes32 r; bytes32 s; }',
  'struct LoggedReceipt { Receipt receipt; bytes32[] path; SignedHead head; }',
  'struct Voucher { bytes32 channel; uint256 maxCumulative; bytes32 r; bytes32 s; }',
  'struct Terms { bytes32 modelId; address policy; address resultVerifier; uint256 unitPrice; uint256 maxFee; uint256 deadline; address callback; uint256 callbackGas; }',
  'struct Escrow { address requester; uint64 deadline; uint8 state; bool needsReceipt; bool undelivered; address policy; uint32 callbackGas; address resultVerifier; address callback; bytes32 modelId; bytes32 inputHash; uint128 unitPrice; uint128 maxFee; bytes32 answer; }',
  'function channelOf(bytes32 id) view returns (Channel)',
  'function claimedOf(bytes32 id, bytes32 log) view returns (uint256)',
  'function rootOf(bytes32 log, uint256 size) view returns (bytes32)',
  'function escrowOf(bytes32 id) view returns (Escrow)',
  'function postHead(SignedHead head) returns (bool)',
  'function claim(LoggedReceipt logged, Voucher voucher) returns (uint256)',
  'function fulfil(bytes32 id, bytes output, LoggedReceipt logged, bytes proof)',
  'event HeadPosted(bytes32 indexed log, uint256 size, bytes32 root)',
  'event EscrowOpened(bytes32 indexed escrow, address indexed requester, bytes32 indexed modelId, uint256 nonce, bool needsReceipt, Terms terms, bytes input)',
] as const;

export const settlementAbi: ParseAbi<typeof settlement> = parseAbi(settlement);

/** Of an escrow that nobody has opened, as far as the asked node knows. */
export const ESCROW_NONE = 0;
/** Of an escrow that waits for its answer. */
export const ESCROW_OPEN = 1;
