// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { AMD_SEV_SNP, AWS_NITRO } from "../../src/evidence/IEvidenceVerifier.sol";
import { ImageListPolicy } from "../../src/policy/ImageListPolicy.sol";
import { Allowed, PolicySetup, Standing, Subject } from "../../src/policy/PolicyTypes.sol";
import { AnyWithEntries } from "../../src/policy/WorkerPolicy.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { PolicyFixture } from "./PolicyFixture.sol";

contract ImageListPolicyTest is PolicyFixture {
    ImageListPolicy private policy;

    function setUp() external {
        vm.warp(1_800_000_000);
        policy = newList(standardSetup());
    }

    function accepted(Worker memory worker) private returns (bool) {
        registry.set(LOG, worker);
        return policy.accepts(LOG);
    }

    function test_acceptsWhatItLists() external {
        vm.assertTrue(accepted(nitro()));
        vm.assertTrue(accepted(genoa()));
        vm.assertTrue(policy.acceptsExecution(EXECUTION));
        vm.assertEq(policy.provenanceOf(IMAGE), PROVENANCE);
        vm.assertEq(uint256(policy.standingOf(Subject.Image, IMAGE)), uint256(Standing.Accepted));
    }

    function test_refusesALogThatNobodyRegistered() external view {
        vm.assertFalse(policy.accepts(keccak256("nobody's")));
        vm.assertFalse(policy.accepts(0));
        vm.assertFalse(policy.acceptsExecution(0));
    }

    function testFuzz_refusesAnotherName(bytes32 other) external {
        vm.assume(
            other != IMAGE && other != CONFIG && other != RUNTIME && other != EXECUTION && other != CLOUD
                && other != AWS_NITRO && other != AMD_SEV_SNP && address(uint160(uint256(other))) != OPERATOR
        );
        Worker memory worker = genoa();
        worker.image = other;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.config = other;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.runtime = other;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.operator = address(uint160(uint256(other)));
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.tee = other;
        vm.assertFalse(accepted(worker));
        vm.assertFalse(policy.acceptsExecution(other));
        // Platforms are "any".
        worker = genoa();
        worker.platformId = other == 0 ? PLATFORM : other;
        vm.assertTrue(accepted(worker));
    }

    function test_refusesSimulatedEvidenceUnderAHardwarePolicyAndTheReverse() external {
        Worker memory worker = nitro();
        worker.simulated = true;
        vm.assertFalse(accepted(worker));
        PolicySetup memory setup = standardSetup();
        setup.simulated = true;
        policy = newList(setup);
        vm.assertTrue(accepted(worker));
        vm.assertFalse(accepted(nitro()));
    }

    function test_deniedCertificatesAndPlatformsBeatAny() external {
        for (uint256 i = 0; i < 5; i++) {
            PolicySetup memory setup = standardSetup();
            setup.deniedCertificates = new bytes32[](1);
            setup.deniedCertificates[0] = certificate(i);
            policy = newList(setup);
            vm.assertFalse(accepted(nitro()));
            vm.assertEq(accepted(genoa()), i >= 3);
        }
        PolicySetup memory denied = standardSetup();
        denied.deniedPlatforms = new bytes32[](1);
        denied.deniedPlatforms[0] = PLATFORM;
        policy = newList(denied);
        vm.assertFalse(accepted(nitro()));
        Worker memory worker = nitro();
        worker.platformId = "another";
        vm.assertTrue(accepted(worker));
    }

    function test_endsWhenItSaid() external {
        registry.set(LOG, nitro());
        vm.warp(END);
        vm.assertTrue(policy.accepts(LOG));
        vm.assertTrue(policy.acceptsExecution(EXECUTION));
        vm.warp(uint256(END) + 1);
        vm.assertFalse(policy.accepts(LOG));
        vm.assertFalse(policy.acceptsExecution(EXECUTION));
    }

    function test_anyIsWritten() external {
        PolicySetup memory setup = standardSetup();
        setup.configs = Allowed(true, new bytes32[](0));
        policy = newList(setup);
        Worker memory worker = nitro();
        worker.config = "whatever";
        vm.assertTrue(accepted(worker));
        vm.assertTrue(policy.acceptsAny(Subject.Config));
        vm.assertFalse(policy.acceptsAny(Subject.Runtime));
        setup.configs = one(CONFIG);
        setup.configs.any = true;
        vm.expectRevert(abi.encodeWithSelector(AnyWithEntries.selector, Subject.Config));
        this.listed(setup);
    }

    /// Settlement calls under a cap; a policy that needs more would refuse everybody.
    function test_answersWithinAHundredThousandGas() external {
        PolicySetup memory setup = standardSetup();
        // Ends as one of the certificates does, so that one is looked up.
        setup.deniedCertificates = new bytes32[](1);
        setup.deniedCertificates[0] = certificate(4) ^ bytes32(uint256(1 << 255));
        policy = newList(setup);
        Worker memory worker = nitro();
        worker.certificates = certificates(9);
        measured(worker, 85_000);
        measured(genoa(), 85_000);
    }

    function measured(Worker memory worker, uint256 most) private {
        registry.set(LOG, worker);
        // What this test touched costs again what it costs in a transaction of its own.
        vm.cool(address(policy));
        vm.cool(address(registry));
        uint256 before = gasleft();
        bool yes = policy.accepts{ gas: 100_000 }(LOG);
        uint256 used = before - gasleft();
        vm.assertTrue(yes);
        vm.assertLt(used, most);
        // Some twenty words of storage: they were cold.
        vm.assertLt(45_000, used);
    }

    function listed(PolicySetup memory setup) external returns (ImageListPolicy) {
        return newList(setup);
    }
}
