// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice } from "../der/Slice.sol";
import { Digest384, Sha384EngineFailed } from "./Sha384.sol";

/**
 * SHA-384 of two messages at once through a Sha384PairEngine, whose code its user knows as with Sha384. The padding of
 * FIPS 180-4 section 5.1.2 is written here.
 */
library Sha384Pair {
    uint256 private constant BLOCK = 128;

    /// Of any two parts of memory; the copies that this takes are given back.
    function digests(address engine, Slice left, Slice right)
        internal
        view
        returns (Digest384 memory first, Digest384 memory second)
    {
        uint256 start;
        assembly ("memory-safe") {
            start := mload(0x40)
        }
        uint256 leftBytes = pad(left, start + 0x20);
        uint256 rightBytes = pad(right, start + 0x20 + leftBytes);
        assembly ("memory-safe") {
            mstore(start, leftBytes)
        }
        ask(engine, start, 0x20 + leftBytes + rightBytes, start);
        assembly ("memory-safe") {
            // In memory a digest is two words, as in the answer.
            mcopy(first, start, 0x40)
            mcopy(second, add(start, 0x40), 0x40)
        }
    }

    /// Of `size` bytes from `start` on, in the engine's own form; its answer of 128 bytes to `to`.
    function ask(address engine, uint256 start, uint256 size, uint256 to) internal view {
        bool answered;
        assembly ("memory-safe") {
            let done := staticcall(gas(), engine, start, size, to, 0x80)
            answered := and(done, eq(returndatasize(), 0x80))
        }
        if (!answered) revert Sha384EngineFailed();
    }

    /// One bit, zeros, and the length in bits in the last 16 bytes of a block.
    function pad(Slice message, uint256 to) private pure returns (uint256 size) {
        uint256 length = message.length();
        size = (length + 17 + BLOCK - 1) & ~(BLOCK - 1);
        assembly ("memory-safe") {
            mcopy(to, shr(64, message), length)
            let end := add(to, length)
            // Past the end of calldata there are zeros.
            calldatacopy(end, calldatasize(), sub(size, length))
            mstore8(end, 0x80)
            mstore(sub(add(to, size), 32), or(mload(sub(add(to, size), 32)), shl(3, length)))
        }
    }
}
