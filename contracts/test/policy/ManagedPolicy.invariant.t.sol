// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Console } from "../support/Console.sol";
import { Test } from "../support/Test.sol";
import { ManagedHandler } from "./ManagedHandler.sol";

contract ManagedPolicyInvariantTest is Test {
    ManagedHandler private handler;

    function setUp() external {
        handler = ManagedHandler(vm.deployCode("ManagedHandler.sol:ManagedHandler"));
    }

    /// What forge calls at random.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// Nothing is accepted that was not accepted before, but by activating what was proposed a whole delay ago and has not
    /// been tightened since; what is denied is refused from then on.
    function invariant_nothingLoosensBeforeTheDelayAndDenialsCountAtOnce() external view {
        vm.assertEq(handler.loosenedEarly(), 0);
        vm.assertEq(handler.deniedTooLate(), 0);
    }

    function afterInvariant() external view {
        Console.log("proposed", handler.proposed());
        Console.log("activated", handler.activated());
        Console.log("activated, and more was accepted", handler.loosened());
        Console.log("tightened", handler.tightened());
        Console.log("refused to tighten", handler.refused());
        Console.log("cancelled", handler.cancelled());
    }
}
