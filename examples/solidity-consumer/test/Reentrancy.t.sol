// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { MarginRules, VolatilityMargin } from "../src/VolatilityMargin.sol";
import { MarginFixture } from "./MarginFixture.sol";
import { Ask } from "proofmark/consumer/ProofmarkConsumer.sol";
import { Settlement } from "proofmark/settlement/Settlement.sol";

/// The example with a hook that lets a stranger act in the middle of it.
contract ReenteredMargin is VolatilityMargin {
    address private target;
    bytes private call;
    bool public reached;

    constructor(Settlement settlement, address reporter, Ask memory wanted, MarginRules memory bounds)
        VolatilityMargin(settlement, reporter, wanted, bounds)
    { }

    function inHook(address to, bytes calldata data) external {
        (target, call) = (to, data);
    }

    function _onResult(bytes32 escrow, bytes calldata output, bytes32 log) internal override {
        (reached,) = target.call(call);
        super._onResult(escrow, output, log);
    }
}

contract ReentrancyTest is MarginFixture {
    function test_reenteringFindsNothingToAnswerAndNothingToGiveBack() external {
        ReenteredMargin hooked = ReenteredMargin(address(deployed("Reentrancy.t.sol:ReenteredMargin", rules())));
        keeper = hooked;
        token.mint(address(hooked), 1_000);
        for (uint256 i = 0; i < 17; i++) {
            vm.prank(REPORTER);
            hooked.observe(1_000 + i);
        }
        for (uint256 way = 0; way < 3; way++) {
            bytes32 id = hooked.askForForecast();
            bytes memory output = volatility(0.01e18);
            if (way == 0) {
                hooked.inHook(address(settlement), abi.encodeCall(settlement.retryCallback, (id, output, LOG)));
            }
            if (way == 1) hooked.inHook(address(settlement), abi.encodeCall(settlement.refund, (id)));
            if (way == 2) hooked.inHook(address(hooked), abi.encodeCall(hooked.abandon, (id)));
            settleWith(id, output);
            vm.assertFalse(hooked.reached());
            vm.assertEq(hooked.margin(), 1_200);
            vm.assertEq(settlement.creditOf(operator), 70 * (way + 1));
        }
    }
}
