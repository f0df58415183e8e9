// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

/// A part of memory: where it starts (above bit 64) and how long it is. Reading a structure makes slices and no copies.
type Slice is uint256;

using Slices for Slice global;

/// What slices point at must stay where it is; nothing here writes.
library Slices {
    function ofBytes(bytes memory data) internal pure returns (Slice) {
        uint256 start;
        assembly ("memory-safe") {
            start := add(data, 0x20)
        }
        return make(start, data.length);
    }

    // In assembly, without checks that cannot fail: certificates are read with some hundred of these calls.

    /// Memory that was paid for has addresses and lengths far below 2^64.
    function make(uint256 start, uint256 size) internal pure returns (Slice slice) {
        assembly ("memory-safe") {
            slice := or(shl(64, start), size)
        }
    }

    function pointer(Slice slice) internal pure returns (uint256 start) {
        assembly ("memory-safe") {
            start := shr(64, slice)
        }
    }

    function length(Slice slice) internal pure returns (uint256 size) {
        assembly ("memory-safe") {
            size := and(slice, 0xffffffffffffffff)
        }
    }

    /// The byte at `index`, which the caller has compared with the length.
    function byteAt(Slice slice, uint256 index) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := byte(0, mload(add(shr(64, slice), index)))
        }
    }

    /// The part from `from` on, which the caller has compared with the length.
    function skip(Slice slice, uint256 from) internal pure returns (Slice part) {
        assembly ("memory-safe") {
            // The start grows by what the length loses.
            part := sub(add(slice, shl(64, from)), from)
        }
    }

    /// The same part of a copy that starts so many bytes further on, or before.
    function moved(Slice slice, int256 distance) internal pure returns (Slice part) {
        assembly ("memory-safe") {
            part := add(slice, shl(64, distance))
        }
    }

    function hash(Slice slice) internal pure returns (bytes32 result) {
        assembly ("memory-safe") {
            result := keccak256(shr(64, slice), and(slice, 0xffffffffffffffff))
        }
    }

    function equal(Slice left, Slice right) internal pure returns (bool) {
        return length(left) == length(right) && hash(left) == hash(right);
    }

    /// Whether the slice is exactly the first `size` bytes of `expected`, at most 32.
    function isExactly(Slice slice, bytes32 expected, uint256 size) internal pure returns (bool yes) {
        assembly ("memory-safe") {
            let unused := sub(256, shl(3, size))
            let same := eq(shr(unused, mload(shr(64, slice))), shr(unused, expected))
            yes := and(same, eq(and(slice, 0xffffffffffffffff), size))
        }
    }

    /// The first `size` bytes, 1 to 32, as a number.
    function prefix(Slice slice, uint256 size) internal pure returns (uint256 value) {
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(shr(64, slice)))
        }
    }

    /// A copy, for what leaves a contract.
    function toBytes(Slice slice) internal pure returns (bytes memory copied) {
        uint256 size = length(slice);
        copied = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(copied, 0x20), shr(64, slice), size)
        }
    }
}
