// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Slices } from "../../src/der/Slice.sol";
import { Digest384 } from "../../src/hash/Sha384.sol";
import { Sha384Pair } from "../../src/hash/Sha384Pair.sol";

/// The library as a contract, for tests that bring their own vectors.
contract Sha384PairHarness {
    address private immutable ENGINE;

    constructor(address engine) {
        ENGINE = engine;
    }

    function digests(bytes memory left, bytes memory right) external view returns (bytes memory, bytes memory) {
        (Digest384 memory first, Digest384 memory second) =
            Sha384Pair.digests(ENGINE, Slices.ofBytes(left), Slices.ofBytes(right));
        return (abi.encodePacked(first.first, first.last), abi.encodePacked(second.first, second.last));
    }
}
