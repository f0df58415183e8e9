// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { UnknownCode } from "../../src/chain/KnownCode.sol";
import { AMD_SEV_SNP, AWS_NITRO, Evidence, IEvidenceVerifier } from "../../src/evidence/IEvidenceVerifier.sol";
import { Challenges } from "../../src/registry/Challenges.sol";
import { HeadKey, Worker } from "../../src/registry/IWorkerRegistry.sol";
import { Registration, RegistrySettings, WorkerRegistry } from "../../src/registry/WorkerRegistry.sol";
import { RegistryWorld } from "./RegistryWorld.sol";
import { StubEvidenceVerifier } from "./StubEvidenceVerifier.sol";

contract RegisterTest is RegistryWorld {
    function test_keepsEverythingThatWasProven() external {
        for (uint256 i = 0; i < 2; i++) {
            uint256 before = vm.snapshotState();
            bytes32 tee = tees()[i];
            Registration memory made = honest(tee);
            Evidence memory proven = abi.decode(made.evidence, (Evidence));
            bytes32 log = register(made);

            vm.assertEq(log, logOf(identity()));
            Worker memory worker = registry.workerOf(log);
            vm.assertEq(worker.tee, tee);
            vm.assertEq(worker.simulated, proven.simulated);
            vm.assertEq(worker.image, proven.image);
            vm.assertEq(worker.config, "config");
            vm.assertEq(worker.runtime, "runtime");
            vm.assertEq(worker.operator, OPERATOR);
            vm.assertEq(worker.platformId, proven.platformId);
            vm.assertEq(abi.encode(worker.snp), abi.encode(proven.snp));
            vm.assertEq(abi.encode(worker.certificates), abi.encode(proven.certificates));
            vm.assertEq(worker.registeredAt, NOW);
            vm.assertEq(worker.expiresAt, (tee == AWS_NITRO ? NOW - 30 : NOW) + LIFETIME);
            vm.assertEq(worker.revokedAt, 0);
            vm.assertTrue(registry.isLive(log));
            vm.assertEq(registry.operatorOf(log), OPERATOR);
            HeadKey memory key = registry.headKeyOf(log);
            vm.assertEq(key.signerX, identity()[1]);
            vm.assertEq(key.signerY, identity()[2]);
            vm.assertEq(key.settlement, SETTLEMENT);
            vm.assertEq(key.expiresAt, worker.expiresAt);
            vm.assertEq(key.revokedAt, 0);
            vm.assertTrue(vm.revertToState(before));
        }
    }

    function test_saysAllOfItInAnEvent() external {
        Registration memory made = honest(AMD_SEV_SNP);
        uint256 before = vm.snapshotState();
        bytes32 log = register(made);
        Worker memory worker = registry.workerOf(log);
        vm.assertTrue(vm.revertToState(before));
        vm.expectEmit();
        emit WorkerRegistry.WorkerRegistered(log, OPERATOR, "image", identity(), worker, BLOCK - 1);
        register(made);
    }

    function test_aLogThatNobodyRegisteredIsAllZeros() external view {
        bytes32 log = "nothing";
        Worker memory none;
        HeadKey memory noKey;
        vm.assertEq(abi.encode(registry.workerOf(log)), abi.encode(none));
        vm.assertEq(abi.encode(registry.headKeyOf(log)), abi.encode(noKey));
        vm.assertEq(registry.operatorOf(log), address(0));
        vm.assertFalse(registry.isLive(log));
    }

    function test_isLiveToItsLastSecond() external {
        bytes32 log = register(honest(AMD_SEV_SNP));
        vm.warp(NOW + LIFETIME);
        vm.assertTrue(registry.isLive(log));
        vm.warp(NOW + LIFETIME + 1);
        vm.assertFalse(registry.isLive(log));
    }

    /// The words of this registry around evidence whose challenge is the other registry's or the other chain's.

    /// A hostile image writes any words into its evidence; what it lacks is the key that they name.

    function test_nitrosClockIsHeldAgainstTheChains() external {
        Registration memory made = honest(AWS_NITRO);
        Evidence memory proven = abi.decode(made.evidence, (Evidence));
        uint256[4] memory refused = [NOW - MAX_AGE - 1, 0, NOW + MAX_SKEW + 1, type(uint64).max];
        for (uint256 i = 0; i < 4; i++) {
            proven.issuedAt = uint64(refused[i]);
            made.evidence = abi.encode(proven);
            bytes4 old = WorkerRegistry.EvidenceTooOld.selector;
            refuses(made, i < 2 ? old : WorkerRegistry.EvidenceFromTheFuture.selector);
        }
        uint256[3] memory taken = [NOW - MAX_AGE, NOW, NOW + MAX_SKEW];
        for (uint256 i = 0; i < 3; i++) {
            uint256 before = vm.snapshotState();
            proven.issuedAt = uint64(taken[i]);
            made.evidence = abi.encode(proven);
            bytes32 log = register(made);
            // A clock that is ahead buys no time.
            uint256 dated = taken[i] < NOW ? taken[i] : NOW;
            vm.assertEq(registry.workerOf(log).expiresAt, dated + LIFETIME);
            vm.assertTrue(vm.revertToState(before));
        }
    }

    function test_simulatedIsWhatTheVerifierSaid() external {
        bytes32 log = register(honest(AWS_NITRO));
        vm.assertTrue(registry.workerOf(log).simulated);
        vm.assertTrue(registry.SIMULATED());
        RegistrySettings memory genuine = settings();
        genuine.nitro = genuine.snp;
        vm.assertFalse(deployed(genuine).SIMULATED());
        genuine.snp = new StubEvidenceVerifier(true);
        vm.assertTrue(deployed(genuine).SIMULATED());
    }

    function test_cannotBeDeployedWithNonsense() external {
        bytes4 invalid = WorkerRegistry.SettingsInvalid.selector;
        RegistrySettings memory wrong = settings();
        wrong.lifetime = 0;
        deployRefused(wrong, abi.encodeWithSelector(invalid));
        wrong.lifetime = 367 days;
        deployRefused(wrong, abi.encodeWithSelector(invalid));
        wrong = settings();
        wrong.maxAge = 367 days;
        deployRefused(wrong, abi.encodeWithSelector(invalid));
        wrong = settings();
        wrong.maxSkew = 367 days;
        deployRefused(wrong, abi.encodeWithSelector(invalid));
        wrong = settings();
        wrong.challengeBlocks = 8192;
        deployRefused(wrong, abi.encodeWithSelector(Challenges.ChallengeWindowTooLong.selector));
        wrong = settings();
        wrong.sha384 = address(wrong.nitro);
        deployRefused(wrong, abi.encodeWithSelector(UnknownCode.selector, wrong.sha384));
        wrong = settings();
        // Nothing there that could say whether it is simulated.
        wrong.snp = IEvidenceVerifier(STRANGER);
        deployRefused(wrong, "");
    }

    function deployRefused(RegistrySettings memory wrong, bytes memory why) private {
        (address at, bytes memory reason) = tried("WorkerRegistry.sol:WorkerRegistry", abi.encode(wrong));
        vm.assertEq(at, address(0));
        vm.assertEq(reason, why);
    }
}
