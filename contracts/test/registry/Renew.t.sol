// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, AWS_NITRO, Evidence } from "../../src/evidence/IEvidenceVerifier.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { Registration, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { RegistryWorld } from "./RegistryWorld.sol";

contract RenewTest is RegistryWorld {
    function later(uint256 time, uint256 blocks) private {
        vm.warp(block.timestamp + time);
        vm.roll(block.number + blocks);
    }

    function test_extendsAndKeepsTheNewFacts() external {
        bytes32 log = register(honest(AMD_SEV_SNP));
        later(6 hours, 1800);
        Registration memory again = honest(AMD_SEV_SNP);
        Evidence memory proven = abi.decode(again.evidence, (Evidence));
        proven.snp.currentTcb += 1;
        proven.platformId = "";
        proven.certificates = new bytes32[](4);
        proven.certificates[3] = "a new leaf";
        again.evidence = abi.encode(proven);

        vm.assertEq(register(again), log);
        Worker memory worker = registry.workerOf(log);
        vm.assertEq(worker.registeredAt, NOW);
        vm.assertEq(worker.expiresAt, NOW + 6 hours + LIFETIME);
        vm.assertEq(abi.encode(worker.snp), abi.encode(proven.snp));
        vm.assertEq(abi.encode(worker.certificates), abi.encode(proven.certificates));
        vm.assertEq(worker.platformId, 0);
        vm.assertEq(worker.operator, OPERATOR);
        vm.assertEq(registry.headKeyOf(log).settlement, SETTLEMENT);
    }

    function test_saysSoInAnEvent() external {
        bytes32 log = register(honest(AWS_NITRO));
        later(1 hours, 300);
        Registration memory again = honest(AWS_NITRO);
        uint256 before = vm.snapshotState();
        register(again);
        Worker memory worker = registry.workerOf(log);
        vm.assertTrue(vm.revertToState(before));
        vm.expectEmit();
        emit WorkerRegistry.WorkerRenewed(log, worker, block.number - 1);
        register(again);
    }

    /// The enclave is still the one that made the key, so its log goes on.
    function test_isPossibleAfterExpiry() external {
        bytes32 log = register(honest(AWS_NITRO));
        later(LIFETIME + 1 days, 14_400);
        vm.assertFalse(registry.isLive(log));
        register(honest(AWS_NITRO));
        vm.assertTrue(registry.isLive(log));
    }

    function test_takesNoChallengeTwice() external {
        Registration memory first = honest(AMD_SEV_SNP);
        register(first);
        refuses(first, WorkerRegistry.ChallengeUsedBefore.selector);
        later(12, 1);
        refuses(first, WorkerRegistry.ChallengeUsedBefore.selector);

        // An older one that no registration has named is no newer evidence either.
        bytes32[10] memory words = identity();
        bytes32 challenge = registry.blockChallenge(OPERATOR, BLOCK - 2);
        Evidence memory proven = proofOf(AMD_SEV_SNP, words, challenge);
        refuses(request(proven, words, BLOCK - 2, KEY), WorkerRegistry.ChallengeUsedBefore.selector);
        register(honest(AMD_SEV_SNP));
    }

    function test_onlyExtends() external {
        bytes32 log = register(honest(AWS_NITRO));
        later(12, 1);
        Registration memory again = honest(AWS_NITRO);
        Evidence memory proven = abi.decode(again.evidence, (Evidence));
        uint64 dated = uint64(registry.workerOf(log).expiresAt - LIFETIME);
        for (uint64 i = 0; i < 2; i++) {
            proven.issuedAt = dated - i;
            again.evidence = abi.encode(proven);
            refuses(again, WorkerRegistry.RenewalExtendsNothing.selector);
        }
        proven.issuedAt = dated + 1;
        again.evidence = abi.encode(proven);
        register(again);
        vm.assertEq(registry.workerOf(log).expiresAt, dated + 1 + LIFETIME);
    }

    function test_noEnclaveBecomesAnother() external {
        register(honest(AMD_SEV_SNP));
        later(1 hours, 300);
        Registration memory again = honest(AMD_SEV_SNP);
        Evidence memory proven = abi.decode(again.evidence, (Evidence));
        proven.image = "another image";
        again.evidence = abi.encode(proven);
        refuses(again, WorkerRegistry.RenewalOfAnotherImage.selector);
        refuses(honest(AWS_NITRO), WorkerRegistry.RenewalOfAnotherImage.selector);
    }
}
