// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Console } from "../support/Console.sol";
import { Test } from "../support/Test.sol";
import { PoolHandler } from "./PoolHandler.sol";

contract VolatilityFeePoolInvariantTest is Test {
    PoolHandler private handler;

    function setUp() external {
        handler = PoolHandler(vm.deployCode("PoolHandler.sol:PoolHandler"));
    }

    /// What forge calls at random.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// The product never falls by a trade, no share loses by others' coming and going, fees stay within bounds, and the
    /// pool holds exactly its reserves, whatever the forecaster says.
    function invariant_poolLosesNothingAndFeesAreBounded() external view {
        (uint256 fee, bool backed) = handler.state();
        vm.assertLe(500, fee);
        vm.assertLe(fee, 30_000);
        vm.assertTrue(backed);
        vm.assertEq(handler.losses(), 0);
    }

    function afterInvariant() external view {
        Console.log("swaps", handler.swaps());
        Console.log("additions of liquidity", handler.additions());
        Console.log("removals", handler.removals());
        Console.log("requests", handler.requests());
        Console.log("forecasts taken", handler.forecasts());
        Console.log("forecasts refused", handler.refusedForecasts());
    }
}
