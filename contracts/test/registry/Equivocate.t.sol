// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP } from "../../src/evidence/IEvidenceVerifier.sol";
import { SignedHead } from "../../src/log/TreeHead.sol";
import { NodeProof, Revocation, Revocations } from "../../src/registry/Revocations.sol";
import { RegistryWorld } from "./RegistryWorld.sol";
import { Trees } from "./Trees.sol";

contract EquivocateTest is RegistryWorld {
    uint256 private constant MOST = 40;

    /// Leaves of a log up to `size`; from `fork` on another `branch` of it.
    function leaves(uint256 seed, uint256 size, uint256 fork, uint256 branch)
        private
        pure
        returns (bytes32[] memory l)
    {
        l = new bytes32[](size);
        for (uint256 i = 0; i < size; i++) {
            l[i] = keccak256(abi.encode(seed, i, i < fork ? 0 : branch));
        }
    }

    function headOver(bytes32[] memory tree) private view returns (SignedHead memory) {
        return headOf(logOf(identity()), tree.length, Trees.root(tree, 0, tree.length));
    }

    function proofIn(bytes32[] memory tree, uint256 level, uint256 index) private pure returns (NodeProof memory) {
        return NodeProof(Trees.node(tree, level, index), Trees.path(tree, level, index));
    }

    /// Any two heads that no one log can have: whatever their sizes, and wherever they part.
    function testFuzz_twoHistoriesAreAlwaysProvable(uint256 seed, uint256 one, uint256 other, uint256 fork) external {
        bytes32[] memory first = leaves(seed, bound(one, 1, MOST), bound(fork, 0, MOST), 1);
        bytes32[] memory second = leaves(seed, bound(other, 1, MOST), bound(fork, 0, MOST), 2);
        uint256 shorter = first.length < second.length ? first.length : second.length;
        // They part within the shorter one, or they would be no conflict.
        fork = bound(fork, 0, shorter - 1);
        first = leaves(seed, first.length, fork, 1);
        second = leaves(seed, second.length, fork, 2);
        SignedHead memory a = headOver(first);
        SignedHead memory b = headOver(second);
        if (first.length == second.length) {
            registry.revokeTwoRoots(identity(), a, b);
        } else {
            (uint256 level, uint256 index) = Trees.difference(first, second, shorter);
            registry.revokeTwoHistories(
                identity(), [a, b], level, index, [proofIn(first, level, index), proofIn(second, level, index)]
            );
        }
        vm.assertEq(registry.workerOf(logOf(identity())).revokedAt, NOW);
    }

    /// One log at two sizes: every complete node has one hash in both, and any other claim fails.
    function testFuzz_aLogThatOnlyGrewIsNeverRevoked(uint256 seed, uint256 one, uint256 other, uint256 at, bytes32 lie)
        external
    {
        bytes32[] memory second = leaves(seed, bound(other, 1, MOST), MOST, 1);
        bytes32[] memory first = leaves(seed, bound(one, 1, second.length), MOST, 1);
        (uint256 level, uint256 index) = Trees.pick(first.length, at);
        SignedHead[2] memory heads = [headOver(first), headOver(second)];
        NodeProof[2] memory proofs = [proofIn(first, level, index), proofIn(second, level, index)];
        vm.assertEq(proofs[0].hash, proofs[1].hash);
        refusesHistories(heads, level, index, proofs, Revocations.NoConflict.selector);

        uint256 wrong = at & 1;
        proofs[wrong].hash = lie;
        refusesHistories(heads, level, index, proofs, Revocations.NodeNotProven.selector);
        // Nor with a path that is not the one of that size.
        proofs[wrong] = proofIn(wrong == 0 ? second : first, level, index);
        proofs[wrong].hash = lie;
        refusesHistories(heads, level, index, proofs, Revocations.NodeNotProven.selector);
        // A neighbour is another node.
        if (index > 0) {
            proofs = [proofIn(first, level, index), proofIn(second, level, index - 1)];
            refusesHistories(heads, level, index, proofs, Revocations.NodeNotProven.selector);
        }
        if (first.length != second.length) {
            vm.expectRevert(Revocations.NoConflict.selector);
            registry.revokeTwoRoots(identity(), heads[0], heads[1]);
        }
    }

    function refusesHistories(
        SignedHead[2] memory heads,
        uint256 level,
        uint256 index,
        NodeProof[2] memory proofs,
        bytes4 why
    ) private {
        bytes32[10] memory words = identity();
        vm.expectRevert(why);
        registry.revokeTwoHistories(words, heads, level, index, proofs);
    }

    function test_saysWhatWasProven() external {
        bytes32 log = register(honest(AMD_SEV_SNP));
        bytes32[] memory first = leaves(1, 5, 4, 1);
        bytes32[] memory second = leaves(1, 7, 4, 2);
        uint256 before = vm.snapshotState();
        SignedHead[2] memory heads = [headOver(first), headOver(second)];
        NodeProof[2] memory proofs = [proofIn(first, 0, 4), proofIn(second, 0, 4)];
        bytes32[10] memory words = identity();
        vm.expectEmit();
        emit Revocations.WorkerRevoked(log, Revocation.TwoHistories, uint48(NOW));
        registry.revokeTwoHistories(words, heads, 0, 4, proofs);
        vm.assertFalse(registry.isLive(log));
        vm.assertTrue(vm.revertToState(before));

        heads[1] = headOver(leaves(1, 5, 4, 2));
        vm.expectEmit();
        emit Revocations.WorkerRevoked(log, Revocation.TwoRoots, uint48(NOW));
        registry.revokeTwoRoots(words, heads[0], heads[1]);
        vm.assertFalse(registry.isLive(log));
    }

    function test_onlyWhatTheWorkerSignedCounts() external {
        register(honest(AMD_SEV_SNP));
        bytes32[10] memory words = identity();
        bytes32 log = logOf(words);
        SignedHead memory one = headOf(log, 5, "one root");
        SignedHead[5] memory others;
        SignedHead memory unsigned = SignedHead(log, 5, "another", 0, 0);
        others[0] = headFor(OTHER_KEY, block.chainid, SETTLEMENT, copy(unsigned));
        others[1] = headFor(KEY, block.chainid + 1, SETTLEMENT, copy(unsigned));
        others[2] = headFor(KEY, block.chainid, STRANGER, copy(unsigned));
        others[3] = headFor(KEY, block.chainid, SETTLEMENT, copy(unsigned));
        others[3].s = bytes32(ORDER - uint256(others[3].s));
        others[4] = headFor(KEY, block.chainid, SETTLEMENT, copy(unsigned));
        others[4].root = "a third";
        for (uint256 i = 0; i < 5; i++) {
            vm.expectRevert(Revocations.HeadNotSigned.selector);
            registry.revokeTwoRoots(words, one, others[i]);
            vm.expectRevert(Revocations.HeadNotSigned.selector);
            registry.revokeTwoRoots(words, others[i], one);
        }
        SignedHead memory foreign = headOf("another log", 5, "another");
        vm.expectRevert(Revocations.HeadOfAnotherLog.selector);
        registry.revokeTwoRoots(words, one, foreign);
        vm.expectRevert(Revocations.NoConflict.selector);
        registry.revokeTwoRoots(words, one, one);
        registry.revokeTwoRoots(words, one, headOf(log, 5, "another"));
    }

    function copy(SignedHead memory head) private pure returns (SignedHead memory) {
        return SignedHead(head.log, head.size, head.root, head.r, head.s);
    }

    function test_aTreeWithoutLeavesHasOneRoot() external {
        bytes32[10] memory words = identity();
        SignedHead memory empty = headOf(logOf(words), 0, sha256(""));
        vm.expectRevert(Revocations.NoConflict.selector);
        registry.revokeRootOfNothing(words, empty);
        SignedHead memory one = headOf(logOf(words), 1, "root");
        vm.expectRevert(Revocations.NoConflict.selector);
        registry.revokeRootOfNothing(words, one);
        SignedHead memory forged = headFor(OTHER_KEY, block.chainid, SETTLEMENT, SignedHead(logOf(words), 0, 0, 0, 0));
        vm.expectRevert(Revocations.HeadNotSigned.selector);
        registry.revokeRootOfNothing(words, forged);
        registry.revokeRootOfNothing(words, headOf(logOf(words), 0, "a root of nothing"));
        vm.assertEq(registry.workerOf(logOf(words)).revokedAt, NOW);
    }

    /// Against sizes and places that no tree has: they fail, and overflow into nothing.
    function testFuzz_placesOutsideATree(uint256 level, uint256 index) external {
        bytes32[] memory tree = leaves(1, 6, 6, 1);
        vm.assume(level > 2 || index > 5);
        SignedHead[2] memory heads = [headOver(tree), headOver(leaves(1, 7, 7, 1))];
        NodeProof[2] memory proofs;
        proofs[0].hash = "something";
        refusesHistories(heads, level, index, proofs, Revocations.NodeNotProven.selector);
    }
}
