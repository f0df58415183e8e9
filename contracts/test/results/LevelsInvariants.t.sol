// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { EscrowState } from "../../src/settlement/Escrows.sol";
import { Settlement } from "../../src/settlement/Settlement.sol";
import { TestToken } from "../settlement/TestTokens.sol";
import { Test } from "../support/Test.sol";
import { LevelsHandler } from "./LevelsHandler.sol";

/// Money moves once over all levels, whatever anybody sends in whatever order.
contract LevelsInvariants is Test {
    LevelsHandler private handler;
    Settlement private settlement;
    TestToken private token;
    address[3] private accounts;

    function setUp() external {
        bytes memory code = vm.getCode("LevelsHandler.sol:LevelsHandler");
        LevelsHandler made;
        assembly ("memory-safe") {
            made := create(0, add(code, 0x20), mload(code))
        }
        handler = made;
        (address at, address paidIn, address[3] memory whose) = handler.parts();
        (settlement, token, accounts) = (Settlement(at), TestToken(paidIn), whose);
    }

    /// forge's way to say who is called.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// forge-config: default.invariant.runs = 32
    /// forge-config: default.invariant.depth = 150
    /// forge-config: long.invariant.runs = 64
    /// forge-config: long.invariant.depth = 300
    function invariant_moneyMovesOnceOverAllLevels() external view {
        vm.assertEq(handler.breaches(), 0);
        uint256 sum;
        for (uint256 i = 0; i < accounts.length; i++) {
            sum += settlement.creditOf(accounts[i]);
        }
        for (uint256 i = 0; i < handler.escrowCount(); i++) {
            bytes32 id = handler.escrows(i);
            EscrowState state = settlement.escrowOf(id).state;
            vm.assertEq(handler.settled(id), state == EscrowState.Open ? 0 : 1);
            if (state == EscrowState.Open) sum += settlement.escrowOf(id).maxFee;
        }
        vm.assertEq(token.balanceOf(address(settlement)), sum);
    }

    /// Nothing is said by a campaign that settles nothing.
    function test_everyLevelSettles() external {
        for (uint256 level = 0; level < 5; level++) {
            // The handler has opened one at each level, in order, and looks at the newest first.
            handler.settleSome(4 - level, 1, false);
            vm.assertEq(handler.settledAt(level), 1);
        }
        vm.assertEq(handler.breaches(), 0);
    }
}
