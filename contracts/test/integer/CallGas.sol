// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// What a call costs by itself, without the transaction around it.
contract CallGas {
    error CallFailed();

    function measure(address to, bytes memory data) external view returns (uint256 used) {
        // Met for the first time, an account costs more; a settlement has met it when it asks the second time.
        if (to.code.length == 0) revert CallFailed();
        bool done;
        assembly ("memory-safe") {
            let before := gas()
            done := staticcall(gas(), to, add(data, 0x20), mload(data), 0x00, 0x20)
            used := sub(before, gas())
            done := and(done, eq(mload(0x00), 1))
        }
        if (!done) revert CallFailed();
    }
}
