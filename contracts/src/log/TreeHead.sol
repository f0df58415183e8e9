// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import { Sha256 } from "../hash/Sha256.sol";
import { P256 } from "../p256/P256.sol";
import { Subtree } from "./Subtree.sol";

/// The root of a log at one size, with the signature of the worker whose log it is.
struct SignedHead {
    bytes32 log;
    uint256 size;
    bytes32 root;
    bytes32 r;
    bytes32 s;
}

/// DESIGN section 4: TreeHead, word for word as `wire/message/receipt.ts` writes it.
library TreeHeads {
    bytes32 private constant TAG = "proofmark head v1";

    /// What the worker signs: SHA-256 of the six words, which name this chain.
    function digest(address settlement, bytes32 log, uint256 size, bytes32 root) internal view returns (bytes32) {
        return Sha256.digest(abi.encode(TAG, block.chainid, settlement, log, size, root));
    }

    /// Whether the key signed this head for that settlement on this chain. Sizes have 48 bits; high s is refused, and
    /// so are points off the curve (DESIGN section 3).
    function isSigned(SignedHead calldata head, address settlement, bytes32 signerX, bytes32 signerY)
        internal
        view
        returns (bool)
    {
        if (head.size >= Subtree.MOST_LEAVES) return false;
        bytes32 hash = digest(settlement, head.log, head.size, head.root);
        return P256.verify(hash, head.r, head.s, signerX, signerY);
    }
}
