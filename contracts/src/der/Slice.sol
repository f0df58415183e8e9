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

    /// Memory that was paid for has addresses and lengths far below 2^64.
    function make(uint256 start, uint256 size) internal pure returns (Slice) {
        return Slice.wrap((start << 64) | size);
    }

    function pointer(Slice slice) internal pure returns (uint256) {
        return Slice.unwrap(slice) >> 64;
    }

    function length(Slice slice) internal pure returns (uint256) {
        return uint64(Slice.unwrap(slice));
    }

    /// The byte at `index`, which the caller has compared with the length.
    function byteAt(Slice slice, uint256 index) internal pure returns (uint256 value) {
        uint256 at = pointer(slice) + index;
        assembly ("memory-safe") {
            value := byte(0, mload(at))
        }
    }

    /// The part from `from` on, which the caller has compared with the length.
    function skip(Slice slice, uint256 from) internal pure returns (Slice) {
        return make(pointer(slice) + from, length(slice) - from);
    }

    function hash(Slice slice) internal pure returns (bytes32 result) {
        (uint256 start, uint256 size) = (pointer(slice), length(slice));
        assembly ("memory-safe") {
            result := keccak256(start, size)
        }
    }

    function equal(Slice left, Slice right) internal pure returns (bool) {
        return length(left) == length(right) && hash(left) == hash(right);
    }

    /// Whether the slice is exactly the first `size` bytes of `expected`, at most 32.
    function isExactly(Slice slice, bytes32 expected, uint256 size) internal pure returns (bool) {
        return length(slice) == size && prefix(slice, size) == uint256(expected) >> (256 - 8 * size);
    }

    /// The first `size` bytes, 1 to 32, as a number.
    function prefix(Slice slice, uint256 size) internal pure returns (uint256 value) {
        uint256 at = pointer(slice);
        assembly ("memory-safe") {
            value := shr(sub(256, shl(3, size)), mload(at))
        }
    }
}
