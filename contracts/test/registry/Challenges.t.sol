// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, AWS_NITRO } from "../../src/evidence/IEvidenceVerifier.sol";
import { Challenges } from "../../src/registry/Challenges.sol";
import { Registration, RegistrySettings, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { RegistryWorld } from "./RegistryWorld.sol";

contract ChallengesTest is RegistryWorld {
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// EIP-2935, word for word.
    bytes private constant HISTORY_CODE =
        hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500";

    function withWindow(uint256 blocks) private {
        RegistrySettings memory chosen = settings();
        chosen.challengeBlocks = blocks;
        registry = deployed(chosen);
    }

    function remember(uint256 number, bytes32 hash) private {
        vm.store(HISTORY, bytes32(number % 8191), hash);
    }

    function expected(uint256 number, bytes32 hash) private view returns (bytes32) {
        return sha256(
            abi.encodePacked(
                bytes32("proofmark challenge v1"),
                block.chainid,
                uint256(uint160(address(registry))),
                uint256(uint160(OPERATOR)),
                number,
                hash
            )
        );
    }

    function refusesBlock(uint256 number, bytes4 why) private {
        vm.expectRevert(why);
        registry.blockChallenge(OPERATOR, number);
    }

    function test_namesABlockOfTheWindow() external {
        vm.setBlockhash(BLOCK - 1, "newest");
        vm.setBlockhash(BLOCK - CHALLENGE_BLOCKS, "oldest");
        vm.assertEq(registry.blockChallenge(OPERATOR, BLOCK - 1), expected(BLOCK - 1, "newest"));
        uint256 oldest = BLOCK - CHALLENGE_BLOCKS;
        vm.assertEq(registry.blockChallenge(OPERATOR, oldest), expected(oldest, "oldest"));
        bytes4 why = Challenges.ChallengeBlockNotRecent.selector;
        refusesBlock(oldest - 1, why);
        refusesBlock(BLOCK, why);
        refusesBlock(BLOCK + 1, why);
        refusesBlock(type(uint256).max, why);
    }

    function test_aZeroHashIsNoHash() external {
        vm.setBlockhash(BLOCK - 1, 0);
        refusesBlock(BLOCK - 1, Challenges.BlockHashUnavailable.selector);
    }

    function test_withoutEip2935TheWindowEndsWithBlockhash() external {
        withWindow(8191);
        vm.assertEq(HISTORY.code.length, 0);
        registry.blockChallenge(OPERATOR, BLOCK - 256);
        refusesBlock(BLOCK - 257, Challenges.BlockHashUnavailable.selector);
    }

    function test_eip2935GoesFurtherBack() external {
        withWindow(8191);
        vm.etch(HISTORY, HISTORY_CODE);
        vm.setBlockhash(BLOCK - 1, "newest");
        remember(BLOCK - 1, "newest");
        remember(BLOCK - 257, "older");
        remember(BLOCK - 8191, "oldest");
        vm.assertEq(registry.blockChallenge(OPERATOR, BLOCK - 257), expected(BLOCK - 257, "older"));
        vm.assertEq(registry.blockChallenge(OPERATOR, BLOCK - 8191), expected(BLOCK - 8191, "oldest"));
        refusesBlock(BLOCK - 8192, Challenges.ChallengeBlockNotRecent.selector);
        // Its ring has a place for every block and a hash only for those it saw.
        refusesBlock(BLOCK - 258, Challenges.BlockHashUnavailable.selector);
    }

    /// Some chains number the blocks of BLOCKHASH by another chain's and those of EIP-2935 by their own.
    function test_hashesThatDisagreeAreNotMixed() external {
        withWindow(8191);
        vm.etch(HISTORY, HISTORY_CODE);
        vm.setBlockhash(BLOCK - 1, "of one numbering");
        remember(BLOCK - 1, "of another");
        remember(BLOCK - 300, "of a block of long ago");
        refusesBlock(BLOCK - 300, Challenges.BlockHashUnavailable.selector);
        // Nor where one of them has no hash of the previous block, or both have none.
        vm.setBlockhash(BLOCK - 1, 0);
        refusesBlock(BLOCK - 300, Challenges.BlockHashUnavailable.selector);
        remember(BLOCK - 1, 0);
        refusesBlock(BLOCK - 300, Challenges.BlockHashUnavailable.selector);
        // Whatever answers wrongly is no history.
        vm.etch(HISTORY, hex"5f5ff3");
        refusesBlock(BLOCK - 300, Challenges.BlockHashUnavailable.selector);
        vm.etch(HISTORY, hex"fe");
        refusesBlock(BLOCK - 300, Challenges.BlockHashUnavailable.selector);
    }

    function test_withoutAWindowOnlyIssuedChallengesCount() external {
        withWindow(0);
        refusesBlock(BLOCK - 1, Challenges.ChallengeBlockNotRecent.selector);
        registerIssued(issue(), OPERATOR, 0);
    }

    /// As on Arbitrum: many blocks while `block.number`, another chain's, stands still; hashes made up; no randomness.
    function test_chainsWithAnotherChainsBlockNumbers() external {
        withWindow(0);
        vm.prevrandao(bytes32(uint256(1)));
        vm.setBlockhash(BLOCK - 1, "made up");
        bytes32 first = issue();
        bytes32 second = issue();
        vm.assertTrue(first != second);
        vm.warp(NOW + 599);
        registerIssued(first, OPERATOR, 0);
        // With neither a hash nor a random value everybody knows every challenge of the future.
        vm.setBlockhash(BLOCK - 1, 0);
        vm.expectRevert(Challenges.NothingToDrawFrom.selector);
        registry.issueChallenge();
        vm.prevrandao(bytes32(uint256(2_500_000_000_000_000)));
        vm.expectRevert(Challenges.NothingToDrawFrom.selector);
        registry.issueChallenge();
        vm.prevrandao(keccak256("random"));
        issue();
    }

    /// The deployment for such a chain may leave block challenges on; a hash that is there counts, a zero one does not.
    function test_blockChallengesWhileBlockNumbersStandStill() external {
        vm.setBlockhash(BLOCK - 1, "made up");
        bytes32 log = register(honest(AMD_SEV_SNP));
        vm.warp(NOW + 60);
        refuses(honest(AMD_SEV_SNP), WorkerRegistry.ChallengeUsedBefore.selector);
        vm.roll(BLOCK + 1);
        vm.setBlockhash(BLOCK, 0);
        refusesBlock(BLOCK, Challenges.BlockHashUnavailable.selector);
        vm.setBlockhash(BLOCK, "made up as well");
        register(honest(AMD_SEV_SNP));
        vm.assertTrue(registry.isLive(log));
    }

    function test_blocksOfTwoSeconds() external {
        uint256 number = BLOCK - 1;
        bytes32 challenge = registry.blockChallenge(OPERATOR, number);
        // Two hundred blocks are 400 seconds there: a challenge of that age still counts, one block later it does not.
        vm.warp(NOW + 2 * (CHALLENGE_BLOCKS - 1));
        vm.roll(BLOCK + CHALLENGE_BLOCKS - 1);
        bytes32[10] memory words = identity();
        uint256 before = vm.snapshotState();
        register(request(proofOf(AWS_NITRO, words, challenge), words, number, KEY));
        vm.assertTrue(vm.revertToState(before));
        vm.roll(BLOCK + CHALLENGE_BLOCKS);
        refuses(
            request(proofOf(AWS_NITRO, words, challenge), words, number, KEY),
            Challenges.ChallengeBlockNotRecent.selector
        );
    }

    /// After a reorganisation the block of that number has another hash, and evidence for the first one answers nothing.
    function test_aReorganisedBlockIsAnotherChallenge() external {
        bytes32[10] memory words = identity();
        bytes32 challenge = registry.blockChallenge(OPERATOR, BLOCK - 1);
        vm.setBlockhash(BLOCK - 1, "of the other branch");
        refuses(
            request(proofOf(AWS_NITRO, words, challenge), words, BLOCK - 1, KEY),
            WorkerRegistry.EvidenceOfAnotherChallenge.selector
        );
    }

    function test_anIssuedChallengeCountsOnceForItsOperatorForTenMinutes() external {
        bytes32 challenge = issue();
        bytes32[10] memory words = identityOf(KEY, STRANGER);
        Registration memory sent = request(proofOf(AMD_SEV_SNP, words, challenge), words, 0, KEY);
        vm.prank(STRANGER);
        vm.expectRevert(Challenges.ChallengeOfAnotherOperator.selector);
        registry.register(sent);

        words = identity();
        vm.warp(NOW + 10 minutes + 1);
        refuses(request(proofOf(AMD_SEV_SNP, words, challenge), words, 0, KEY), Challenges.ChallengeExpired.selector);
        vm.warp(NOW + 10 minutes);
        registerIssued(challenge, OPERATOR, 0);
        refuses(request(proofOf(AMD_SEV_SNP, words, challenge), words, 0, KEY), Challenges.ChallengeNotIssued.selector);
        refuses(request(proofOf(AMD_SEV_SNP, words, "made up"), words, 0, KEY), Challenges.ChallengeNotIssued.selector);
    }

    /// Another log of the same operator cannot have it either.
    function test_anIssuedChallengeIsGoneForEveryLog() external {
        bytes32 challenge = issue();
        registerIssued(challenge, OPERATOR, 0);
        bytes32[10] memory words = identityOf(OTHER_KEY, OPERATOR);
        refuses(
            request(proofOf(AMD_SEV_SNP, words, challenge), words, 0, OTHER_KEY), Challenges.ChallengeNotIssued.selector
        );
    }

    function test_afterAnIssuedChallengeBlocksAreLaterOnes() external {
        bytes32 challenge = issue();
        registerIssued(challenge, OPERATOR, 0);
        vm.warp(NOW + 12);
        refuses(honest(AMD_SEV_SNP), WorkerRegistry.ChallengeUsedBefore.selector);
        vm.roll(BLOCK + 2);
        register(honest(AMD_SEV_SNP));
    }

    function test_issuedChallengesAreHashesOfWhatTheirEventSays() external {
        vm.prevrandao(keccak256("random"));
        vm.setBlockhash(BLOCK - 1, "newest");
        for (uint256 nonce = 0; nonce < 3; nonce++) {
            bytes32 challenge = sha256(
                abi.encodePacked(
                    bytes32("proofmark issued v1"),
                    block.chainid,
                    uint256(uint160(address(registry))),
                    uint256(uint160(OPERATOR)),
                    nonce,
                    bytes32("newest"),
                    keccak256("random")
                )
            );
            vm.expectEmit();
            emit Challenges.ChallengeIssued(challenge, OPERATOR, nonce, "newest", uint256(keccak256("random")), BLOCK);
            vm.assertEq(issue(), challenge);
            vm.assertEq(registry.issuedChallenge(challenge).operator, OPERATOR);
            vm.assertEq(registry.issuedChallenge(challenge).time, NOW);
        }
    }

    function issue() private returns (bytes32) {
        vm.prank(OPERATOR);
        return registry.issueChallenge();
    }

    function registerIssued(bytes32 challenge, address operator, uint256 number) private {
        bytes32[10] memory words = identityOf(KEY, operator);
        Registration memory sent = request(proofOf(AMD_SEV_SNP, words, challenge), words, number, KEY);
        vm.expectEmit();
        emit Challenges.ChallengeUsed(challenge);
        register(sent);
        vm.assertEq(registry.issuedChallenge(challenge).operator, address(0));
    }
}
