// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Escrow, EscrowState, Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { Hostile, StubVerifier } from "./Policies.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract EscrowsTest is SettlementFixture {
    function setUp() external {
        deploy();
    }

    function test_isWhatWasAskedFor() external {
        Terms memory wanted = terms();
        (wanted.callback, wanted.callbackGas) = (stranger, 5_000_000);
        bytes32 previous = blockhash(block.number - 1);
        bytes32 id = openEscrow(wanted);
        bytes memory words = abi.encode(
            bytes32("proofmark escrow v1"), block.chainid, address(settlement), requester, uint256(0), previous
        );
        vm.assertEq(id, sha256(words));
        Escrow memory escrow = settlement.escrowOf(id);
        vm.assertEq(escrow.requester, requester);
        vm.assertEq(escrow.deadline, wanted.deadline);
        vm.assertTrue(escrow.state == EscrowState.Open && escrow.needsReceipt && !escrow.undelivered);
        vm.assertEq(escrow.policy, wanted.policy);
        vm.assertEq(escrow.callbackGas, 5_000_000);
        vm.assertEq(escrow.resultVerifier, wanted.resultVerifier);
        vm.assertEq(escrow.callback, stranger);
        vm.assertEq(escrow.modelId, wanted.modelId);
        vm.assertEq(escrow.inputHash, sha256("input"));
        vm.assertEq(escrow.unitPrice, 70);
        vm.assertEq(escrow.maxFee, 100);
        vm.assertEq(escrow.answer, 0);
        vm.assertEq(token.balanceOf(address(settlement)), 100);
    }

    function test_idsAreNeverUsedAgain() external {
        bytes32 first = openEscrow(terms());
        bytes32 second = openEscrow(terms());
        vm.roll(block.number + 1);
        bytes32 third = openEscrow(terms());
        vm.assertTrue(first != second && second != third && first != third);
        vm.assertEq(settlement.nonceOf(requester), 3);
        vm.assertEq(settlement.nonceOf(stranger), 0);
    }

    /// As on chains that do not say: a worker could have answered before it was asked.
    function test_refusesWithoutAPreviousBlock() external {
        vm.setBlockhash(block.number - 1, 0);
        refuse(terms(), Escrows.BlockHashUnknown.selector);
    }

    function test_refusesTermsThatNobodyCouldMeet() external {
        Terms memory wanted = terms();
        wanted.deadline = block.timestamp - 1;
        refuse(wanted, Escrows.DeadlinePassed.selector);
        wanted.deadline = uint256(type(uint64).max) + 1;
        refuse(wanted, Escrows.TermsInvalid.selector);
        wanted = terms();
        wanted.unitPrice = 1 << 128;
        refuse(wanted, Escrows.TermsInvalid.selector);
        wanted = terms();
        wanted.maxFee = 1 << 128;
        refuse(wanted, Escrows.TermsInvalid.selector);
        wanted = terms();
        wanted.callbackGas = 1;
        refuse(wanted, Escrows.TermsInvalid.selector);
        (wanted.callback, wanted.callbackGas) = (stranger, 5_000_001);
        refuse(wanted, Escrows.TermsInvalid.selector);
    }

    /// No check is optional by omission (A8): each contract is named, and a policy that nobody asks is a mistake.
    function test_namesWhoDecides() external {
        Terms memory wanted = terms();
        wanted.policy = address(0);
        refuse(wanted, Escrows.TermsInvalid.selector);
        wanted = terms();
        wanted.resultVerifier = address(0);
        refuse(wanted, Escrows.ResultVerifierSilent.selector);
        wanted.resultVerifier = made("Policies.sol:StubVerifier", abi.encode(false));
        refuse(wanted, Escrows.TermsInvalid.selector);
        wanted.policy = address(0);
        vm.assertFalse(settlement.escrowOf(openEscrow(wanted)).needsReceipt);
    }

    function test_whatAVerifierNeedsIsAskedOnce() external {
        Terms memory wanted = terms();
        StubVerifier verifier = StubVerifier(made("Policies.sol:StubVerifier", abi.encode(true)));
        wanted.resultVerifier = address(verifier);
        bytes32 id = openEscrow(wanted);
        verifier.setNeedsReceipt(false);
        verifier.expect("output", address(0));
        vm.expectRevert(Escrows.ReceiptNeeded.selector);
        settlement.fulfilProven(id, "output", stranger, "proof");
    }

    function test_hostileVerifiersOpenNothing() external {
        Terms memory wanted = terms();
        for (uint256 deed = 0; deed <= uint256(Hostile.Deed.LongTrue); deed++) {
            wanted.resultVerifier = made("Policies.sol:Hostile", abi.encode(deed));
            // A megabyte that begins with one is an answer with something behind it, which nobody looks at.
            bool answers = deed == uint256(Hostile.Deed.LongTrue);
            if (answers) openEscrow(wanted);
            else refuse(wanted, Escrows.ResultVerifierSilent.selector);
        }
    }

    function test_refundsAfterTheDeadlineWhoeverAsks() external {
        bytes32 id = openEscrow(terms());
        vm.warp(block.timestamp + 1 hours);
        vm.expectRevert(Escrows.DeadlineNotPassed.selector);
        settlement.refund(id);
        vm.warp(block.timestamp + 1);
        vm.prank(stranger);
        settlement.refund(id);
        vm.assertEq(settlement.creditOf(requester), 100);
        vm.expectRevert(Escrows.EscrowNotOpen.selector);
        settlement.refund(id);
        vm.expectRevert(Escrows.EscrowNotOpen.selector);
        settlement.refund("never opened");
        // Credit pays the next one.
        openEscrow(terms());
        vm.assertEq(settlement.creditOf(requester), 0);
        vm.assertEq(token.balanceOf(requester), 1_000_000 - 100);
    }

    function refuse(Terms memory wanted, bytes4 why) private {
        vm.prank(requester);
        vm.expectRevert(why);
        settlement.openEscrow(wanted, "input");
    }
}
