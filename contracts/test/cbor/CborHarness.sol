// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { CborScan } from "../../src/cbor/CborScan.sol";
import { Utf8 } from "../../src/cbor/Utf8.sol";
import { Slice, Slices } from "../../src/der/Slice.sol";

contract CborHarness {
    function scan(bytes memory input, bool deterministic, uint256 most)
        external
        pure
        returns (uint256 major, uint256 count, bytes[] memory members)
    {
        Slice[] memory found;
        (major, count, found) = CborScan.scan(Slices.ofBytes(input), deterministic, most);
        members = new bytes[](count < most ? count : most);
        for (uint256 i = 0; i < members.length; i++) {
            members[i] = copy(found[i]);
        }
    }

    function utf8(bytes memory text) external pure returns (bool) {
        Slice slice = Slices.ofBytes(text);
        return Utf8.isWellFormed(slice.pointer(), slice.length());
    }

    function copy(Slice slice) private pure returns (bytes memory result) {
        (uint256 from, uint256 size) = (slice.pointer(), slice.length());
        result = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(result, 0x20), from, size)
        }
    }
}
