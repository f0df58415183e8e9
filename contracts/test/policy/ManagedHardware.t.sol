// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct } from "../../src/evidence/IEvidenceVerifier.sol";
import { ChangeKind, Superseded } from "../../src/policy/ManagedPolicy.sol";
import {
    HardwareRules,
    LINE_GENOA_VCEK,
    LINE_MILAN_VCEK,
    MicrocodeMinima,
    TcbFloors
} from "../../src/policy/PolicyTypes.sol";
import { ManagedFixture } from "./ManagedFixture.sol";

contract ManagedHardwareTest is ManagedFixture {
    function test_hardwareRulesTightenAtOnceAndLoosenLater() external {
        HardwareRules memory before = policy.hardwareRules();
        HardwareRules memory rules = policy.hardwareRules();
        rules.lines &= ~LINE_GENOA_VCEK;
        tighten(ChangeKind.Hardware, abi.encode(rules));
        vm.assertFalse(accepted(genoa()));
        refusedToTighten(ChangeKind.Hardware, abi.encode(before));
        loosened(ChangeKind.Hardware, abi.encode(before));
        vm.assertTrue(accepted(genoa()));
        // One field stricter does not pay for another that is looser.
        rules = policy.hardwareRules();
        rules.lines = (rules.lines & ~LINE_GENOA_VCEK) | LINE_MILAN_VCEK;
        refusedToTighten(ChangeKind.Hardware, abi.encode(rules));
    }

    function test_aProposalOverRulesDiesWithTheRules() external {
        HardwareRules memory rules = policy.hardwareRules();
        rules.expiresAt += 1;
        bytes memory later = abi.encode(rules);
        bytes32 id = propose(ChangeKind.Hardware, later);
        rules.expiresAt -= 2;
        tighten(ChangeKind.Hardware, abi.encode(rules));
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(abi.encodeWithSelector(Superseded.selector, id));
        policy.activate(ChangeKind.Hardware, later);
        vm.assertEq(policy.hardwareRules().expiresAt, END - 1);
    }

    function test_minimaRiseAtOnceAndFallLater() external {
        TcbFloors memory before = policy.tcbFloors(SnpProduct.Genoa);
        TcbFloors memory floors = policy.tcbFloors(SnpProduct.Genoa);
        floors.launch.minimum += 1 << 8;
        tighten(ChangeKind.Floors, abi.encode(SnpProduct.Genoa, floors));
        vm.assertFalse(accepted(genoa()));
        refusedToTighten(ChangeKind.Floors, abi.encode(SnpProduct.Genoa, before));
        // A higher number with a lower component in it.
        floors.launch.minimum = 0x0b00_0000_0000_1a00;
        refusedToTighten(ChangeKind.Floors, abi.encode(SnpProduct.Genoa, floors));
        loosened(ChangeKind.Floors, abi.encode(SnpProduct.Genoa, before));
        vm.assertTrue(accepted(genoa()));
    }

    function test_microcodeMinimaRiseAtOnceAndFallLater() external {
        MicrocodeMinima memory higher = MicrocodeMinima(true, 84, 84, 85);
        tighten(ChangeKind.Microcode, abi.encode(SnpProduct.Genoa, 17, 1, higher));
        vm.assertFalse(accepted(genoa()));
        bytes memory before = abi.encode(SnpProduct.Genoa, 17, 1, MicrocodeMinima(true, 84, 84, 84));
        refusedToTighten(ChangeKind.Microcode, before);
        loosened(ChangeKind.Microcode, before);
        vm.assertTrue(accepted(genoa()));
        MicrocodeMinima memory none;
        tighten(ChangeKind.Microcode, abi.encode(SnpProduct.Genoa, 17, 1, none));
        vm.assertFalse(accepted(genoa()));
        refusedToTighten(ChangeKind.Microcode, before);
    }
}
