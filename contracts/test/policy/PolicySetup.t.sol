// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct } from "../../src/evidence/IEvidenceVerifier.sol";
import { HardwareRulesInvalid, MicrocodeInvalid, TcbFloorsInvalid } from "../../src/policy/Hardware.sol";
import { ImageListPolicy, NothingAccepted } from "../../src/policy/ImageListPolicy.sol";
import { Allowed, PolicySetup, Subject } from "../../src/policy/PolicyTypes.sol";
import { IdentifierInvalid, ProvenanceInvalid, RegistryWithoutCode } from "../../src/policy/WorkerPolicy.sol";
import { IWorkerRegistry } from "../../src/registry/IWorkerRegistry.sol";
import { PolicyFixture } from "./PolicyFixture.sol";

contract PolicySetupTest is PolicyFixture {
    function setUp() external {
        vm.warp(1_800_000_000);
    }

    function test_refusesToAcceptNothing() external {
        for (uint256 i = 0; i < 8; i++) {
            PolicySetup memory setup = standardSetup();
            Allowed memory none;
            if (i == 0) delete setup.images;
            if (i == 1) setup.configs = none;
            if (i == 2) setup.runtimes = none;
            if (i == 3) setup.executions = none;
            if (i == 4) setup.operators = none;
            if (i == 5) setup.platforms = none;
            if (i == 6) setup.hardware.lines = 0;
            if (i == 7) setup.hardware.expiresAt = uint48(block.timestamp);
            vm.expectRevert(NothingAccepted.selector);
            this.listed(setup);
        }
    }

    function test_refusesASetupThatMeansNothing() external {
        PolicySetup memory setup = standardSetup();
        setup.registry = IWorkerRegistry(address(0x1234));
        refused(setup, abi.encodeWithSelector(RegistryWithoutCode.selector));
        setup = standardSetup();
        setup.images[0].provenance = 0;
        refused(setup, abi.encodeWithSelector(ProvenanceInvalid.selector));
        setup = standardSetup();
        setup.images[0].image = 0;
        refused(setup, abi.encodeWithSelector(IdentifierInvalid.selector, Subject.Image, bytes32(0)));
        setup = standardSetup();
        bytes32 wide = bytes32(uint256(1 << 160));
        setup.operators = one(wide);
        refused(setup, abi.encodeWithSelector(IdentifierInvalid.selector, Subject.Operator, wide));
        setup = standardSetup();
        setup.floors[0].product = SnpProduct.None;
        refused(setup, abi.encodeWithSelector(TcbFloorsInvalid.selector));
        setup = standardSetup();
        setup.floors[1].floors.launch.any = true;
        refused(setup, abi.encodeWithSelector(TcbFloorsInvalid.selector));
        setup = standardSetup();
        setup.floors[1].floors.reported.minimum |= 0xff;
        refused(setup, abi.encodeWithSelector(TcbFloorsInvalid.selector));
        setup = standardSetup();
        setup.microcode[0].product = SnpProduct.None;
        refused(setup, abi.encodeWithSelector(MicrocodeInvalid.selector));
        setup = standardSetup();
        setup.microcode[0].minima.stated = false;
        refused(setup, abi.encodeWithSelector(MicrocodeInvalid.selector));
    }

    function test_refusesHardwareRulesThatMeanNothing() external {
        bytes memory invalid = abi.encodeWithSelector(HardwareRulesInvalid.selector);
        PolicySetup memory setup = standardSetup();
        setup.hardware.lines |= 0x80;
        refused(setup, invalid);
        setup = standardSetup();
        setup.hardware.reportVersions |= 1 << 4;
        refused(setup, invalid);
        setup = standardSetup();
        setup.hardware.vmpls |= 1 << 4;
        refused(setup, invalid);
        setup = standardSetup();
        setup.hardware.guestSet = 1 << 17;
        refused(setup, invalid);
        setup.hardware.guestSet = 1 << 19;
        refused(setup, invalid);
        setup = standardSetup();
        setup.hardware.guestClear |= 1 << 26;
        refused(setup, invalid);
        setup = standardSetup();
        (setup.hardware.guestSet, setup.hardware.guestClear) = (1 << 20, 1 << 20);
        refused(setup, invalid);
        setup = standardSetup();
        setup.hardware.platformClear = setup.hardware.platformSet;
        refused(setup, invalid);
    }

    function refused(PolicySetup memory setup, bytes memory why) private {
        vm.expectRevert(why);
        this.listed(setup);
    }

    function listed(PolicySetup memory setup) external returns (ImageListPolicy) {
        return newList(setup);
    }
}
