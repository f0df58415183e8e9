// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Receipt } from "../../src/log/Receipt.sol";
import { EscrowState, Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { LoggedReceipt } from "../../src/settlement/Heads.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract FulfilTest is SettlementFixture {
    bytes32 private id;
    Terms private wanted;

    function setUp() external {
        deploy();
        wanted = terms();
        id = openEscrow(wanted);
    }

    function test_paysTheOperatorAndReturnsTheRest() external {
        vm.prank(stranger);
        fulfil(id, wanted, "output");
        vm.assertEq(settlement.creditOf(operator), 70);
        vm.assertEq(settlement.creditOf(requester), 30);
        vm.assertTrue(settlement.escrowOf(id).state == EscrowState.Fulfilled);
        vm.assertTrue(settlement.isAnswer(id, "output", LOG));
        vm.assertFalse(settlement.isAnswer(id, "outpuT", LOG));
        vm.assertFalse(settlement.isAnswer(id, "output", 0));
        vm.assertFalse(settlement.isAnswer("other", "output", LOG));
        vm.prank(operator);
        settlement.withdraw(operator, 70);
        vm.assertEq(token.balanceOf(operator), 70);
    }

    function test_happensOnce() external {
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        settlement.fulfil(id, "output", answered, "");
        vm.expectRevert(Escrows.EscrowNotOpen.selector);
        settlement.fulfil(id, "output", answered, "");
        vm.warp(block.timestamp + 2 hours);
        vm.expectRevert(Escrows.EscrowNotOpen.selector);
        settlement.refund(id);
    }

    function test_thePriceIsNeverAboveTheMost() external {
        wanted.unitPrice = 500;
        bytes32 dear = openEscrow(wanted);
        fulfil(dear, wanted, "output");
        vm.assertEq(settlement.creditOf(operator), 100);
        vm.assertEq(settlement.creditOf(requester), 0);
    }

    function testFuzz_everyWordOfTheReceiptCounts(uint256 place, uint256 bit) external {
        Receipt memory receipt = answerTo(id, wanted, "output");
        uint256 words;
        place %= 12;
        // The commitment and, for this policy, the execution class are the worker's to say; the index is its place.
        if (place == 5 || place == 6) place = 4;
        bit = place >= 7 ? 1 << bound(bit, 0, 255) : 1 << (bit % 256);
        assembly ("memory-safe") {
            words := add(receipt, shl(5, place))
            mstore(words, xor(mload(words), bit))
        }
        LoggedReceipt memory changed = logged(WORKER_KEY, LOG, receipt);
        vm.expectRevert();
        settlement.fulfil(id, "output", changed, "");
    }

    function test_saysWhichWordIsWrong() external {
        Receipt memory receipt = answerTo(id, wanted, "output");
        receipt.status = 2;
        refuse(receipt, Escrows.ReceiptNotOk.selector);
        receipt.status = 1;
        refuse(receipt, Escrows.ReceiptNotOk.selector);
        (receipt.status, receipt.fee) = (0, 69);
        refuse(receipt, Escrows.ReceiptOfOtherFee.selector);
        receipt.fee = 100;
        refuse(receipt, Escrows.ReceiptOfOtherFee.selector);
        (receipt.fee, receipt.cumulativeFee) = (70, 70);
        refuse(receipt, Escrows.ReceiptOfOtherFee.selector);
        (receipt.cumulativeFee, receipt.deadline) = (0, wanted.deadline + 1);
        refuse(receipt, Escrows.ReceiptOfOtherRequest.selector);
        (receipt.deadline, receipt.flags) = (wanted.deadline, 3);
        refuse(receipt, Escrows.ReceiptOfOtherRequest.selector);
        (receipt.flags, receipt.responseHash) = (1, sha256("other"));
        refuse(receipt, Escrows.ReceiptOfOtherOutput.selector);
    }

    function test_anotherOutputOrAProofTooMuchIsRefused() external {
        LoggedReceipt memory answered = logged(WORKER_KEY, LOG, answerTo(id, wanted, "output"));
        vm.expectRevert(Escrows.ReceiptOfOtherOutput.selector);
        settlement.fulfil(id, "another", answered, "");
        vm.expectRevert(Escrows.ResultNotVerified.selector);
        settlement.fulfil(id, "output", answered, "proof");
        vm.expectRevert(Escrows.ReceiptNeeded.selector);
        settlement.fulfilProven(id, "output", stranger, "");
        vm.expectRevert(Escrows.DeadlineNotPassed.selector);
        settlement.refund(id);
    }

    function refuse(Receipt memory receipt, bytes4 why) private {
        LoggedReceipt memory changed = logged(WORKER_KEY, LOG, receipt);
        vm.expectRevert(why);
        settlement.fulfil(id, "output", changed, "");
    }
}
