import { type ParseAbi, parseAbi } from 'viem';

// What these commands ask of contracts, beside what a host asks. A test holds each line against what the compiler made of
// their sources.
const registry = [
  'struct Registration { bytes32 tee; bytes32[10] identity; bytes evidence; bytes hints; uint256 challengeBlock; bytes32 r; bytes32 s; }',
  'struct HeadKey { bytes32 signerX; bytes32 signerY; address settlement; uint48 expiresAt; uint48 revokedAt; }',
  'function register(Registration registration) returns (bytes32)',
  'function revokeByOperator(bytes32[10] words)',
  'function issueChallenge() returns (bytes32)',
  'function headKeyOf(bytes32 log) view returns (HeadKey)',
  'function operatorOf(bytes32 log) view returns (address)',
  'function isLive(bytes32 log) view returns (bool)',
  'function NITRO() view returns (address)',
  'function SIMULATED() view returns (bool)',
  'function CHALLENGE_BLOCKS() view returns (uint256)',
  'event ChallengeIssued(bytes32 indexed challenge, address indexed operator, uint256 nonce, bytes32 previousBlockHash, uint256 prevrandao, uint256 blockNumber)',
] as const;

export const registryAbi: ParseAbi<typeof registry> = parseAbi(registry);

const settlement = [
  'struct Receipt { bytes32 requestId; bytes32 channel; bytes32 modelId; bytes32 requestHash; bytes32 responseHash; bytes32 commitment; bytes32 execution; uint256 flags; uint256 status; uint256 fee; uint256 cumulativeFee; uint256 deadline; uint256 index; }',
  'struct SignedHead { bytes32 log; uint256 size; bytes32 root; bytes32 r; bytes32 s; }',
  'struct LoggedReceipt { Receipt receipt; bytes32[] path; SignedHead head; }',
  'struct Voucher { bytes32 channel; uint256 maxCumulative; bytes32 r; bytes32 s; }',
  'struct Channel { address payer; address payee; bytes32 sessionX; bytes32 sessionY; uint128 balance; uint48 closesAt; }',
  'function channelOf(bytes32 id) view returns (Channel)',
  'function claimedOf(bytes32 id, bytes32 log) view returns (uint256)',
  'function rootOf(bytes32 log, uint256 size) view returns (bytes32)',
  'function creditOf(address account) view returns (uint256)',
  'function REGISTRY() view returns (address)',
  'function TOKEN() view returns (address)',
  'function CLOSE_DELAY() view returns (uint256)',
  'function postHead(SignedHead head) returns (bool)',
  'function claim(LoggedReceipt logged, Voucher voucher) returns (uint256)',
  'function withdraw(address to, uint256 amount)',
] as const;

export const settlementAbi: ParseAbi<typeof settlement> = parseAbi(settlement);

const policy = [
  'struct HardwareRules { uint8 lines; uint8 reportVersions; uint8 vmpls; bool vlekMayHideChip; bool provisionalFirmware; uint16 minimumAbi; uint32 minimumGuestSvn; uint32 guestSet; uint32 guestClear; uint8 platformSet; uint8 platformClear; bool unknownPlatformBits; uint48 expiresAt; }',
  'struct TcbFloor { bool any; bool anyMicrocode; uint64 minimum; }',
  'struct TcbFloors { TcbFloor reported; TcbFloor committed; TcbFloor launch; }',
  'struct MicrocodeMinima { bool stated; uint8 reported; uint8 committed; uint8 launch; }',
  'struct Proposal { uint48 readyAt; uint48 expiresAt; uint64 revision; }',
  'function REGISTRY() view returns (address)',
  'function SIMULATED() view returns (bool)',
  'function accepts(bytes32 log) view returns (bool)',
  'function acceptsExecution(bytes32 execution) view returns (bool)',
  'function acceptsAny(uint8 subject) view returns (bool)',
  'function hardwareRules() view returns (HardwareRules)',
  'function tcbFloors(uint8 product) view returns (TcbFloors)',
  'function owner() view returns (address)',
  'function DELAY() view returns (uint256)',
  'function isTightening(uint8 kind, bytes content) view returns (bool)',
  'function proposalOf(uint8 kind, bytes content) pure returns (bytes32)',
  'function proposalAt(bytes32 proposal) view returns (Proposal)',
  'function tighten(uint8 kind, bytes content)',
  'function propose(uint8 kind, bytes content) returns (bytes32)',
  'function activate(uint8 kind, bytes content)',
  'function cancel(bytes32 proposal)',
  'event StandingChanged(uint8 indexed subject, bytes32 indexed id, uint8 standing, bytes32 provenance)',
  'event Proposed(bytes32 indexed proposal, uint8 indexed kind, bytes content, uint48 readyAt, uint48 expiresAt)',
] as const;

export const policyAbi: ParseAbi<typeof policy> = parseAbi(policy);

const proved = [
  'function KEY_HASH() view returns (bytes32)',
  'function MODEL_ID() view returns (bytes32)',
  'function PHASE_1() view returns (uint256)',
  'function PHASE_2() view returns (uint256)',
  'function IS_DEV() view returns (bool)',
  'function needsReceipt() view returns (bool)',
] as const;

export const provedAbi: ParseAbi<typeof proved> = parseAbi(proved);

const replayed = [
  'struct Auditor { bytes32 x; bytes32 y; }',
  'function AUDITORS() view returns (uint256)',
  'function NEEDED() view returns (uint256)',
  'function auditorAt(uint256 index) view returns (Auditor)',
] as const;

export const replayedAbi: ParseAbi<typeof replayed> = parseAbi(replayed);
