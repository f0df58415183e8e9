// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

bytes32 constant BLOCK_CHALLENGE_TAG = "proofmark challenge v1";
bytes32 constant ISSUED_CHALLENGE_TAG = "proofmark issued v1";

/**
 * What evidence has to answer so that it is known to be new (DESIGN section 3). Both kinds name chain, registry and
 * operator: evidence that answers one is of no use to anybody else.
 *
 * The first is the hash of a recent block, which nobody knew before that block and which costs no transaction. It dates
 * evidence only where BLOCKHASH is the hash of the block that `block.number` counts. Chains exist where it is not: on
 * some `block.number` counts another chain's blocks and hashes are made up. A registry for such a chain is deployed with
 * zero CHALLENGE_BLOCKS, and the second kind is left: one that this contract drew for the operator and keeps the time of.
 */
abstract contract Challenges {
    /// A block challenge names one of so many blocks before the present one; none where this is zero.
    uint256 public immutable CHALLENGE_BLOCKS;

    uint256 public constant ISSUED_LIFETIME = 10 minutes;

    /// EIP-2935: the hashes of the last 8,191 blocks, by a call with the number.
    address internal constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;
    uint256 internal constant HISTORY_BLOCKS = 8191;

    struct Issued {
        address operator;
        uint48 time;
        uint48 blockNumber;
    }

    uint256 private nonce;
    mapping(bytes32 challenge => Issued) private issued;

    /// Everything that the challenge is the hash of, besides tag, chain and registry.
    event ChallengeIssued(
        bytes32 indexed challenge,
        address indexed operator,
        uint256 nonce,
        bytes32 previousBlockHash,
        uint256 prevrandao,
        uint256 blockNumber
    );

    event ChallengeUsed(bytes32 indexed challenge);

    error ChallengeWindowTooLong();
    error ChallengeBlockNotRecent();
    error BlockHashUnavailable();
    error NothingToDrawFrom();
    error ChallengeNotIssued();
    error ChallengeOfAnotherOperator();
    error ChallengeExpired();

    constructor(uint256 challengeBlocks) {
        if (challengeBlocks > HISTORY_BLOCKS) revert ChallengeWindowTooLong();
        CHALLENGE_BLOCKS = challengeBlocks;
    }

    /// What evidence has to answer when its registration names this block, by this chain's own idea of its blocks.
    function blockChallenge(address operator, uint256 blockNumber) public view returns (bytes32) {
        if (blockNumber >= block.number || block.number - blockNumber > CHALLENGE_BLOCKS) {
            revert ChallengeBlockNotRecent();
        }
        bytes32 hash = hashOf(blockNumber);
        if (hash == 0) revert BlockHashUnavailable();
        return sha256(abi.encode(BLOCK_CHALLENGE_TAG, block.chainid, address(this), operator, blockNumber, hash));
    }

    /// For whoever calls, once, for ten minutes.
    function issueChallenge() external returns (bytes32 challenge) {
        bytes32 previous = blockhash(block.number - 1);
        // Chains without a random value have a small constant in its place. With neither, anybody could have computed
        // the challenge long ago.
        if (previous == 0 && block.prevrandao <= type(uint64).max) revert NothingToDrawFrom();
        uint256 drawn = nonce++;
        challenge = sha256(
            abi.encode(
                ISSUED_CHALLENGE_TAG, block.chainid, address(this), msg.sender, drawn, previous, block.prevrandao
            )
        );
        issued[challenge] = Issued(msg.sender, uint48(block.timestamp), uint48(block.number));
        emit ChallengeIssued(challenge, msg.sender, drawn, previous, block.prevrandao, block.number);
    }

    /// All zero where the challenge was never issued, or has been used.
    function issuedChallenge(bytes32 challenge) external view returns (Issued memory) {
        return issued[challenge];
    }

    /// @return record when it was issued; it is not there any more
    function useIssued(bytes32 challenge) internal returns (Issued memory record) {
        record = issued[challenge];
        if (record.operator == address(0)) revert ChallengeNotIssued();
        if (record.operator != msg.sender) revert ChallengeOfAnotherOperator();
        if (block.timestamp > record.time + ISSUED_LIFETIME) revert ChallengeExpired();
        delete issued[challenge];
        emit ChallengeUsed(challenge);
    }

    /// Zero where the chain does not say.
    function hashOf(uint256 blockNumber) private view returns (bytes32) {
        if (block.number - blockNumber <= 256) return blockhash(blockNumber);
        // A chain may keep hashes by other numbers than those of BLOCKHASH; then one of these is of another block.
        bytes32 previous = blockhash(block.number - 1);
        if (previous == 0 || remembered(block.number - 1) != previous) return 0;
        return remembered(blockNumber);
    }

    function remembered(uint256 blockNumber) private view returns (bytes32) {
        // A call to an address without code succeeds.
        if (HISTORY.code.length == 0) return 0;
        (bool answered, bytes memory answer) = HISTORY.staticcall(abi.encode(blockNumber));
        return answered && answer.length == 32 ? abi.decode(answer, (bytes32)) : bytes32(0);
    }
}
