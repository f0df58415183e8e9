// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice, Slices } from "../der/Slice.sol";

/// Reads what `CborScan` has walked, and therefore checks no bound a second time.
library Cbor {
    uint256 internal constant UNSIGNED = 0;
    uint256 internal constant BYTES = 2;
    uint256 internal constant TEXT = 3;
    uint256 internal constant ARRAY = 4;
    uint256 internal constant MAP = 5;

    uint256 private constant NULL = 0xf6;

    function majorOf(Slice item) internal pure returns (uint256) {
        return item.byteAt(0) >> 5;
    }

    function isNull(Slice item) internal pure returns (bool) {
        return item.byteAt(0) == NULL;
    }

    /// The argument of the head, and where what follows the head begins; all ones for an indefinite length.
    function head(uint256 at) internal pure returns (uint256 major, uint256 argument, uint256 next) {
        assembly ("memory-safe") {
            let word := mload(at)
            major := shr(253, word)
            argument := and(byte(0, word), 0x1f)
            next := add(at, 1)
            if gt(argument, 23) {
                switch argument
                case 31 { argument := not(0) }
                default {
                    let width := shl(sub(argument, 24), 1)
                    argument := shr(sub(256, shl(3, width)), shl(8, word))
                    next := add(next, width)
                }
            }
        }
    }

    /// The contents of a byte string or a text.
    function contents(Slice item) internal pure returns (Slice) {
        (, uint256 length, uint256 start) = head(item.pointer());
        return Slices.make(start, length);
    }

    function unsigned(Slice item) internal pure returns (uint256 value) {
        (, value,) = head(item.pointer());
    }
}
