// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { refuse } from "./Refuse.sol";
import { Slice } from "./Slice.sol";

/// The precompiled contract for SHA-256 gave no answer: too little gas.
error Sha256Failed();

library SliceSha256 {
    /// SHA-256 of the bytes where they are.
    function sha256Hash(Slice slice) internal view returns (bytes32 result) {
        (uint256 from, uint256 size) = (slice.pointer(), slice.length());
        bool answered;
        assembly ("memory-safe") {
            answered := and(eq(returndatasize(), 0x20), staticcall(gas(), 0x02, from, size, 0x00, 0x20))
            result := mload(0x00)
        }
        if (!answered) refuse(uint32(Sha256Failed.selector));
    }
}
