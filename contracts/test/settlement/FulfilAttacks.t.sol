// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt } from "../../src/log/Receipt.sol";
import { Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { Heads, LoggedReceipt } from "../../src/settlement/Heads.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract FulfilAttacksTest is SettlementFixture {
    bytes32 private id;
    Terms private wanted;

    function setUp() external {
        deploy();
        wanted = terms();
        id = openEscrow(wanted);
    }

    /// At the deadline it is fulfilled, a second later refunded; never both, whoever comes first.
    function test_theRaceAtTheDeadline() external {
        bytes32 other = openEscrow(wanted);
        LoggedReceipt memory late = logged(WORKER_KEY, LOG, answerTo(other, wanted, "output"));
        vm.warp(wanted.deadline);
        vm.expectRevert(Escrows.DeadlineNotPassed.selector);
        settlement.refund(id);
        fulfil(id, wanted, "output");
        vm.warp(wanted.deadline + 1);
        vm.expectRevert(Escrows.DeadlinePassed.selector);
        settlement.fulfil(other, "output", late, "");
        settlement.refund(other);
        vm.assertEq(settlement.creditOf(requester), 30 + 100);
    }

    /// One route per payment: what a channel pays never fulfils, even where everything else is the escrow's.
    function test_aReceiptThatAChannelPaysFulfilsNothing() external {
        bytes32 channel = openChannel("salt", 1000);
        Receipt memory receipt = answerTo(id, wanted, "output");
        (receipt.channel, receipt.cumulativeFee) = (channel, 70);
        LoggedReceipt memory both = logged(WORKER_KEY, LOG, receipt);
        vm.expectRevert(Escrows.ReceiptOfOtherRequest.selector);
        settlement.fulfil(id, "output", both, "");
        vm.assertEq(settlement.claim(both, voucherFor(channel, LOG, 500)), 70);
        vm.expectRevert(Escrows.ReceiptOfOtherRequest.selector);
        settlement.fulfil(id, "output", both, "");
    }

    /// A receipt that was signed before its escrow was opened names a block hash that nobody knew.
    function test_preSignedReceiptsAreOfNoEscrow() external {
        bytes32 guessed = sha256(
            abi.encode(
                bytes32("proofmark escrow v1"), block.chainid, address(settlement), requester, uint256(1), bytes32(0)
            )
        );
        LoggedReceipt memory early = logged(WORKER_KEY, LOG, answerTo(guessed, wanted, "output"));
        vm.roll(block.number + 1);
        bytes32 next = openEscrow(wanted);
        vm.assertTrue(next != guessed);
        vm.expectRevert(Escrows.EscrowNotOpen.selector);
        settlement.fulfil(guessed, "output", early, "");
        vm.expectRevert(Escrows.ReceiptOfOtherRequest.selector);
        settlement.fulfil(next, "output", early, "");
    }

    function test_theLogIsLiveInThatCall() external {
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        settlement.postHead(answered.head);
        vm.warp(START + LIFETIME + 1);
        wanted.deadline = block.timestamp + 1 hours;
        bytes32 later = openEscrow(wanted);
        LoggedReceipt memory expired = loggedIn(WORKER_KEY, LOG, answerTo(later, wanted, "output"), 6);
        vm.expectRevert(Escrows.LogNotLive.selector);
        settlement.fulfil(later, "output", expired, "");
    }

    /// A kept head pays channels after a revocation, and escrows never.
    function test_nothingIsFulfilledAfterRevocation() external {
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        settlement.postHead(answered.head);
        registry.revoke(LOG);
        vm.expectRevert(Escrows.LogNotLive.selector);
        settlement.fulfil(id, "output", answered, "");
    }

    function test_thePolicyAcceptsInThatCall() external {
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        policy.set(LOG, false);
        vm.expectRevert(Escrows.LogNotAccepted.selector);
        settlement.fulfil(id, "output", answered, "");
        policy.set(LOG, true);
        policy.refuseExecution(EXECUTION);
        vm.expectRevert(Escrows.ExecutionNotAccepted.selector);
        settlement.fulfil(id, "output", answered, "");
    }

    function test_aLogOfAnotherSettlementOrKeyFulfilsNothing() external {
        (uint256 x, uint256 y) = vm.publicKeyP256(WORKER_KEY + 1);
        registry.put("theirs", stranger, uint48(block.timestamp + 1), bytes32(x), bytes32(y), operator);
        policy.set("theirs", true);
        LoggedReceipt memory theirs = logged(WORKER_KEY + 1, "theirs", answerTo(id, wanted, "output"));
        vm.expectRevert(Heads.LogOfOtherSettlement.selector);
        settlement.fulfil(id, "output", theirs, "");
        LoggedReceipt memory forged = logged(WORKER_KEY + 1, LOG, answerTo(id, wanted, "output"));
        vm.expectRevert(Heads.HeadNotSigned.selector);
        settlement.fulfil(id, "output", forged, "");
        LoggedReceipt memory nobodys = logged(WORKER_KEY, "nobody", answerTo(id, wanted, "output"));
        vm.expectRevert(Escrows.LogNotLive.selector);
        settlement.fulfil(id, "output", nobodys, "");
    }
}
