// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { ProofmarkConsumer } from "../../src/consumer/ProofmarkConsumer.sol";
import { PriceHistories } from "../../src/examples/PriceHistory.sol";
import { VolatilityFeePool } from "../../src/examples/VolatilityFeePool.sol";
import { Escrow, Escrows, Terms } from "../../src/settlement/Escrows.sol";
import { PoolFixture } from "./PoolFixture.sol";

/// What the pool does with forecasts.
contract VolatilityFeePoolTest is PoolFixture {
    function setUp() external {
        deploy();
    }

    function test_theFeeFollowsAForecastOfThePoolsOwnPrices() external {
        trade(17);
        vm.assertEq(pool.observations(), 17);
        bytes32 id = request();
        // The input is the pool's own, whatever the keeper thinks of it.
        bytes memory input = abi.encodePacked(uint256(18), uint256(2), uint256(1), uint256(16), pool.observedChanges());
        vm.assertEq(settlement.escrowOf(id).inputHash, sha256(input));
        vm.assertEq(pool.currentFee(), 3_000);
        answer(id, forecast(0.01e18));
        vm.assertEq(pool.currentFee(), 10_500);
        vm.assertEq(settlement.creditOf(FORECASTER), 70);
    }

    function test_observesThePriceThatEarlierBlocksHaveLeft() external {
        trade(17);
        int256[] memory before = pool.observedChanges();
        vm.roll(block.number + 1);
        uint256 priceBefore = pool.price();
        // However far the price is moved in this block, its observation is the one from before.
        pool.swap(true, 5e23, 0, address(this), block.timestamp);
        pool.swap(false, 5e23, 0, address(this), block.timestamp);
        vm.assertEq(pool.observations(), 18);
        int256[] memory changes = pool.observedChanges();
        for (uint256 i = 0; i < 15; i++) {
            vm.assertEq(changes[i], before[i + 1]);
        }
        vm.assertTrue(changes[15] < 0.05e18 && changes[15] > -0.05e18);
        vm.assertTrue(pool.price() != priceBefore);
    }

    function test_asksForNothingBeforeItHasSeenEnough() external {
        trade(16);
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(PriceHistories.HistoryTooShort.selector, 16));
        pool.requestForecast();
        trade(1);
        request();
        vm.prank(KEEPER);
        vm.expectRevert(abi.encodeWithSelector(VolatilityFeePool.RequestTooEarly.selector, block.number + 5));
        pool.requestForecast();
        vm.roll(block.number + 5);
        request();
    }

    function test_refusesAKeepersInput() external {
        trade(17);
        bytes32 id = escrowByKeeper(pool.requestOf(request()).modelId);
        answer(id, forecast(0.9e18));
        vm.assertTrue(settlement.escrowOf(id).undelivered);
        vm.assertEq(pool.currentFee(), 3_000);
    }

    function test_refusesAnotherModelAndAnotherPolicy() external {
        trade(17);
        bytes32 id = escrowByKeeper("another model");
        answer(id, forecast(0.9e18));
        vm.assertTrue(settlement.escrowOf(id).undelivered);
        id = request();
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.AnswerOfOtherModel.selector, bytes32("another")));
        pool.onProofmarkResult(id, "another", forecast(0.9e18), 0);
        // The settlement keeps what the pool asked with, and takes no other verifier's word.
        Escrow memory kept = settlement.escrowOf(id);
        vm.assertEq(kept.resultVerifier, address(verifier));
        vm.assertEq(kept.policy, address(0));
        vm.assertEq(pool.currentFee(), 3_000);
    }

    function escrowByKeeper(bytes32 model) private returns (bytes32) {
        vm.prank(KEEPER);
        return settlement.openEscrow(
            Terms(model, address(0), address(verifier), 70, 100, block.timestamp + 1 hours, address(pool), 300_000),
            "an input of the keeper's choice"
        );
    }

    function test_refusesAnAnswerThatIsTooOld() external {
        trade(17);
        bytes32 id = request();
        vm.roll(block.number + 21);
        answer(id, forecast(0.01e18));
        vm.assertTrue(settlement.escrowOf(id).undelivered);
        vm.assertEq(pool.currentFee(), 3_000);
        vm.expectRevert(Escrows.CallbackReverted.selector);
        settlement.retryCallback(id, forecast(0.01e18), 0);
        pool.abandon(id);
        // The next one is not held up.
        id = request();
        answer(id, forecast(0.01e18));
        vm.assertEq(pool.currentFee(), 10_500);
    }

    function test_refusesASecondAnswerAndAnOlderOne() external {
        trade(17);
        bytes32 first = request();
        vm.roll(block.number + 5);
        bytes32 second = request();
        answer(second, forecast(0.01e18));
        vm.prank(address(settlement));
        vm.expectRevert(abi.encodeWithSelector(ProofmarkConsumer.NotPending.selector, second));
        pool.onProofmarkResult(second, keccak256("volatility"), forecast(0.02e18), 0);
        answer(first, forecast(0.02e18));
        vm.assertTrue(settlement.escrowOf(first).undelivered);
        vm.prank(address(settlement));
        vm.expectRevert(VolatilityFeePool.ForecastOutdated.selector);
        pool.onProofmarkResult(first, keccak256("volatility"), forecast(0.02e18), 0);
        vm.assertEq(pool.currentFee(), 10_500);
    }

    function test_refusesAnswersThatMakeNoSense() external {
        trade(17);
        bytes[6] memory outputs = [
            forecast(-1),
            forecast(1e18 + 1),
            abi.encode(17, 2, 1, 1, int256(1)),
            abi.encode(18, 1, 1, int256(1)),
            abi.encode(18, 2, 1, 2, int256(1), int256(1)),
            bytes("")
        ];
        for (uint256 i = 0; i < outputs.length; i++) {
            vm.roll(block.number + 5);
            bytes32 id = request();
            answer(id, outputs[i]);
            vm.assertTrue(settlement.escrowOf(id).undelivered);
        }
        vm.assertEq(pool.currentFee(), 3_000);
    }

    function test_aForecastEndsAndFeesStayWithinBounds() external {
        trade(17);
        bytes32 id = request();
        uint256 asked = block.number;
        answer(id, forecast(1e18));
        vm.assertEq(pool.currentFee(), 30_000);
        vm.roll(asked + 50);
        vm.assertEq(pool.currentFee(), 30_000);
        vm.roll(asked + 51);
        vm.assertEq(pool.currentFee(), 3_000);
        id = request();
        answer(id, forecast(0));
        vm.assertEq(pool.currentFee(), 500);
    }

    function test_whatIsGivenBackPaysForTheNext() external {
        trade(17);
        bytes32 id = request();
        vm.assertEq(payment.balanceOf(KEEPER), 999_900);
        vm.warp(block.timestamp + 1 hours + 1);
        pool.abandon(id);
        vm.roll(block.number + 5);
        request();
        vm.assertEq(payment.balanceOf(KEEPER), 999_900);
        vm.assertEq(payment.balanceOf(address(pool)), 0);
    }
}
