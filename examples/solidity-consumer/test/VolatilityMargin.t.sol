// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { MarginRules, VolatilityMargin } from "../src/VolatilityMargin.sol";
import { MarginFixture } from "./MarginFixture.sol";
import { LoggedReceipt } from "proofmark/settlement/Heads.sol";

contract VolatilityMarginTest is MarginFixture {
    function test_followsAnAnswerAboutItsOwnPrices() external {
        vm.assertEq(keeper.margin(), 1_000);
        bytes32 id = keeper.askForForecast();
        settleWith(id, volatility(0.01e18));
        vm.assertEq(keeper.margin(), 1_200);
        vm.assertEq(keeper.pending(), 0);
        vm.assertEq(settlement.creditOf(operator), 70);
        vm.assertEq(settlement.creditOf(address(keeper)), 30);
    }

    function test_aForecastIsAsOldAsItsRequest() external {
        bytes32 id = keeper.askForForecast();
        vm.warp(block.timestamp + 10 minutes);
        settleWith(id, volatility(0.01e18));
        vm.assertEq(keeper.margin(), 1_200);
        vm.warp(block.timestamp + 50 minutes);
        vm.assertEq(keeper.margin(), 1_200);
        vm.warp(block.timestamp + 1);
        vm.assertEq(keeper.margin(), 1_000);
    }

    function testFuzz_staysWithinItsBoundsWhateverTheModelSays(int256 value) external {
        bytes32 id = keeper.askForForecast();
        settleWith(id, volatility(value));
        uint256 margin = keeper.margin();
        vm.assertTrue(margin >= 200 && margin <= 5_000);
        bool believed = value >= 0 && value <= 1e18;
        vm.assertTrue(believed == (keeper.forecastFrom() != 0));
    }

    function test_takesItsMoneyBackWhereNobodyAnswers() external {
        bytes32 id = keeper.askForForecast();
        vm.assertEq(token.balanceOf(address(keeper)), 900);
        vm.warp(block.timestamp + 1 hours + 1);
        vm.prank(stranger);
        keeper.abandon(id);
        vm.assertEq(settlement.creditOf(address(keeper)), 100);
        vm.assertEq(keeper.pending(), 0);
        // Paid from the credit: nothing more is taken.
        keeper.askForForecast();
        vm.assertEq(token.balanceOf(address(keeper)), 900);
    }

    function test_aCallbackThatFailedIsTriedAgainByAnybody() external {
        bytes32 id = keeper.askForForecast();
        bytes memory output = volatility(0.01e18);
        LoggedReceipt memory receipt = logged(WORKER_KEY, LOG, answered(id, output));
        bytes memory code = address(keeper).code;
        vm.etch(address(keeper), hex"fe");
        settlement.fulfil(id, output, receipt, "");
        vm.etch(address(keeper), code);
        vm.assertTrue(settlement.escrowOf(id).undelivered);
        vm.assertEq(keeper.margin(), 1_000);
        vm.prank(stranger);
        settlement.retryCallback(id, output, LOG);
        vm.assertEq(keeper.margin(), 1_200);
    }

    function test_asksOnlyAboutWhatItsReporterSaw() external {
        vm.expectRevert(VolatilityMargin.NotTheReporter.selector);
        keeper.observe(5);
        vm.startPrank(REPORTER);
        vm.expectRevert(VolatilityMargin.PriceInvalid.selector);
        keeper.observe(0);
        vm.stopPrank();
        VolatilityMargin fresh = deployed("VolatilityMargin.sol:VolatilityMargin", rules());
        vm.expectRevert(VolatilityMargin.TooFewObservations.selector);
        fresh.askForForecast();
        MarginRules memory wrong = rules();
        wrong.leastMargin = 2_000;
        vm.expectRevert(VolatilityMargin.RulesInvalid.selector);
        deployed("VolatilityMargin.sol:VolatilityMargin", wrong);
    }
}
