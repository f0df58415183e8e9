// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { P256 } from "../p256/P256.sol";
import { P256Fallback } from "../p256/P256Fallback.sol";

/// What workers and session keys have signed. The fallback's code has no room beside everything else (EIP-170), so it is
/// created with the settlement.
abstract contract Signatures {
    P256Fallback private immutable FALLBACK = new P256Fallback();

    function isSigned(bytes32 digest, bytes32 r, bytes32 s, bytes32 x, bytes32 y) internal view returns (bool) {
        return P256.verify(FALLBACK, digest, r, s, x, y);
    }
}
