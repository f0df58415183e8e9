// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Der } from "../../src/der/Der.sol";
import { DerTime } from "../../src/der/DerTime.sol";
import { Slice, Slices } from "../../src/der/Slice.sol";

/// The reader as a contract. Offsets are of the input, as in the TypeScript reader, so that both can be compared.
contract DerHarness {
    function readAny(bytes memory input) external pure returns (uint256 tag, uint256 header, bytes memory contents) {
        Slice cursor = Slices.ofBytes(input);
        Slice found;
        (tag, found,) = Der.readAny(cursor);
        return (tag, found.pointer() - cursor.pointer(), copy(found));
    }

    function only(bytes memory input, uint256 tag) external pure returns (bytes memory) {
        return copy(Der.only(Slices.ofBytes(input), tag));
    }

    function boolean(bytes memory contents) external pure returns (bool) {
        return Der.boolean(Slices.ofBytes(contents));
    }

    function integer(bytes memory contents) external pure {
        Der.checkInteger(Slices.ofBytes(contents));
    }

    function unsigned(bytes memory contents) external pure returns (bytes memory) {
        return copy(Der.unsigned(Slices.ofBytes(contents)));
    }

    function count(bytes memory contents) external pure returns (uint256) {
        return Der.count(Slices.ofBytes(contents));
    }

    function wholeBytes(bytes memory contents) external pure returns (bytes memory) {
        return copy(Der.wholeBytes(Slices.ofBytes(contents)));
    }

    function namedBits(bytes memory contents, bool trailingZeros) external pure returns (bytes memory) {
        return copy(Der.namedBits(Slices.ofBytes(contents), trailingZeros));
    }

    function oid(bytes memory contents) external pure {
        Der.checkOid(Slices.ofBytes(contents));
    }

    function time(bytes memory element) external pure returns (int64 seconds_) {
        Slice rest;
        (seconds_, rest) = DerTime.read(Slices.ofBytes(element));
        Der.end(rest);
    }

    function copy(Slice slice) private pure returns (bytes memory result) {
        (uint256 from, uint256 size) = (slice.pointer(), slice.length());
        result = new bytes(size);
        assembly ("memory-safe") {
            mcopy(add(result, 0x20), from, size)
        }
    }
}
