// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Vm } from "./Vm.sol";

/// What a test contract inherits: forge's cheat codes under their short name.
abstract contract Test {
    /// The address that forge answers at: the end of keccak256("hevm cheat code").
    Vm internal constant vm = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    /// forge calls test functions of contracts that say so.
    bool public constant IS_TEST = true;

    /// `value` brought into [low, high], for fuzzed numbers.
    function bound(uint256 value, uint256 low, uint256 high) internal pure returns (uint256) {
        if (value >= low && value <= high) return value;
        return low + (value % (high - low + 1));
    }
}
