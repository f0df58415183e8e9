// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { SnpProduct } from "../../src/evidence/IEvidenceVerifier.sol";
import { HardwareRulesInvalid } from "../../src/policy/Hardware.sol";
import {
    ChangeKind,
    ContentInvalid,
    DelayOutOfBounds,
    ManagedPolicy,
    NotNominee,
    NotOwner,
    NotReady,
    OwnerInvalid
} from "../../src/policy/ManagedPolicy.sol";
import { HardwareRules, PolicySetup, Standing, Subject } from "../../src/policy/PolicyTypes.sol";
import { IdentifierInvalid, ProvenanceInvalid, SubjectFixed } from "../../src/policy/WorkerPolicy.sol";
import { ManagedFixture } from "./ManagedFixture.sol";

contract ManagedOwnerTest is ManagedFixture {
    function test_aNewOwnerComesAfterTheDelayAndByItself() external {
        bytes memory content = abi.encode(STRANGER);
        refusedToTighten(ChangeKind.Owner, content);
        propose(ChangeKind.Owner, content);
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(NotReady.selector, uint48(block.timestamp + DELAY)));
        policy.activate(ChangeKind.Owner, content);
        vm.warp(block.timestamp + DELAY);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(NotNominee.selector, OWNER));
        policy.activate(ChangeKind.Owner, content);
        vm.prank(STRANGER);
        policy.activate(ChangeKind.Owner, content);
        vm.assertEq(policy.owner(), STRANGER);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, OWNER));
        policy.tighten(ChangeKind.Standing, denial(Subject.Image, IMAGE));
    }

    function testFuzz_nobodyElseChangesAnything(address sender) external {
        vm.assume(sender != OWNER);
        bytes memory content = acceptance(OTHER);
        vm.prank(sender);
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, sender));
        policy.propose(ChangeKind.Standing, content);
        vm.prank(sender);
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, sender));
        policy.tighten(ChangeKind.Standing, denial(Subject.Image, IMAGE));
    }

    function test_refusesContentThatMeansNothing() external {
        refused(ChangeKind.Standing, abi.encodePacked(acceptance(OTHER), uint8(0)), ContentInvalid.selector);
        refused(ChangeKind.Any, abi.encode(Subject.Config), ContentInvalid.selector);
        refused(ChangeKind.Hardware, "", ContentInvalid.selector);
        refused(ChangeKind.Floors, abi.encode(SnpProduct.Genoa), ContentInvalid.selector);
        refused(ChangeKind.Microcode, abi.encode(SnpProduct.Genoa), ContentInvalid.selector);
        refused(ChangeKind.Owner, abi.encode(address(0)), OwnerInvalid.selector);
        refused(ChangeKind.Owner, abi.encode(OWNER, OWNER), ContentInvalid.selector);
        HardwareRules memory rules = policy.hardwareRules();
        rules.vmpls = 0x10;
        refused(ChangeKind.Hardware, abi.encode(rules), HardwareRulesInvalid.selector);
        refused(ChangeKind.Standing, standing(Subject.Image, OTHER, Standing.Accepted, 0), ProvenanceInvalid.selector);
        refused(
            ChangeKind.Standing, standing(Subject.Image, OTHER, Standing.Denied, PROVENANCE), ProvenanceInvalid.selector
        );
        refused(ChangeKind.Any, abi.encode(Subject.Image, true), SubjectFixed.selector, Subject.Image);
        refused(ChangeKind.Any, abi.encode(Subject.Certificate, false), SubjectFixed.selector, Subject.Certificate);
        refused(
            ChangeKind.Standing,
            standing(Subject.Certificate, OTHER, Standing.Accepted, 0),
            SubjectFixed.selector,
            Subject.Certificate
        );
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(IdentifierInvalid.selector, Subject.Platform, bytes32(0)));
        policy.tighten(ChangeKind.Standing, denial(Subject.Platform, 0));
        // No such Subject, no such Standing: the decoder refuses them.
        vm.prank(OWNER);
        vm.expectRevert();
        policy.tighten(ChangeKind.Standing, abi.encode(8, OTHER, Standing.Denied, bytes32(0)));
        vm.prank(OWNER);
        vm.expectRevert();
        policy.propose(ChangeKind.Standing, abi.encode(Subject.Config, OTHER, 3, bytes32(0)));
    }

    function refused(ChangeKind kind, bytes memory content, bytes4 why) private {
        vm.prank(OWNER);
        vm.expectRevert(why);
        policy.propose(kind, content);
        vm.prank(OWNER);
        vm.expectRevert(why);
        policy.tighten(kind, content);
    }

    function refused(ChangeKind kind, bytes memory content, bytes4 why, Subject subject) private {
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(why, subject));
        policy.propose(kind, content);
    }

    function test_delayHasBounds() external {
        PolicySetup memory setup = standardSetup();
        for (uint256 i = 0; i < 2; i++) {
            uint256 delay = i == 0 ? 1 days - 1 : 90 days + 1;
            vm.expectRevert(abi.encodeWithSelector(DelayOutOfBounds.selector, delay));
            this.managed(setup, OWNER, delay);
        }
        this.managed(setup, OWNER, 1 days);
        this.managed(setup, OWNER, 90 days);
        vm.expectRevert(OwnerInvalid.selector);
        this.managed(setup, address(0), 1 days);
    }

    function managed(PolicySetup memory setup, address owner, uint256 delay) external returns (ManagedPolicy) {
        return newManaged(setup, owner, delay);
    }
}
