// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {
    AlreadyProposed,
    ChangeKind,
    Expired,
    NotOwner,
    NotProposed,
    NotReady,
    Proposal,
    Superseded
} from "../../src/policy/ManagedPolicy.sol";
import { Standing, Subject } from "../../src/policy/PolicyTypes.sol";
import { ManagedFixture } from "./ManagedFixture.sol";

contract ManagedPolicyTest is ManagedFixture {
    function test_anImageCountsAfterTheDelayAndNotASecondBefore() external {
        bytes memory content = acceptance(OTHER);
        refusedToTighten(ChangeKind.Standing, content);
        bytes32 id = propose(ChangeKind.Standing, content);
        uint256 ready = block.timestamp + DELAY;
        vm.warp(ready - 1);
        vm.expectRevert(abi.encodeWithSelector(NotReady.selector, uint48(ready)));
        policy.activate(ChangeKind.Standing, content);
        vm.assertFalse(accepted(withImage(OTHER)));
        vm.warp(ready);
        vm.prank(STRANGER);
        policy.activate(ChangeKind.Standing, content);
        vm.assertTrue(accepted(withImage(OTHER)));
        vm.assertEq(policy.provenanceOf(OTHER), PROVENANCE);
        vm.expectRevert(abi.encodeWithSelector(NotProposed.selector, id));
        policy.activate(ChangeKind.Standing, content);
    }

    function test_aProposalExpires() external {
        bytes memory content = acceptance(OTHER);
        propose(ChangeKind.Standing, content);
        uint256 last = block.timestamp + DELAY + policy.ACTIVATION_WINDOW();
        vm.warp(last + 1);
        vm.expectRevert(abi.encodeWithSelector(Expired.selector, uint48(last)));
        policy.activate(ChangeKind.Standing, content);
        // It can be made again, and waits again.
        propose(ChangeKind.Standing, content);
        vm.expectRevert(abi.encodeWithSelector(NotReady.selector, uint48(block.timestamp + DELAY)));
        policy.activate(ChangeKind.Standing, content);
        vm.warp(block.timestamp + DELAY + policy.ACTIVATION_WINDOW());
        policy.activate(ChangeKind.Standing, content);
        vm.assertTrue(accepted(withImage(OTHER)));
    }

    function test_aProposalIsForItsContentAlone() external {
        propose(ChangeKind.Standing, acceptance(OTHER));
        vm.warp(block.timestamp + DELAY);
        bytes memory content = standing(Subject.Image, OTHER, Standing.Accepted, "another provenance");
        bytes32 id = policy.proposalOf(ChangeKind.Standing, content);
        vm.expectRevert(abi.encodeWithSelector(NotProposed.selector, id));
        policy.activate(ChangeKind.Standing, content);
        content = standing(Subject.Config, OTHER, Standing.Accepted, 0);
        id = policy.proposalOf(ChangeKind.Standing, content);
        vm.expectRevert(abi.encodeWithSelector(NotProposed.selector, id));
        policy.activate(ChangeKind.Standing, content);
    }

    function test_aLiveProposalIsNotMadeTwice() external {
        bytes32 id = propose(ChangeKind.Standing, acceptance(OTHER));
        Proposal memory first = policy.proposalAt(id);
        vm.warp(block.timestamp + 1 days);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(AlreadyProposed.selector, id));
        policy.propose(ChangeKind.Standing, acceptance(OTHER));
        vm.assertEq(policy.proposalAt(id).readyAt, first.readyAt);
    }

    function test_cancelledIsGone() external {
        bytes memory content = acceptance(OTHER);
        bytes32 id = propose(ChangeKind.Standing, content);
        vm.prank(STRANGER);
        vm.expectRevert(abi.encodeWithSelector(NotOwner.selector, STRANGER));
        policy.cancel(id);
        vm.prank(OWNER);
        policy.cancel(id);
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(abi.encodeWithSelector(NotProposed.selector, id));
        policy.activate(ChangeKind.Standing, content);
        vm.prank(OWNER);
        vm.expectRevert(abi.encodeWithSelector(NotProposed.selector, id));
        policy.cancel(id);
    }

    function test_aDenialCountsAtOnceAndKillsWhatWasProposedBefore() external {
        vm.assertTrue(accepted(genoa()));
        bytes memory again = acceptance(IMAGE);
        bytes32 id = propose(ChangeKind.Standing, again);
        tighten(ChangeKind.Standing, denial(Subject.Image, IMAGE));
        vm.assertFalse(accepted(genoa()));
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(abi.encodeWithSelector(Superseded.selector, id));
        policy.activate(ChangeKind.Standing, again);
        vm.assertFalse(accepted(genoa()));
        // What was superseded can be proposed anew, and a denial of what is denied kills it again.
        propose(ChangeKind.Standing, again);
        tighten(ChangeKind.Standing, denial(Subject.Image, IMAGE));
        vm.warp(block.timestamp + DELAY);
        vm.expectRevert(abi.encodeWithSelector(Superseded.selector, id));
        policy.activate(ChangeKind.Standing, again);
        loosened(ChangeKind.Standing, again);
        vm.assertTrue(accepted(genoa()));
    }

    function test_aDenialBeatsAnyAndIsLiftedAfterTheDelayOnly() external {
        tighten(ChangeKind.Standing, denial(Subject.Platform, PLATFORM));
        vm.assertFalse(accepted(genoa()));
        bytes memory lifted = standing(Subject.Platform, PLATFORM, Standing.Unlisted, 0);
        refusedToTighten(ChangeKind.Standing, lifted);
        loosened(ChangeKind.Standing, lifted);
        vm.assertTrue(accepted(genoa()));
        tighten(ChangeKind.Standing, denial(Subject.Certificate, certificate(0)));
        vm.assertFalse(accepted(genoa()));
        lifted = standing(Subject.Certificate, certificate(0), Standing.Unlisted, 0);
        refusedToTighten(ChangeKind.Standing, lifted);
        loosened(ChangeKind.Standing, lifted);
        vm.assertTrue(accepted(genoa()));
    }

    function test_whatIsTakenOffAListIsNotAcceptedAnyMore() external {
        tighten(ChangeKind.Standing, standing(Subject.Config, CONFIG, Standing.Unlisted, 0));
        vm.assertFalse(accepted(genoa()));
        loosened(ChangeKind.Any, abi.encode(Subject.Config, true));
        vm.assertTrue(accepted(genoa()));
        tighten(ChangeKind.Any, abi.encode(Subject.Config, false));
        vm.assertFalse(accepted(genoa()));
    }

    function test_executionsLikeEverythingElse() external {
        bytes32 other = "another execution";
        loosened(ChangeKind.Standing, standing(Subject.Execution, other, Standing.Accepted, 0));
        vm.assertTrue(policy.acceptsExecution(other));
        tighten(ChangeKind.Standing, denial(Subject.Execution, other));
        vm.assertFalse(policy.acceptsExecution(other));
        vm.assertTrue(policy.acceptsExecution(EXECUTION));
    }
}
