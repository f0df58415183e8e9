// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slice } from "../der/Slice.sol";

/// The SHA-256 precompile did not answer: too little gas.
error Sha256Failed();

/// SHA-256 of a part of memory where it lies; Solidity's own takes copies only.
library Sha256 {
    function digest(Slice slice) internal view returns (bytes32 result) {
        bool answered;
        assembly ("memory-safe") {
            let done := staticcall(gas(), 0x02, shr(64, slice), and(slice, 0xffffffffffffffff), 0x00, 0x20)
            answered := and(done, eq(returndatasize(), 0x20))
            result := mload(0x00)
        }
        if (!answered) revert Sha256Failed();
    }

    /// Without the copy that the compiler makes for its own `sha256`.
    function digest(bytes memory message) internal view returns (bytes32 result) {
        bool answered;
        assembly ("memory-safe") {
            let done := staticcall(gas(), 0x02, add(message, 0x20), mload(message), 0x00, 0x20)
            answered := and(done, eq(returndatasize(), 0x20))
            result := mload(0x00)
        }
        if (!answered) revert Sha256Failed();
    }
}
