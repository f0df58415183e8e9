// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { IP256Fallback, P256 } from "./P256.sol";

/// ECDSA P-256 in Solidity. No state, no owner: whoever needs it may create its own.
contract P256Fallback is IP256Fallback {
    function verify(bytes32 hash, bytes32 r, bytes32 s, bytes32 x, bytes32 y) external view returns (bool) {
        return P256.verify(hash, r, s, x, y);
    }
}
