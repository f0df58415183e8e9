// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { P256 } from "../../src/p256/P256.sol";

/// Both ways to verify, for tests that compare them with others.
contract P256Harness {
    /// Through the precompile where the chain has one.
    function verify(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external view returns (bool) {
        return P256.verify(hash, r, s, x, y);
    }

    function verifyHere(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external view returns (bool) {
        return P256.verifyHere(hash, r, s, x, y);
    }
}
