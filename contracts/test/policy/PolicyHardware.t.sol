// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct, SnpSigner } from "../../src/evidence/IEvidenceVerifier.sol";
import { ImageListPolicy } from "../../src/policy/ImageListPolicy.sol";
import { PolicySetup } from "../../src/policy/PolicyTypes.sol";
import { Worker } from "../../src/registry/IWorkerRegistry.sol";
import { PolicyFixture } from "./PolicyFixture.sol";

contract PolicyHardwareTest is PolicyFixture {
    ImageListPolicy private policy;

    function setUp() external {
        vm.warp(1_800_000_000);
        policy = newList(standardSetup());
    }

    function accepted(Worker memory worker) private returns (bool) {
        registry.set(LOG, worker);
        return policy.accepts(LOG);
    }

    function test_refusesMilansVceksByDefaultAndVleksOfOtherClouds() external {
        Worker memory worker = genoa();
        worker.snp.product = SnpProduct.Milan;
        worker.snp.cpu = 0x19_01_01;
        uint64 tcb = 0x0400_0000_0000_18db;
        (worker.snp.reportedTcb, worker.snp.committedTcb) = (tcb, tcb);
        (worker.snp.currentTcb, worker.snp.launchTcb) = (tcb, tcb);
        vm.assertFalse(accepted(worker));
        worker.snp.signer = SnpSigner.Vlek;
        vm.assertFalse(accepted(worker));
        worker.snp.cloud = "another";
        vm.assertFalse(accepted(worker));
        worker.snp.cloud = CLOUD;
        vm.assertTrue(accepted(worker));
        worker.platformId = 0;
        vm.assertTrue(accepted(worker));
    }

    function test_refusesEveryFactThatTheDefaultsRefuse() external {
        Worker memory worker = genoa();
        worker.snp.product = SnpProduct.None;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.snp.signer = SnpSigner.None;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.snp.reportVersion = 2;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.snp.vmpl = 1;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.snp.vmpl = 255;
        vm.assertFalse(accepted(worker));
        worker = genoa();
        worker.platformId = 0;
        vm.assertFalse(accepted(worker));
        for (uint256 bit = 18; bit < 20; bit++) {
            worker = genoa();
            worker.snp.guestPolicy |= uint64(1 << bit);
            vm.assertFalse(accepted(worker));
        }
        worker = genoa();
        worker.snp.platformInfo = 0x05;
        vm.assertFalse(accepted(worker));
        worker.snp.platformInfo = 0x125;
        vm.assertFalse(accepted(worker));
    }

    function test_tcbsByComponentOneBelowEachMinimum() external {
        uint64[3] memory steps = [uint64(1 << 56), 1 << 8, 1];
        for (uint256 i = 0; i < steps.length; i++) {
            Worker memory worker = genoa();
            uint64 lower = worker.snp.reportedTcb - steps[i];
            worker.snp.reportedTcb = lower;
            vm.assertFalse(accepted(worker));
            worker = genoa();
            worker.snp.committedTcb = lower;
            vm.assertFalse(accepted(worker));
            worker = genoa();
            worker.snp.launchTcb = lower;
            vm.assertFalse(accepted(worker));
        }
        // A higher SNP firmware does not make up for an older boot loader.
        Worker memory mixed = genoa();
        uint64 tcb = 0x0900_0000_0000_ff54;
        (mixed.snp.reportedTcb, mixed.snp.committedTcb) = (tcb, tcb);
        (mixed.snp.currentTcb, mixed.snp.launchTcb) = (tcb, tcb);
        vm.assertFalse(accepted(mixed));
    }

    function test_firmwareThatCanBeTakenBackAndContradictions() external {
        Worker memory worker = genoa();
        worker.snp.currentTcb += 1 << 8;
        vm.assertFalse(accepted(worker));
        PolicySetup memory setup = standardSetup();
        setup.hardware.provisionalFirmware = true;
        policy = newList(setup);
        vm.assertTrue(accepted(worker));
        worker.snp.committedTcb += 2 << 8;
        vm.assertFalse(accepted(worker));
    }

    function test_microcodeOfACpuThatNobodyStated() external {
        Worker memory worker = genoa();
        worker.snp.cpu = 0x19_11_03;
        vm.assertFalse(accepted(worker));
        // The family follows from the product and takes no part, as in the TypeScript rules.
        worker.snp.cpu = 0x1a_11_01;
        vm.assertTrue(accepted(worker));
    }
}
