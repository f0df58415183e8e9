// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/**
 * Reverts with a custom error that has no arguments. A statement of its own writes each of a hundred refusals out in 50
 * bytes, and the contracts that judge evidence would pass EIP-170's limit; a call takes a dozen.
 */
function refuse(uint32 selector) pure {
    assembly ("memory-safe") {
        mstore(0x00, shl(224, selector))
        revert(0x00, 0x04)
    }
}
