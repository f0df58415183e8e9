// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CallGasTooLow } from "../../src/settlement/BoundedCall.sol";
import { Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { Receiver } from "./Policies.sol";
import { SettlementFixture } from "./SettlementFixture.sol";

contract CallbacksTest is SettlementFixture {
    uint256 private constant GAS = 400_000;

    Receiver private receiver;
    Terms private wanted;
    bytes32 private id;

    function setUp() external {
        deploy();
        receiver = Receiver(made("Policies.sol:Receiver", ""));
        wanted = terms();
        (wanted.callback, wanted.callbackGas) = (address(receiver), GAS);
        id = openEscrow(wanted);
    }

    function test_bringsTheAnswerWithTheGasThatWasAskedFor() external {
        fulfil(id, wanted, "output");
        vm.assertEq(receiver.escrow(), id);
        vm.assertEq(receiver.modelId(), wanted.modelId);
        vm.assertEq(receiver.output(), "output");
        vm.assertEq(receiver.log(), LOG);
        vm.assertEq(receiver.count(), 1);
        vm.assertLt(GAS - receiver.gasGiven(), 5_000);
        vm.expectRevert(Escrows.NothingToDeliver.selector);
        settlement.retryCallback(id, "output", LOG);
    }

    function test_aRevertingReceiverStopsNoPaymentAndIsTriedAgain() external {
        receiver.set(true, 0);
        fulfil(id, wanted, "output");
        vm.assertEq(settlement.creditOf(operator), 70);
        vm.assertTrue(settlement.escrowOf(id).undelivered);
        vm.expectRevert(Escrows.CallbackReverted.selector);
        settlement.retryCallback(id, "output", LOG);
        receiver.set(false, 0);
        vm.expectRevert(Escrows.AnswerUnknown.selector);
        settlement.retryCallback(id, "another", LOG);
        vm.expectRevert(Escrows.AnswerUnknown.selector);
        settlement.retryCallback(id, "output", "another log");
        vm.prank(stranger);
        settlement.retryCallback(id, "output", LOG);
        vm.assertEq(receiver.count(), 1);
        vm.expectRevert(Escrows.NothingToDeliver.selector);
        settlement.retryCallback(id, "output", LOG);
    }

    function test_aRetryGivesNoLessThanWasAskedFor() external {
        receiver.set(false, 350_000);
        wanted.callbackGas = 100_000;
        bytes32 hungry = openEscrow(wanted);
        fulfil(hungry, wanted, "output");
        vm.assertTrue(settlement.escrowOf(hungry).undelivered);
        vm.expectRevert(CallGasTooLow.selector);
        settlement.retryCallback{ gas: 100_000 }(hungry, "output", LOG);
        vm.expectRevert(Escrows.CallbackReverted.selector);
        settlement.retryCallback{ gas: 250_000 }(hungry, "output", LOG);
        // More than was asked for helps.
        settlement.retryCallback{ gas: 700_000 }(hungry, "output", LOG);
        vm.assertEq(receiver.count(), 1);
    }

    function test_anAccountWithoutCodeWasNotCalled() external {
        wanted.callback = stranger;
        bytes32 each = openEscrow(wanted);
        fulfil(each, wanted, "output");
        vm.assertTrue(settlement.escrowOf(each).undelivered);
    }
}
