// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP } from "../../src/evidence/IEvidenceVerifier.sol";
import { SignedHead } from "../../src/log/TreeHead.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { Revocation, Revocations } from "../../src/registry/Revocations.sol";
import { Registration, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { RegistryWorld } from "./RegistryWorld.sol";

contract RevokeTest is RegistryWorld {
    function revocationBy(uint256 key, bytes32[10] memory words) private view returns (bytes32 r, bytes32 s) {
        bytes32 tag = "proofmark revoke v1";
        uint256 at = uint256(uint160(address(registry)));
        return signed(key, sha256(abi.encodePacked(tag, block.chainid, at, logOf(words))));
    }

    function test_theSignerRevokesItsLogForEver() external {
        bytes32 log = register(honest(AMD_SEV_SNP));
        (bytes32 r, bytes32 s) = revocationBy(KEY, identity());
        vm.warp(NOW + 5);
        vm.expectEmit();
        emit Revocations.WorkerRevoked(log, Revocation.BySigner, uint48(NOW + 5));
        vm.prank(STRANGER);
        registry.revokeBySigner(identity(), r, s);

        vm.assertFalse(registry.isLive(log));
        vm.assertEq(registry.workerOf(log).revokedAt, NOW + 5);
        vm.assertEq(registry.headKeyOf(log).revokedAt, NOW + 5);
        // What was proven stays readable, and so does who is paid for what came before.
        vm.assertEq(registry.operatorOf(log), OPERATOR);

        vm.warp(NOW + 1 days);
        vm.roll(BLOCK + 7200);
        refuses(honest(AMD_SEV_SNP), Revocations.LogRevoked.selector);
        vm.expectRevert(Revocations.LogRevoked.selector);
        registry.revokeBySigner(identity(), r, s);
        vm.assertEq(registry.workerOf(log).revokedAt, NOW + 5);
    }

    function test_aTombstoneMayComeFirst() external {
        (bytes32 r, bytes32 s) = revocationBy(KEY, identity());
        registry.revokeBySigner(identity(), r, s);
        bytes32 log = logOf(identity());
        Worker memory none;
        none.revokedAt = uint48(NOW);
        vm.assertEq(abi.encode(registry.workerOf(log)), abi.encode(none));
        refuses(honest(AMD_SEV_SNP), Revocations.LogRevoked.selector);
        vm.assertFalse(registry.isLive(log));
    }

    /// Another log of the same signer is not touched: everything is kept by log.
    function test_isOfOneLog() external {
        (bytes32 r, bytes32 s) = revocationBy(KEY, identityOf(KEY, STRANGER));
        registry.revokeBySigner(identityOf(KEY, STRANGER), r, s);
        bytes32[10] memory words = identity();
        vm.expectRevert(Revocations.RevocationNotSigned.selector);
        registry.revokeBySigner(words, r, s);
        vm.assertTrue(registry.isLive(register(honest(AMD_SEV_SNP))));
    }

    function test_nobodyElsesSignatureRevokes() external {
        bytes32[10] memory words = identity();
        (bytes32 r, bytes32 s) = revocationBy(OTHER_KEY, words);
        vm.expectRevert(Revocations.RevocationNotSigned.selector);
        registry.revokeBySigner(words, r, s);

        (r, s) = revocationBy(KEY, words);
        vm.expectRevert(Revocations.RevocationNotSigned.selector);
        registry.revokeBySigner(words, r, bytes32(ORDER - uint256(s)));

        // The signer's consent to be registered is no revocation.
        Registration memory sent = honest(AMD_SEV_SNP);
        vm.expectRevert(Revocations.RevocationNotSigned.selector);
        registry.revokeBySigner(words, sent.r, sent.s);
    }

    function test_theOperatorRevokesWithoutTheSigner() external {
        bytes32[10] memory words = identity();
        bytes32 log = register(honest(AMD_SEV_SNP));
        vm.prank(STRANGER);
        vm.expectRevert(Revocations.NotTheOperator.selector);
        registry.revokeByOperator(words);
        vm.expectEmit();
        emit Revocations.WorkerRevoked(log, Revocation.ByOperator, uint48(NOW));
        vm.prank(OPERATOR);
        registry.revokeByOperator(words);
        vm.assertFalse(registry.isLive(log));
    }

    function test_theSettlementOfTheLogRevokes() external {
        bytes32 log = logOf(identity());
        vm.prank(SETTLEMENT);
        vm.expectRevert(Revocations.NotTheSettlement.selector);
        registry.revokeEquivocating(log);
        register(honest(AMD_SEV_SNP));
        vm.prank(STRANGER);
        vm.expectRevert(Revocations.NotTheSettlement.selector);
        registry.revokeEquivocating(log);
        vm.expectEmit();
        emit Revocations.WorkerRevoked(log, Revocation.BySettlement, uint48(NOW));
        vm.prank(SETTLEMENT);
        registry.revokeEquivocating(log);
        // Again, later: the first time stands.
        vm.warp(NOW + 1);
        vm.prank(SETTLEMENT);
        registry.revokeEquivocating(log);
        vm.assertEq(registry.workerOf(log).revokedAt, NOW);
    }

    /// A log that nobody registered names no settlement, and address zero calls nothing.
    function test_noSettlementIsZero() external {
        vm.prank(address(0));
        vm.expectRevert(Revocations.NotTheSettlement.selector);
        registry.revokeEquivocating("nothing");
    }

    function test_identitiesOfElsewhereAreNotRevokedHere() external {
        bytes32[10] memory words = identity();
        words[5] = bytes32(block.chainid + 1);
        vm.prank(OPERATOR);
        vm.expectRevert(Revocations.IdentityOfAnotherChain.selector);
        registry.revokeByOperator(words);
        words = identity();
        words[6] = bytes32(uint256(1));
        vm.prank(OPERATOR);
        vm.expectRevert(Revocations.IdentityOfAnotherRegistry.selector);
        registry.revokeByOperator(words);
    }
}
