// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { VolatilityMargin } from "../src/VolatilityMargin.sol";
import { MarginFixture } from "./MarginFixture.sol";
import { ProofmarkConsumer } from "proofmark/consumer/ProofmarkConsumer.sol";
import { Receipt } from "proofmark/log/Receipt.sol";
import { Escrows } from "proofmark/settlement/Escrows.sol";
import { LoggedReceipt } from "proofmark/settlement/Heads.sol";

/// What a hostile worker, host, model or stranger tries.
contract MarginAttacksTest is MarginFixture {
    /// An answer that the hook refuses is paid for, and stays in the settlement: the margin does not move.
    function test_refusesNumbersOfAnotherMeaning() external {
        bytes[5] memory bodies = [
            bytes(abi.encode(6, 2, 1, 1, int256(0.01e6))),
            abi.encode(18, 1, 1, int256(0.01e18)),
            abi.encode(18, 2, 1, 2, int256(0.01e18), int256(0.01e18)),
            bytes.concat(volatility(0.01e18), volatility(0.01e18)),
            // No word is a NaN: a worker whose model gave one has not answered. Its bits as a number are out of bounds.
            volatility(int256(uint256(0x7ff8000000000000) << 192))
        ];
        for (uint256 i = 0; i < bodies.length; i++) {
            bytes32 id = keeper.askForForecast();
            settleWith(id, bodies[i]);
            vm.assertTrue(settlement.escrowOf(id).undelivered);
            vm.assertEq(keeper.margin(), 1_000);
            vm.expectRevert(Escrows.CallbackReverted.selector);
            settlement.retryCallback(id, bodies[i], LOG);
            vm.warp(block.timestamp + 10 minutes + 1);
            keeper.abandon(id);
            vm.assertEq(keeper.pending(), 0);
        }
    }

    function test_refusesTheAnswerOfAnotherRequest() external {
        bytes32 first = keeper.askForForecast();
        bytes memory output = volatility(0.01e18);
        LoggedReceipt memory old = logged(WORKER_KEY, LOG, answered(first, output));
        settlement.fulfil(first, output, old, "");
        bytes32 second = keeper.askForForecast();
        vm.expectRevert();
        settlement.fulfil(second, output, old, "");
        // Nor does the settlement itself get a second answer through.
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotPending.selector, first));
        keeper.onProofmarkResult(first, MODEL, output, LOG);
    }

    function test_refusesAnotherModelAndEverybodyButItsSettlement() external {
        bytes32 id = keeper.askForForecast();
        bytes memory output = volatility(0);
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.AnswerOfOtherModel.selector, bytes32("other")));
        keeper.onProofmarkResult(id, "other", output, LOG);
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotTheSettlement.selector, address(this)));
        keeper.onProofmarkResult(id, MODEL, output, LOG);
        Receipt memory other = answered(id, output);
        other.modelId = "other";
        LoggedReceipt memory forged = logged(WORKER_KEY, LOG, other);
        vm.expectRevert();
        settlement.fulfil(id, output, forged, "");
    }

    function test_refusesWhatComesTooLateAndAsksAgain() external {
        bytes32 id = keeper.askForForecast();
        vm.expectRevert(abi.encodeWithSelector(VolatilityMargin.AlreadyAsked.selector, id));
        keeper.askForForecast();
        vm.warp(block.timestamp + 10 minutes + 1);
        settleWith(id, volatility(0.5e18));
        vm.assertEq(keeper.margin(), 1_000);
        keeper.abandon(id);
        vm.assertTrue(keeper.askForForecast() != id);
    }

    function test_aPolicyThatDeniesLaterEndsWhatIsUnderWay() external {
        bytes32 id = keeper.askForForecast();
        bytes memory output = volatility(0.01e18);
        LoggedReceipt memory receipt = logged(WORKER_KEY, LOG, answered(id, output));
        policy.set(LOG, false);
        vm.expectRevert();
        settlement.fulfil(id, output, receipt, "");
        policy.set(LOG, true);
        settlement.fulfil(id, output, receipt, "");
        // What was taken before a denial stays, for as long as a forecast counts.
        policy.set(LOG, false);
        vm.assertEq(keeper.margin(), 1_200);
    }
}
